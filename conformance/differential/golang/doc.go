// Package differential holds the Go binding of random interfaces against Rust and against an encoder of its own.
package differential
