package auth

import (
	"errors"
	"fmt"
	"strings"
)

// A result is one "method=result" of an Authentication-Results field with the
// properties it is about (RFC 8601 §2.2). Names and the result are lower case.
type result struct {
	method string
	value  string
	props  map[string]string // by "ptype.property", such as "header.from"
}

var (
	errVersion = errors.New("unknown version")
	errSyntax  = errors.New("syntax error")
)

// authserv reads only the name of the server that claims to have written a
// field. ok is false when not even that can be read.
func authserv(field string) (id string, ok bool) {
	l := lexer{rest: field}
	id = l.value()
	return id, !l.bad && id != ""
}

// parseResults reads a whole Authentication-Results field. It follows RFC 8601
// §2.2 and forgives what servers in use write: a semicolon at the end, a value
// with characters that should be quoted, a property without a type (Fastmail's
// x-bits=2048). It forgives nothing that could hide where a result begins.
func parseResults(field string) (id string, results []result, err error) {
	l := lexer{rest: field}
	id = l.value()
	if version := l.keyword(); version != "" && version != "1" {
		return id, nil, fmt.Errorf("reading the version %q: %w", version, errVersion)
	}
	if id == "" || !l.take(';') {
		return id, nil, fmt.Errorf("reading the name of the server: %w", errSyntax)
	}
	none := false
	for !l.end() {
		if l.take(';') {
			continue
		}
		r := l.result()
		if l.bad {
			return id, nil, fmt.Errorf("reading result %d: %w", len(results)+1, errSyntax)
		}
		none = none || r.method == ""
		results = append(results, r)
	}
	if l.bad || none && len(results) > 1 {
		return id, nil, fmt.Errorf("reading the results: %w", errSyntax)
	}
	if none {
		results = nil
	}
	return id, results, nil
}

// result reads one resinfo up to its semicolon; "none" alone has no method.
func (l *lexer) result() result {
	r := result{method: l.keyword(), props: map[string]string{}}
	if r.method == "none" && !l.peek('=') && !l.peek('/') {
		l.require(l.end() || l.peek(';'))
		return result{}
	}
	if l.take('/') {
		l.require(l.keyword() == "1") // another version's results mean we know not what
	}
	l.require(r.method != "" && l.take('='))
	r.value = l.keyword()
	l.require(r.value != "" && l.delimited())
	for !l.bad && !l.end() && !l.peek(';') {
		l.property(r.props)
	}
	return r
}

// property reads one propspec or reasonspec. The same property twice with
// different values is an error: one of them would be the forged one.
func (l *lexer) property(into map[string]string) {
	name := l.keyword()
	l.require(name != "")
	for l.take('.') {
		part := l.keyword()
		l.require(part != "")
		name += "." + part
	}
	l.require(l.take('='))
	value := l.value()
	if old, twice := into[name]; twice && !strings.EqualFold(old, value) {
		l.bad = true
	}
	into[name] = value
}
