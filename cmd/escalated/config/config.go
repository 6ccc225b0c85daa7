// Package config reads the configuration file of escalated: one YAML file
// whose keys are the fields of [Config], with their units and defaults.
//
// A key that is left out, or has nothing behind it, keeps its default at every
// depth; a list is replaced whole. Whatever is wrong is reported at once, as
// [Mistakes] with file, line and column, and a file with any mistake is refused
// whole. Relative paths start at the folder of the file, so that every
// subcommand finds the same data from wherever it is called. ${VAR} is not
// expanded. Secrets are never in the file, and in no error message.
package config

import (
	"errors"
	"io/fs"
	"path/filepath"
	"reflect"
	_ "time/tzdata" // time_zone must work where the system has no zone files
)

// A file is at most so many octets: far more than anyone writes, far less than
// what hurts.
const mostOctets = 16 << 20

// Load reads a configuration file and the customers file it names. Secrets are
// not touched, so that list, show and inspect run without the right to read them.
func Load(path string) (*Config, error) {
	c, found := load(path)
	if err := found.err(); err != nil {
		return nil, err
	}
	return c, nil
}

// LoadChecked is [Load] and [Config.Check] in one, with the mistakes of both in
// one list. It is what serve and check use.
func LoadChecked(path string) (*Config, error) {
	c, found := load(path)
	if c != nil {
		c.checkFiles(found)
	}
	if err := found.err(); err != nil {
		return nil, err
	}
	return c, nil
}

// Parse reads a configuration. Its name is the path of the file it is from,
// for messages and relative paths. The error is of type [Mistakes].
func Parse(name string, data []byte) (*Config, error) {
	c, found := parse(name, data)
	if err := found.err(); err != nil {
		return nil, err
	}
	return c, nil
}

func load(path string) (*Config, *report) {
	data, err := readFile(path, mostOctets)
	if err == nil {
		return parse(path, data)
	}
	found := newReport()
	remedy := ""
	if errors.Is(err, fs.ErrNotExist) {
		remedy = " (`escalated init` writes a first one)"
	}
	found.at(place{file: path}, "%v%s", err, remedy)
	return nil, found
}

// parse is nil where the file as a whole could not be read; otherwise it is as
// much of the configuration as is right.
func parse(name string, data []byte) (*Config, *report) {
	found := newReport()
	found.places[""] = place{name, 1, 1}
	root := found.document(name, data)
	if len(found.mistakes) > 0 {
		return nil, found
	}
	if root == nil {
		found.at(place{file: name}, "has no keys yet; write at least address, mailbox, smtp and people (`escalated init` writes an example)")
		return nil, found
	}
	c := defaults()
	c.found = found
	d := &decoder{report: found, file: name}
	d.value("", root, reflect.ValueOf(c).Elem(), "")
	c.readCustomers(found)
	c.validate(found)
	c.fill(filepath.Dir(name))
	return c, found
}

// readCustomers appends the customers of customers_file to those of the file.
func (c *Config) readCustomers(found *report) {
	const key = "customers_file"
	if c.CustomersFile == "" || found.refused[key] {
		return
	}
	data, err := readFile(c.CustomersFile, mostOctets)
	if err != nil {
		found.refuse(key, "`%s`: %v", key, err)
		return
	}
	root := found.document(c.CustomersFile, data)
	if root == nil {
		return
	}
	d := &decoder{report: found, file: c.CustomersFile}
	c.inline = len(c.Customers)
	var more []Customer
	d.value(list, root, reflect.ValueOf(&more).Elem(), "")
	c.Customers = append(c.Customers, more...)
}
