package config

import (
	"fmt"
	"io"

	"github.com/goccy/go-yaml"
)

// Print writes the effective configuration as YAML that Load reads again, defaults
// filled in and paths resolved. A secret appears as its reference, never as its value.
func (c *Config) Print(w io.Writer) error {
	text, err := yaml.MarshalWithOptions(c, yaml.IndentSequence(true))
	if err != nil {
		return fmt.Errorf("print configuration: %w", err)
	}
	_, err = w.Write(text)
	return err
}
