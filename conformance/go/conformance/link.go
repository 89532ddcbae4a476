//go:build !bazel

package conformance

// Bazel links the library itself; this is for the go command, after `cargo build --release -p strongroom-conformance`.

// #cgo CFLAGS: -I${SRCDIR}/../../../rust/rpc/include
// #cgo LDFLAGS: -L${SRCDIR}/../../../target/release -l:libconformance.a -lgcc_s -lm -ldl -lpthread
import "C"
