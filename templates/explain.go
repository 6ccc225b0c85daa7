package templates

import (
	"fmt"
	"maps"
	"reflect"
	"regexp"
	"slices"
	"strings"
)

var (
	located = regexp.MustCompile(`^(?:html/)?template:\s?([^:]+:\d+)(?::\d+)?: (.*)$`)
	noField = regexp.MustCompile(`can't evaluate field (\w+) in type \*?templates\.(\w+)`)
	noValue = regexp.MustCompile(`nil pointer evaluating \*templates\.(\w+)\.(\w+)`)
	noFunc  = regexp.MustCompile(`function "(\w+)" not defined`)
	shapes  = []reflect.Type{reflect.TypeFor[Data](), reflect.TypeFor[Reader](), reflect.TypeFor[Case](), reflect.TypeFor[Contact](), reflect.TypeFor[Reason](), reflect.TypeFor[Button](), reflect.TypeFor[Failure]()}
)

// explain turns an error of the template packages into "file:line: what is
// wrong and what to do".
func explain(err error) error {
	where, what := "", strings.ReplaceAll(err.Error(), "\n", " ")
	if m := located.FindStringSubmatch(what); m != nil {
		where, what = m[1]+": ", m[2]
	}
	if m := noField.FindStringSubmatch(what); m != nil {
		what = fmt.Sprintf("there is no field %s in %s; it has %s", m[1], m[2], english.join(fields(m[2])))
	} else if m := noValue.FindStringSubmatch(what); m != nil {
		what = fmt.Sprintf("%s is not there in every mail: write {{with .%s}}{{.%s}}{{end}}", m[1], m[1], m[2])
	} else if m := noFunc.FindStringSubmatch(what); m != nil {
		own := slices.Sorted(maps.Keys(functions("en")))
		what = fmt.Sprintf("there is no function %s; besides text/template's own there are %s", m[1], english.join(own))
	}
	return fmt.Errorf("%s%s", where, what)
}

// fields lists what a type of the contract has.
func fields(name string) []string {
	var all []string
	for _, t := range shapes {
		if t.Name() == name {
			for f := range t.Fields() {
				all = append(all, f.Name)
			}
		}
	}
	return all
}
