package config

import _ "embed"

//go:embed example.yaml
var example []byte

// Example is the commented file that `escalated init` writes. It is a valid
// configuration as it is, with values of acme.example in the required keys;
// [Config.Check] then lists what is still to be filled in. Every optional key
// is there behind a # without a space, showing its default or a useful value;
// taking all of these away gives a valid file too.
func Example() []byte { return append([]byte(nil), example...) }
