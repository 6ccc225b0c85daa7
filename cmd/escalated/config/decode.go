package config

import (
	"encoding"
	"fmt"
	"path/filepath"
	"reflect"
	"strconv"
	"strings"
	"time"

	"github.com/goccy/go-yaml/ast"
)

// A decoder fills values from goccy's syntax tree. goccy's own decoder stops at
// the first mistake; this one notes each and goes on.
type decoder struct {
	*report
	file string
}

// value decodes a node over what v holds: a key that is left out, or has
// nothing behind it, keeps its default at every depth. Lists are replaced whole.
func (d *decoder) value(path string, n ast.Node, v reflect.Value, tag reflect.StructTag) {
	if n == nil || n.Type() == ast.NullType {
		return
	}
	if _, ok := d.places[path]; !ok {
		d.places[path] = d.place(n)
	}
	switch n.(type) {
	case *ast.AnchorNode, *ast.AliasNode, *ast.TagNode:
		d.refuse(path, "%s: anchors (&), aliases (*) and tags (!) are not read here; write the value out", name(path))
		return
	}
	_, isText := v.Addr().Interface().(encoding.TextUnmarshaler)
	_, isZone := v.Interface().(*time.Location)
	_, isServer := v.Interface().(Server)
	_, isRelay := v.Interface().(Relay)
	_, isScalar := textOf(n)
	switch {
	case isText, isZone, isServer, isRelay && isScalar:
		d.scalar(path, n, v, tag)
	case v.Kind() == reflect.Pointer:
		d.pointer(path, n, v, tag)
	case v.Kind() == reflect.Struct:
		d.section(path, n, v)
	case v.Kind() == reflect.Map:
		d.dictionary(path, n, v, tag)
	case v.Kind() == reflect.Slice:
		d.list(path, n, v, tag)
	default:
		d.scalar(path, n, v, tag)
	}
}

// pointer decodes an optional value; empty text is none.
func (d *decoder) pointer(path string, n ast.Node, v reflect.Value, tag reflect.StructTag) {
	if text, ok := textOf(n); ok && text == "" {
		v.SetZero()
		return
	}
	target := fresh(v.Type().Elem())
	d.value(path, n, target, tag)
	if !d.refused[path] {
		v.Set(target.Addr())
	}
}

// section decodes a mapping whose keys are the fields of a struct.
func (d *decoder) section(path string, n ast.Node, v reflect.Value) {
	known := map[string]field{}
	for _, f := range fieldsOf(v.Type()) {
		known[f.key] = f
	}
	for key, entry := range d.entries(path, n) {
		f, ok := known[key]
		if !ok {
			advice, meant := adviseKey(path, key, v.Type())
			d.at(d.place(entry.Key), "%s", advice)
			d.refused[join(path, meant)] = d.refused[join(path, meant)] || meant != ""
			continue
		}
		d.locate(join(path, key), entry)
		d.value(join(path, key), entry.Value, v.FieldByIndex(f.index), f.tag)
	}
}

// dictionary decodes a mapping with keys of the user's choice, each over the
// default of that key.
func (d *decoder) dictionary(path string, n ast.Node, v reflect.Value, tag reflect.StructTag) {
	if v.IsNil() {
		v.Set(reflect.MakeMap(v.Type()))
	}
	for text, entry := range d.entries(path, n) {
		at := join(path, text)
		d.places[at] = d.place(entry.Key)
		key := reflect.New(v.Type().Key()).Elem()
		d.scalar(at, entry.Key, key, reflect.StructTag(`is:"`+tag.Get("key")+`"`))
		if d.refused[at] {
			continue
		}
		element := fresh(v.Type().Elem())
		if old := v.MapIndex(key); old.IsValid() {
			element.Set(old)
		}
		d.value(at, entry.Value, element, "")
		v.SetMapIndex(key, element)
	}
}

// list decodes a sequence in place of what v holds.
func (d *decoder) list(path string, n ast.Node, v reflect.Value, tag reflect.StructTag) {
	sequence, ok := n.(*ast.SequenceNode)
	if !ok {
		remedy := "write a line with a dash for each item"
		if text, ok := textOf(n); ok {
			remedy = fmt.Sprintf("write [%s], or a line with a dash for each item", clip(text))
		}
		d.refuse(path, "%s wants a list; %s", name(path), remedy)
		return
	}
	items := reflect.MakeSlice(v.Type(), 0, len(sequence.Values))
	for i, node := range sequence.Values {
		at := path + "[" + strconv.Itoa(i) + "]"
		if node == nil || node.Type() == ast.NullType {
			d.places[at] = d.item(path, sequence, i)
			d.refuse(at, "item %d of %s is empty; fill it in or take its dash away", i+1, name(path))
			continue
		}
		item := fresh(v.Type().Elem())
		d.value(at, node, item, tag)
		items = reflect.Append(items, item)
	}
	v.Set(items)
}

