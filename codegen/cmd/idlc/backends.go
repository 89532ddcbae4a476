package main

import (
	"strongroom.dev/codegen/golang"
	"strongroom.dev/codegen/ir"
	"strongroom.dev/codegen/python"
	"strongroom.dev/codegen/rust"
)

// backends are the languages that idlc writes.
var backends = map[string]func(*ir.Schema) ([]byte, error){
	"golang": golang.Emit,
	"python": python.Emit,
	"rust":   rust.Emit,
}
