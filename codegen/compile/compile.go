// Package compile runs the stages of the compiler up to the IR, from which a backend emits.
package compile

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"

	"strongroom.dev/codegen/ast"
	"strongroom.dev/codegen/check"
	"strongroom.dev/codegen/ir"
	"strongroom.dev/codegen/parser"
	"strongroom.dev/codegen/report"
	"strongroom.dev/codegen/token"
)

var (
	badImport    = report.Define("import", "An import names another IDL file, by a path relative to the file that it stands in, that can be read and belongs to the same package.")
	importCycle  = report.Define("import-cycle", "Files that import one another have no order in which they could be read.")
	doubleImport = report.Define("double-import", "A file is imported once.")
	tooLarge     = report.Define("too-large", "An IDL file has at most 16 MiB: what is larger is not written by hand.")
)

// maxSize keeps a file that is no IDL from filling the memory.
const maxSize = 16 << 20

// Read gives the text of a file.
type Read func(path string) (string, error)

// ErrTooLarge is what ReadFile and ReadFrom answer for a file that is no IDL.
var ErrTooLarge = errors.New("the file is larger than 16 MiB, and no IDL file is")

// ReadFile reads from the disk.
func ReadFile(path string) (string, error) {
	file, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer file.Close()
	return ReadFrom(file)
}

// ReadFrom reads to the end, but no more than an IDL file has.
func ReadFrom(from io.Reader) (string, error) {
	text, err := io.ReadAll(io.LimitReader(from, maxSize+1))
	if err == nil && len(text) > maxSize {
		err = ErrTooLarge
	}
	return string(text), err
}

// Program is an IDL file with all that it imports, as far as it is understood.
type Program struct {
	Report *report.Report
	Files  []*ast.File // each after those that it imports; the last one is the root
	Info   *check.Info // nil where the texts have mistakes of form
}

// Load reads, parses and checks a file and what it imports. The error, an Unreadable, says that the file itself cannot be read.
func Load(path string, read Read) (*Program, error) { return LoadInto(report.New(), path, read) }

// LoadInto is Load with a report that other programs use, too, so that places in one can be told from places in another. It
// must be empty.
func LoadInto(r *report.Report, path string, read Read) (*Program, error) {
	text, err := read(path)
	if err != nil {
		return nil, Unreadable{path, err}
	}
	l := &loader{report: r, read: read, files: map[string]*ast.File{}}
	l.load(path, text)
	p := &Program{Report: l.report, Files: l.order}
	if l.report.Empty() { // what was left out of the trees would be reported again, as unknown
		p.Info = check.Check(p.Files, l.report)
	}
	return p, nil
}

type loader struct {
	report *report.Report
	read   Read
	files  map[string]*ast.File // by clean path; nil while it is being loaded
	order  []*ast.File
}

func (l *loader) load(path, text string) *ast.File {
	l.files[filepath.Clean(path)] = nil
	file := parser.Parse(l.report, l.report.Add(path, text))
	for _, i := range file.Imports {
		i.File = l.imported(file, i)
	}
	l.files[filepath.Clean(path)] = file
	l.order = append(l.order, file)
	return file
}

func (l *loader) imported(from *ast.File, i *ast.Import) *ast.File {
	name := token.Unquote(i.Path.Raw)
	path := filepath.Join(filepath.Dir(from.Source.Path), filepath.FromSlash(name))
	for _, other := range from.Imports {
		if other == i {
			break
		}
		if other.File != nil && filepath.Clean(other.File.Source.Path) == path {
			l.report.Errorf(doubleImport, i.Path.Span, "`%s` is imported twice", name).See(other.Path.Span, "it was imported here first")
			return other.File
		}
	}
	file, known := l.files[path]
	if known && file == nil {
		l.report.Errorf(importCycle, i.Path.Span, "`%s` imports this file, directly or by way of others", name).
			Hint("move what both need into a file of its own")
		return nil
	}
	if !known {
		text, err := l.read(path)
		if err != nil {
			rule, hint := badImport, advice(err)
			switch {
			case errors.Is(err, ErrTooLarge):
				rule = tooLarge
			case errors.Is(err, fs.ErrNotExist):
				hint = "the path counts from the folder of this file"
			}
			l.report.Errorf(rule, i.Path.Span, "cannot read `%s`: %v", name, reason(err)).Hint("%s", hint)
			return nil
		}
		file = l.load(path, text)
	}
	if file.Package.Text != "" && from.Package.Text != "" && file.Package.Text != from.Package.Text {
		l.report.Errorf(badImport, i.Path.Span, "`%s` belongs to package `%s`", name, file.Package.Text).
			See(from.Package.Span, "this file belongs to `%s`", from.Package.Text).
			Hint("a package may be written in several files; files of other packages cannot be imported")
	}
	return file
}

// Unreadable is the error of a file that a command was given and that cannot be read. It says what to do, too.
type Unreadable struct {
	Path string
	Err  error
}

func (u Unreadable) Error() string {
	return fmt.Sprintf("cannot read %s: %v; %s", u.Path, reason(u.Err), advice(u.Err))
}

// Unwrap is the error of the system.
func (u Unreadable) Unwrap() error { return u.Err }

func advice(err error) string {
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return "check the path"
	case errors.Is(err, fs.ErrPermission):
		return "give your user the right to read it"
	case errors.Is(err, syscall.EISDIR):
		return "name the IDL files in it"
	case errors.Is(err, ErrTooLarge):
		return "check that it is the file that you mean"
	default:
		return "see whether other programs can read it"
	}
}

// reason leaves out the path, which the message has already.
func reason(err error) error {
	var failed *fs.PathError
	if errors.As(err, &failed) {
		return failed.Err
	}
	return err
}

// Schema lowers a program that has no mistakes; else it is nil.
func (p *Program) Schema() *ir.Schema {
	if !p.Report.Empty() {
		return nil
	}
	return ir.Lower(p.Files, p.Info)
}

// Text compiles a text that imports nothing. The path is for messages only. The schema is nil where the report is not empty.
func Text(path, text string) (*ir.Schema, *report.Report) {
	p, _ := Load(path, func(name string) (string, error) {
		if name == path {
			return text, nil
		}
		return "", fs.ErrNotExist
	})
	return p.Schema(), p.Report
}

// File compiles a file with what it imports. The error holds all diagnostics.
func File(path string) (*ir.Schema, error) {
	p, err := Load(path, ReadFile)
	if err != nil {
		return nil, err
	}
	if !p.Report.Empty() {
		return nil, Mistakes{p.Report}
	}
	return p.Schema(), nil
}

// Mistakes is the error of a file that is not correct.
type Mistakes struct{ Report *report.Report }

// Error is the text of the report.
func (m Mistakes) Error() string { return m.Report.String() }
