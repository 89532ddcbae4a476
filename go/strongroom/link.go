//go:build !bazel

package strongroom

// Bazel links the library itself; this is for the go command, after `cargo build --release -p strongroom`.

// #cgo CFLAGS: -I${SRCDIR}/../../rust/rpc/include
// #cgo LDFLAGS: -L${SRCDIR}/../../target/release -l:libstrongroom.a -lgcc_s -lm -ldl -lpthread
import "C"
