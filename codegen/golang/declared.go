package golang

import (
	"bytes"
	"go/ast"
	"go/format"
	"go/parser"
	"go/token"
	"slices"
	"strings"

	"strongroom.dev/codegen/ir"
)

// Declared answers how the generated package declares the items of a schema, for the reference: each record, enum, error,
// interface, callback, method, alias and constant that it declares, without comments and bodies. The texts are cut out of
// what Emit answers, so they are what a program sees.
func Declared(s *ir.Schema) (map[any]string, error) {
	text, err := Emit(s)
	if err != nil {
		return nil, err
	}
	files := token.NewFileSet()
	file, err := parser.ParseFile(files, "", text, 0) // without comments
	if err != nil {
		return nil, err
	}
	d := &declarations{files: files, named: map[string][]string{}}
	for _, decl := range file.Decls {
		d.add(decl)
	}
	n := newNames(s)
	all := map[any]string{}
	put := func(item any, names ...string) {
		var parts []string
		for _, name := range names {
			parts = append(parts, d.named[name]...)
		}
		if len(parts) > 0 {
			all[item] = strings.Join(parts, "\n\n")
		}
	}
	for _, t := range s.Types {
		switch t := t.(type) {
		case *ir.Record:
			put(t, n.name(t), n.of[named{defaults, t}])
		case *ir.Enum:
			names := []string{n.name(t)}
			for _, v := range t.Variants {
				names = append(names, n.name(v), n.of[named{defaults, v}])
			}
			put(t, names...)
		case *ir.Error:
			names := []string{n.name(t)}
			for _, v := range t.Variants {
				names = append(names, n.name(v))
			}
			put(t, names...)
		}
	}
	for _, i := range slices.Concat(s.Interfaces, s.Callbacks) {
		put(i, n.name(i))
		for _, m := range i.All() {
			on := n.name(i)
			if m.Constructor {
				on = "Client"
			}
			put(m, on+"."+n.methodName(m))
		}
	}
	for _, a := range s.Aliases {
		put(a, n.name(a))
	}
	for _, c := range s.Constants {
		put(c, n.name(c))
	}
	return all, nil
}

// declarations are texts by the name that a program uses; a method's is Type.Method.
type declarations struct {
	files *token.FileSet
	named map[string][]string
}

func (d *declarations) put(name string, node any) {
	var out bytes.Buffer
	if format.Node(&out, d.files, node) != nil {
		return
	}
	// Where comments were, there are gaps, by which gofmt aligns.
	dense := slices.DeleteFunc(strings.Split(out.String(), "\n"), func(line string) bool { return line == "" })
	if text, err := format.Source([]byte(strings.Join(dense, "\n"))); err == nil {
		d.named[name] = append(d.named[name], string(text))
	}
}

// signatureWidth is what a signature may take on one line.
const signatureWidth = 100

// wrap gives each parameter of a long signature a line of its own, as gofmt leaves it.
func (d *declarations) wrap(name string, decl *ast.FuncDecl) {
	texts := d.named[name]
	if len(texts) == 0 || len(texts[len(texts)-1]) <= signatureWidth {
		return
	}
	text := texts[len(texts)-1]
	var params []string
	for _, p := range decl.Type.Params.List {
		var out bytes.Buffer
		var names []string
		for _, name := range p.Names {
			names = append(names, name.Name)
		}
		if format.Node(&out, d.files, p.Type) != nil {
			return
		}
		params = append(params, strings.Join(names, ", ")+" "+out.String())
	}
	texts[len(texts)-1] = strings.Replace(text, "("+strings.Join(params, ", ")+")", "(\n\t"+strings.Join(params, ",\n\t")+",\n)", 1)
}

func (d *declarations) add(decl ast.Decl) {
	switch decl := decl.(type) {
	case *ast.FuncDecl:
		name := decl.Name.Name
		if decl.Recv != nil {
			on := decl.Recv.List[0].Type
			if star, ok := on.(*ast.StarExpr); ok {
				on = star.X
			}
			if on, ok := on.(*ast.Ident); ok {
				name = on.Name + "." + name
			}
		}
		decl.Body = nil
		d.put(name, decl)
		d.wrap(name, decl)
	case *ast.GenDecl:
		for _, spec := range decl.Specs {
			switch spec := spec.(type) {
			case *ast.TypeSpec:
				d.put(spec.Name.Name, decl)
				if methods, ok := spec.Type.(*ast.InterfaceType); ok {
					for _, m := range methods.Methods.List {
						if signature, ok := m.Type.(*ast.FuncType); ok {
							name := spec.Name.Name + "." + m.Names[0].Name
							d.put(name, &ast.FuncDecl{Name: m.Names[0], Type: signature})
							for i, text := range d.named[name] {
								d.named[name][i] = strings.TrimPrefix(text, "func ")
							}
						}
					}
				}
			case *ast.ValueSpec:
				// The values of an enum stand together, and are shown with its type.
				name := spec.Names[0].Name
				if on, ok := spec.Type.(*ast.Ident); ok && len(decl.Specs) > 1 && len(d.named[on.Name]) > 0 {
					d.put(on.Name, decl)
					return
				}
				if len(decl.Specs) == 1 {
					d.put(name, decl)
				} else {
					d.put(name, &ast.GenDecl{Tok: decl.Tok, Specs: []ast.Spec{spec}})
				}
			}
		}
	}
}
