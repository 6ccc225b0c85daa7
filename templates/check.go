package templates

import (
	"errors"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
	"text/template/parse"
	"time"
)

// misnamed lists the fields in all branches of a wording, run or not, that
// nothing of Data has. Those of a wrong type show when the wording is tried.
func (w *wording) misnamed() error {
	known := vocabulary()
	var mistakes []error
	visit := func(tree *parse.Tree) {
		if tree == nil {
			return
		}
		walk(tree.Root, func(node parse.Node) {
			for _, name := range named(node) {
				if !known[name] {
					mistakes = append(mistakes, unknownField(tree, node, name, known))
				}
			}
		})
	}
	if w.text != nil {
		visit(w.subject.Tree)
		for _, t := range w.text.Templates() {
			visit(t.Tree)
		}
	}
	if !w.blocks {
		for _, t := range w.html.Templates() {
			visit(t.Tree)
		}
	}
	return distinct(mistakes)
}

func unknownField(tree *parse.Tree, node parse.Node, name string, known map[string]bool) error {
	where, _ := tree.ErrorContext(node)
	where = where[:max(strings.LastIndexByte(where, ':'), 0)] // without the column
	advice := "Data and Case in the package documentation list what there is"
	for _, other := range slices.Sorted(maps.Keys(known)) {
		if strings.EqualFold(other, name) || oneSlip(other, name) {
			advice = "did you mean " + other + "?"
		}
	}
	return fmt.Errorf("%s: there is no field %s; %s", where, name, advice)
}

// named returns the fields a node asks for.
func named(node parse.Node) []string {
	switch n := node.(type) {
	case *parse.FieldNode:
		return n.Ident
	case *parse.ChainNode:
		return n.Field
	case *parse.VariableNode:
		return n.Ident[1:]
	}
	return nil
}

// walk visits a node and all below it.
func walk(node parse.Node, visit func(parse.Node)) {
	if node == nil || reflect.ValueOf(node).IsNil() {
		return
	}
	visit(node)
	for _, child := range children(node) {
		walk(child, visit)
	}
}

func children(node parse.Node) []parse.Node {
	var below []parse.Node
	branch := func(b parse.BranchNode) []parse.Node { return []parse.Node{b.Pipe, b.List, b.ElseList} }
	switch n := node.(type) {
	case *parse.ListNode:
		return n.Nodes
	case *parse.ActionNode:
		return []parse.Node{n.Pipe}
	case *parse.TemplateNode:
		return []parse.Node{n.Pipe}
	case *parse.PipeNode:
		for _, c := range n.Cmds {
			below = append(below, c)
		}
	case *parse.CommandNode:
		return n.Args
	case *parse.ChainNode:
		return []parse.Node{n.Node}
	case *parse.IfNode:
		return branch(n.BranchNode)
	case *parse.RangeNode:
		return branch(n.BranchNode)
	case *parse.WithNode:
		return branch(n.BranchNode)
	}
	return below
}

// vocabulary is every name that some value in Data has.
func vocabulary() map[string]bool {
	known := make(map[string]bool)
	for _, shape := range shapes {
		for f := range shape.Fields() {
			known[f.Name] = true
		}
	}
	for _, t := range append(slices.Clone(shapes), reflect.TypeFor[time.Time](), reflect.TypeFor[time.Duration](), reflect.TypeFor[time.Location]()) {
		for m := range reflect.PointerTo(t).Methods() {
			known[m.Name] = true
		}
	}
	return known
}

// oneSlip reports whether a and b differ by one letter left out, put in or
// mistaken.
func oneSlip(a, b string) bool {
	if len(a) < len(b) {
		a, b = b, a
	}
	if len(a)-len(b) > 1 || len(b) < 2 {
		return false
	}
	i := 0
	for i < len(b) && a[i] == b[i] {
		i++
	}
	if len(a) == len(b) {
		return a[min(i+1, len(a)):] == b[min(i+1, len(b)):]
	}
	return a[i+1:] == b[i:]
}

// distinct joins errors, each line of them once.
func distinct(errs []error) error {
	if err := errors.Join(errs...); err != nil {
		lines := strings.Split(err.Error(), "\n")
		slices.Sort(lines)
		return errors.New(strings.Join(slices.Compact(lines), "\n"))
	}
	return nil
}
