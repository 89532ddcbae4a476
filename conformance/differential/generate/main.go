// Command generate writes what the differential test is built of: one package of many random IDL files, in all languages, a
// service in Rust that gives back what it gets, and values with their bytes.
package main

import (
	"flag"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"strongroom.dev/codegen/backend"
	"strongroom.dev/codegen/c"
	"strongroom.dev/codegen/compile"
	"strongroom.dev/codegen/ir"
	"strongroom.dev/codegen/random"
	"strongroom.dev/codegen/vectors"
)

// declarations is how many each file has.
const declarations = 12

func main() {
	files := flag.Int("files", 25, "how many IDL files to write")
	seed := flag.Uint64("seed", 1, "the seed of the first one; the others follow")
	out := flag.String("out", "", "the folder to write into")
	flag.Parse()
	if err := run(*files, *seed, *out); err != nil {
		fmt.Fprintf(os.Stderr, "generate: %v\n", err)
		os.Exit(1)
	}
}

func run(files int, seed uint64, out string) error {
	texts := map[string]string{}
	var root strings.Builder
	root.WriteString("/// Random files, as one package.\npackage differential\n\n")
	for n := range files {
		name := fmt.Sprintf("f%d.idl", n)
		texts[name] = random.File("differential", fmt.Sprintf("F%dx", n), seed+uint64(n), declarations)
		fmt.Fprintf(&root, "import %q\n", name)
	}
	texts["root.idl"] = root.String()
	program, err := compile.Load("root.idl", func(path string) (string, error) {
		text, ok := texts[path]
		if !ok {
			return "", fs.ErrNotExist
		}
		return text, nil
	})
	if err != nil {
		return err
	}
	schema := program.Schema()
	if schema == nil {
		return fmt.Errorf("the generated files are not correct:\n%s", program.Report)
	}
	outputs := map[string]string{
		"c": "generated.h", "golang": "generated.go", "python": "generated.py", "rust": "generated.rs", "vectors": "vectors.json",
	}
	for name, file := range outputs {
		text, err := backend.All[name](schema)
		if err != nil {
			return fmt.Errorf("backend %s: %w", name, err)
		}
		if err := os.WriteFile(filepath.Join(out, file), text, 0o644); err != nil {
			return err
		}
	}
	if err := os.WriteFile(filepath.Join(out, "methods.inc"), []byte(methods(schema)), 0o644); err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(out, "lib.rs"), []byte(service(schema)), 0o644)
}

// methods tells the C program, which cannot look names up, of the methods and the records that they give back.
func methods(schema *ir.Schema) string {
	var b strings.Builder
	for _, m := range schema.Methods() {
		if vectors.Echo(m) {
			fmt.Fprintf(&b, "METHOD(%s, %s, %s, %s)\n", m.Interface.Name, c.Snake(m.Interface.Name), m.Name, c.Snake(m.Result.Record.Name))
		}
	}
	return b.String()
}

// service is the Rust crate that implements all interfaces.
func service(schema *ir.Schema) string {
	var b strings.Builder
	line := func(format string, args ...any) { fmt.Fprintf(&b, format+"\n", args...) }
	line("//! Gives back what it gets. Written by conformance/differential/generate.\n")
	line("#[rustfmt::skip]\npub mod generated;\n")
	line("use rpc::{Context, Error};\n")
	line("pub struct Differential;\n")
	line("impl generated::Implementation for Differential {")
	for _, i := range schema.Interfaces {
		line("    type %s = %s;", i.Name, i.Name)
	}
	line("}\n")
	line("pub static SERVICE: rpc::Service = generated::service::<Differential>();\n\nrpc::export!(SERVICE);")
	for _, i := range schema.Interfaces {
		line("\npub struct %s;\n\nimpl generated::%s for %s {", i.Name, i.Name, i.Name)
		line("    async fn open(_: Context) -> Result<Self, Error> {\n        Ok(%s)\n    }", i.Name)
		for _, m := range i.Methods {
			record := "generated::" + m.Result.Record.Name
			line("\n    async fn %s(&self, _: Context, value: %s) -> Result<%s, Error> {\n        Ok(value)\n    }", m.Name, record, record)
		}
		line("}")
	}
	return b.String()
}
