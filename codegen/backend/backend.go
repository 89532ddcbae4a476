// Package backend names the languages that idlc writes.
package backend

import (
	"strongroom.dev/codegen/c"
	"strongroom.dev/codegen/golang"
	"strongroom.dev/codegen/ir"
	"strongroom.dev/codegen/python"
	"strongroom.dev/codegen/rust"
)

// All gives each backend's function by its name on the command line.
var All = map[string]func(*ir.Schema) ([]byte, error){
	"c":      c.Emit,
	"golang": golang.Emit,
	"python": python.Emit,
	"rust":   rust.Emit,
}
