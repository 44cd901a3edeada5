package graph

import (
	"fmt"
	"io"
	"log/slog"
)

// Secret is text that must not be shown: a client secret, a private key, a token.
// fmt with any verb, slog and encoding/json print it as ***; string(s) reads it.
// fmt cannot ask the unexported fields of a struct how they print: keep a Secret
// in an exported field or behind a function.
type Secret string

const hidden = "***"

func (Secret) Format(f fmt.State, _ rune)   { io.WriteString(f, hidden) }
func (Secret) LogValue() slog.Value         { return slog.StringValue(hidden) }
func (Secret) MarshalText() ([]byte, error) { return []byte(hidden), nil }
