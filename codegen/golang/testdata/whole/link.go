//go:build !bazel

package whole

// Bazel passes the folder of sr.h itself; this is for the go command.

// #cgo CFLAGS: -I${SRCDIR}/../../../../rust/rpc/include
import "C"