// entries yields the keys of a mapping and refuses what is none, what is no
// plain key, and keys that come twice.
func (d *decoder) entries(path string, n ast.Node) func(func(string, *ast.MappingValueNode) bool) {
	return func(yield func(string, *ast.MappingValueNode) bool) {
		mapping, ok := n.(ast.MapNode)
		if !ok {
			d.refuse(path, "%s wants keys below it, not %s; write it as in the example of `escalated init`", name(path), shown(n))
			return
		}
		first := map[string]int{}
		for entries := mapping.MapRange(); entries.Next(); {
			entry := entries.KeyValue()
			key, ok := textOf(entry.Key)
			at := d.place(entry.Key)
			switch {
			case !ok:
				d.at(at, "this is no plain key; write a word and a colon (merge keys and aliases are not read here)")
			case first[key] > 0:
				d.at(at, "`%s` is here a second time, it was first on line %d; keep one of the two", clip(key), first[key])
			default:
				first[key] = at.line
				if !yield(key, entry) {
					return
				}
			}
		}
	}
}

// locate notes where a key stands: at its value when that is a scalar on the
// same line, otherwise at the key itself.
func (d *decoder) locate(path string, entry *ast.MappingValueNode) {
	d.places[path] = d.place(entry.Key)
	if _, ok := textOf(entry.Value); ok {
		d.places[path] = d.place(entry.Value)
	}
}

// item is where the dash of an item stands; flow lists have none.
func (d *decoder) item(path string, sequence *ast.SequenceNode, i int) place {
	if i >= len(sequence.Entries) || sequence.Entries[i].Start == nil {
		return d.places[path]
	}
	at := sequence.Entries[i].Start.Position
	return place{d.file, at.Line, at.Column}
}

func (d *decoder) place(n ast.Node) place {
	token := n.GetToken()
	switch n := n.(type) {
	case *ast.MappingNode:
		if !n.IsFlowStyle && len(n.Values) > 0 {
			token = n.Values[0].Key.GetToken()
		}
	case *ast.MappingValueNode:
		token = n.Key.GetToken()
	}
	if token == nil {
		return place{d.file, 1, 1}
	}
	return place{d.file, token.Position.Line, token.Position.Column}
}

// textOf is what stands in the file for a scalar, without quotes.
func textOf(n ast.Node) (string, bool) {
	switch n := n.(type) {
	case *ast.StringNode:
		return n.Value, true
	case *ast.LiteralNode:
		return strings.TrimRight(n.Value.Value, "\n"), true
	case *ast.IntegerNode, *ast.FloatNode, *ast.BoolNode, *ast.InfinityNode, *ast.NanNode:
		return strings.TrimSpace(n.GetToken().Value), true
	}
	return "", false
}

// shown is a node in a message.
func shown(n ast.Node) string {
	text, ok := textOf(n)
	switch n.(type) {
	case ast.MapNode:
		return "{…}"
	case *ast.SequenceNode:
		return "a list"
	}
	if !ok {
		return "this"
	}
	return clip(text)
}

// A field is a key of a section.
type field struct {
	key   string
	index []int
	tag   reflect.StructTag
	of    reflect.Type
}

// fieldsOf lists a section's keys in the order of its type, those of inlined
// structs among them.
func fieldsOf(t reflect.Type) []field {
	var fields []field
	for i := range t.NumField() {
		f := t.Field(i)
		key := f.Tag.Get("yaml")
		if key == ",inline" {
			for _, inner := range fieldsOf(f.Type) {
				inner.index = append([]int{i}, inner.index...)
				fields = append(fields, inner)
			}
		} else if key != "" {
			fields = append(fields, field{key, []int{i}, f.Tag, f.Type})
		}
	}
	return fields
}

// isSection reports whether a type has keys of its own.
func isSection(t reflect.Type) bool {
	return t.Kind() == reflect.Struct && len(fieldsOf(t)) > 0
}

func join(path, key string) string {
	if path == "" {
		return key
	}
	return path + "." + key
}

// list is the path of what stands in the customers file.
const list = "customers_file.list"

// name is a path in a message.
func name(path string) string {
	if path == "" {
		return "the file"
	}
	if inner, found := strings.CutPrefix(path, list); found {
		path = "customers" + inner
	}
	return "`" + clip(path) + "`"
}

// resolve joins a relative path to the folder of the file that names it.
func (d *decoder) resolve(path string) string {
	if path == "" || filepath.IsAbs(path) {
		return path
	}
	return filepath.Join(filepath.Dir(d.file), path)
}
