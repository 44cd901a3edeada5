package config

import _ "embed"

//go:embed example.yaml
var example []byte

// Example is a commented configuration file: it loads as it stands, and its
// commented lines show every other key with its default.
func Example() []byte { return append([]byte(nil), example...) }
