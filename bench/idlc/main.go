// Command idlc measures the compiler on a file of thousands of declarations, written at random, with protoc on a comparable
// file beside it: `tools/shell go run ./bench/idlc --declarations 5000`. Both run as programs, in turn; it prints medians.
package main

import (
	"flag"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"time"

	"strongroom.dev/codegen/compile"
	"strongroom.dev/codegen/random"
)

func main() {
	declarations := flag.Int("declarations", 5000, "how many the file has")
	rounds := flag.Int("rounds", 5, "how often each is run")
	flag.Parse()
	if err := run(*declarations, *rounds); err != nil {
		fmt.Fprintf(os.Stderr, "bench: %v\n", err)
		os.Exit(1)
	}
}

type contender struct {
	name    string
	command func(out string) *exec.Cmd
	times   []time.Duration
	written int64
}

func run(declarations, rounds int) error {
	folder, err := os.MkdirTemp("", "idlc-bench-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(folder)
	idl, proto := filepath.Join(folder, "random.idl"), filepath.Join(folder, "random.proto")
	idlc := filepath.Join(folder, "idlc")
	if out, err := exec.Command("go", "build", "-o", idlc, "./codegen/cmd/idlc").CombinedOutput(); err != nil {
		return fmt.Errorf("cannot build the compiler; run this in the root of the tree: %w\n%s", err, out)
	}
	text := random.File("random", "R", 1, declarations)
	schema, report := compile.Text(idl, text)
	if !report.Empty() {
		return fmt.Errorf("the generated file is not correct:\n%s", report)
	}
	like := protobuf(schema)
	if err := os.WriteFile(idl, []byte(text), 0o644); err != nil {
		return err
	}
	if err := os.WriteFile(proto, []byte(like), 0o644); err != nil {
		return err
	}
	contenders := []*contender{
		{name: "idlc check", command: func(string) *exec.Cmd { return exec.Command(idlc, "check", idl) }},
		{name: "idlc gen: Rust, Go, Python, C", command: func(out string) *exec.Cmd {
			return exec.Command(idlc, "gen", "--out", "rust="+out+"/a.rs", "--out", "golang="+out+"/a.go", "--out", "python="+out+"/a.py",
				"--out", "c="+out+"/a.h", idl)
		}},
		{name: "protoc: descriptors", command: func(out string) *exec.Cmd {
			return exec.Command("protoc", "--descriptor_set_out="+out+"/a.pb", "-I", folder, proto)
		}},
		{name: "protoc: C++, Python, Java", command: func(out string) *exec.Cmd {
			return exec.Command("protoc", "--cpp_out="+out, "--python_out="+out, "--java_out="+out, "-I", folder, proto)
		}},
	}
	for range rounds {
		for _, c := range contenders {
			if err := c.round(folder); err != nil {
				return err
			}
		}
	}
	fmt.Printf("%d declarations: %.1f MB of IDL, %.1f MB of proto; medians of %d\n\n", declarations, mega(int64(len(text))), mega(int64(len(like))), rounds)
	fmt.Printf("%-30s %8s %12s\n", "", "seconds", "MB written")
	for _, c := range contenders {
		slices.Sort(c.times)
		fmt.Printf("%-30s %8.2f %12.1f\n", c.name, c.times[len(c.times)/2].Seconds(), mega(c.written))
	}
	return nil
}

func mega(bytes int64) float64 { return float64(bytes) / 1e6 }

func (c *contender) round(folder string) error {
	out, err := os.MkdirTemp(folder, "out-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(out)
	cmd := c.command(out)
	start := time.Now()
	if text, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("%s: %w\n%s", c.name, err, text)
	}
	c.times = append(c.times, time.Since(start))
	c.written = 0
	return filepath.WalkDir(out, func(_ string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := entry.Info()
		if err == nil && !entry.IsDir() {
			c.written += info.Size()
		}
		return err
	})
}
