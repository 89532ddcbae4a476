//go:build nogo

// Package nogo keeps in go.mod what the Go rules' nogo is built of, so that it comes pinned and through the module proxy like
// everything else. Nothing compiles it.
package nogo

import _ "github.com/aymanbagabas/go-udiff"
