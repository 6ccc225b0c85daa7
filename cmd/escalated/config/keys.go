package config

import (
	"fmt"
	"reflect"
	"slices"
	"strings"
)

// adviseKey says what to do about a key that a section does not have, and
// which key was probably meant, or "".
func adviseKey(path, key string, section reflect.Type) (advice, meant string) {
	if advice, meant := adviseSecret(key); advice != "" {
		return advice, meant
	}
	var known []string
	for _, f := range fieldsOf(section) {
		known = append(known, f.key)
	}
	in := " at the top level"
	if path != "" {
		in = " in " + name(path)
	}
	if near := closest(key, known); near != "" {
		return fmt.Sprintf("there is no key `%s`%s; did you mean `%s`?", clip(key), in, near), near
	}
	if homes := homesOf(key, reflect.TypeFor[Config](), ""); len(homes) > 0 {
		return fmt.Sprintf("there is no key `%s`%s; it belongs under %s: check the indentation", clip(key), in, strings.Join(homes, " or ")), ""
	}
	return fmt.Sprintf("there is no key `%s`%s; take it out, or use one of %s", clip(key), in, strings.Join(known, ", ")), ""
}

// adviseSecret is for keys that would hold a secret; its value is not repeated.
func adviseSecret(key string) (advice, meant string) {
	switch strings.ToLower(key) {
	case "password", "pass", "passwd", "secret":
		return fmt.Sprintf("`%s` would put a secret into this file; write it into a file of its own and name that with `password_file`, or name an environment variable with `password_env`", key), "password_file"
	case "client_secret", "refresh_token":
		return fmt.Sprintf("`%s` would put a secret into this file; write it into a file of its own and name that with `%s_file`", key, key), key + "_file"
	}
	return "", ""
}

// homesOf finds the sections that do have a key.
func homesOf(key string, t reflect.Type, path string) []string {
	for t.Kind() == reflect.Slice || t.Kind() == reflect.Map || t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	if !isSection(t) {
		return nil
	}
	var homes []string
	for _, f := range fieldsOf(t) {
		if f.key == key {
			homes = append(homes, homeName(path))
		}
		homes = append(homes, homesOf(key, f.of, join(path, f.key))...)
	}
	return homes
}

func homeName(path string) string {
	if path == "" {
		return "no section, at the left margin"
	}
	return name(path)
}

// closest is the known word nearest to one that was mistyped, or "" where
// nothing is near.
func closest(word string, known []string) string {
	word = strings.ToLower(strings.ReplaceAll(word, "-", "_"))
	best, least := "", max(1, len(word)/3)+1
	for _, k := range known {
		if d := distance(word, k); d < least {
			best, least = k, d
		}
	}
	if best == "" && len(word) > 2 {
		i := slices.IndexFunc(known, func(k string) bool { return strings.HasPrefix(k, word) || len(k) > 2 && strings.HasPrefix(word, k) })
		if i >= 0 {
			best = known[i]
		}
	}
	return best
}

// distance counts the letters to insert, delete, replace or swap with their
// neighbour to get from a to b.
func distance(a, b string) int {
	if len(a) > 100 {
		return len(a)
	}
	var before, last []int
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		before, last, row = last, row, make([]int, len(b)+1)
		row[0] = i + 1
		for j := range len(b) {
			change := 1
			if a[i] == b[j] {
				change = 0
			}
			row[j+1] = min(last[j]+change, last[j+1]+1, row[j]+1)
			if i > 0 && j > 0 && a[i] == b[j-1] && a[i-1] == b[j] {
				row[j+1] = min(row[j+1], before[j-1]+1)
			}
		}
	}
	return row[len(b)]
}

// clip cuts what the file has to a bearable length and to one line.
func clip(s string) string {
	quoted := quote(s)
	return quoted[1 : len(quoted)-1]
}
