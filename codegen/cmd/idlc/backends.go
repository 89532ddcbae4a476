package main

import (
	"strongroom.dev/codegen/golang"
	"strongroom.dev/codegen/ir"
)

// backends are the languages that idlc writes.
var backends = map[string]func(*ir.Schema) ([]byte, error){
	"golang": golang.Emit,
}
