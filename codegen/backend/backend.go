// Package backend names the languages that idlc writes.
package backend

import (
	"strongroom.dev/codegen/c"
	"strongroom.dev/codegen/golang"
	"strongroom.dev/codegen/grammar"
	"strongroom.dev/codegen/ir"
	"strongroom.dev/codegen/python"
	"strongroom.dev/codegen/rust"
	"strongroom.dev/codegen/vectors"
)

// Emit answers the text that a backend makes of a schema: the same bytes for the same schema.
type Emit func(*ir.Schema) ([]byte, error)

// All gives each backend by its name on the command line.
var All = map[string]Emit{
	"c":       c.Emit,
	"grammar": grammar.Emit,
	"golang":  golang.Emit,
	"python":  python.Emit,
	"rust":    rust.Emit,
	"vectors": vectors.Emit,
}
