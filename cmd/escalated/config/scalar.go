package config

import (
	"encoding"
	"errors"
	"fmt"
	"math"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"

	"github.com/goccy/go-yaml/ast"
)

// scalar decodes one value. Its tags say what it may be: oneof lists words,
// zero is a word for nothing, is names a rule of [checkText] or [checkAmount].
func (d *decoder) scalar(path string, n ast.Node, v reflect.Value, tag reflect.StructTag) {
	text, ok := textOf(n)
	if !ok {
		d.refuse(path, "%s wants a single value, not %s; write it on the line of its key", name(path), shown(n))
		return
	}
	if zero := tag.Get("zero"); zero != "" && text == zero {
		v.SetZero()
		return
	}
	if err := d.set(path, text, v, tag); err != nil {
		d.refuse(path, "%s: %v", name(path), err)
	}
}

func (d *decoder) set(path, text string, v reflect.Value, tag reflect.StructTag) error {
	if err := checkWord(text, tag.Get("oneof")); err != nil {
		return err
	}
	is := tag.Get("is")
	switch target := v.Addr().Interface().(type) {
	case **time.Location:
		return setZone(target, text)
	case *time.Duration:
		long, err := ParseDuration(text)
		if err != nil {
			return zeroWord(err, tag)
		}
		*target = long.Flat()
		return checkAmount(is, text, float64(*target))
	case *Server:
		server, err := parseServer(is, text)
		*target = server
		return err
	case *Relay:
		server, err := parseServer("smtp", text)
		*target = Relay{Server: server, inherits: true}
		return err
	case encoding.TextUnmarshaler:
		if err := target.UnmarshalText([]byte(text)); err != nil {
			return zeroWord(err, tag)
		}
		return checkAmount(is, text, amount(v))
	}
	if v.Kind() == reflect.String {
		return d.setText(path, text, v, is)
	}
	return setNumber(text, v, is)
}

func (d *decoder) setText(path, text string, v reflect.Value, is string) error {
	if text == "" && is != "filled" && !strings.HasSuffix(path, "]") {
		v.SetString("")
		return nil
	}
	if strings.ContainsFunc(text, unicode.IsControl) {
		return fmt.Errorf("%s has a line break or control character in it; write it on one line", quote(text))
	}
	text, err := checkText(is, text)
	if err == nil && is == "path" {
		text = d.resolve(text)
	}
	v.SetString(text)
	return err
}

func setNumber(text string, v reflect.Value, is string) error {
	plain := strings.ReplaceAll(text, "_", "")
	switch v.Kind() {
	case reflect.Bool:
		if text != "true" && text != "false" {
			return fmt.Errorf("%s is neither true nor false; write one of the two", quote(text))
		}
		v.SetBool(text == "true")
		return nil
	case reflect.Int:
		n, err := strconv.ParseInt(plain, 10, 32)
		if err != nil && is == "severity" {
			return checkAmount(is, text, 0)
		}
		if err != nil {
			return fmt.Errorf("%s is not a whole number; write digits only", quote(text))
		}
		v.SetInt(n)
		return checkAmount(is, text, float64(n))
	case reflect.Float64:
		f, err := strconv.ParseFloat(plain, 64)
		if err != nil || math.IsNaN(f) || math.IsInf(f, 0) {
			return fmt.Errorf("%s is not a number; write digits only, without a currency or thousands separators", quote(text))
		}
		v.SetFloat(f)
		return checkAmount(is, text, f)
	}
	return errors.New("has a type this program forgot; report this")
}

func setZone(target **time.Location, text string) error {
	zone, err := time.LoadLocation(text)
	if err != nil || text == "" {
		return fmt.Errorf("%s is not a time zone; write a name of the IANA list such as Europe/Berlin, America/New_York or UTC", quote(text))
	}
	*target = zone
	return nil
}

// zeroWord adds to a complaint the word that would have been right besides.
func zeroWord(err error, tag reflect.StructTag) error {
	if zero := tag.Get("zero"); zero != "" {
		return fmt.Errorf("%w; or write %s", err, zero)
	}
	return err
}

// amount is the number behind a value that has one.
func amount(v reflect.Value) float64 {
	if d, ok := v.Interface().(Duration); ok {
		return float64(d.Flat())
	}
	switch {
	case v.CanInt():
		return float64(v.Int())
	case v.CanFloat():
		return v.Float()
	}
	return 0
}

// checkWord holds a value against the words that are allowed, if they are listed.
func checkWord(text, words string) error {
	if words == "" {
		return nil
	}
	known := strings.Fields(words)
	if slices.Contains(known, text) {
		return nil
	}
	if near := closest(text, known); near != "" {
		return fmt.Errorf("%s is not known; did you mean %s? (%s)", quote(text), near, strings.Join(known, ", "))
	}
	return fmt.Errorf("%s is not known; write one of %s", quote(text), strings.Join(known, ", "))
}

// checkAmount holds a number against a rule: positive, natural (none or more),
// share (of an interval) or severity.
func checkAmount(rule, text string, n float64) error {
	switch {
	case rule == "positive" && n <= 0:
		return fmt.Errorf("%s is not more than zero; write a value above it, or take the line out to get the default", quote(text))
	case rule == "natural" && n < 0:
		return fmt.Errorf("%s is less than zero; write 0 or more", quote(text))
	case rule == "share" && (n < 0 || n >= 100):
		return fmt.Errorf("%s is not a share of the interval; write a percentage from 0%% to 99%%, such as 25%%", quote(text))
	case rule == "severity" && (n < 1 || n > 4):
		return fmt.Errorf("%s is not a severity; write 1 (worst), 2, 3 or 4", quote(text))
	}
	return nil
}
