package check

import (
	"hash/fnv"
	"maps"
	"slices"

	"strongroom.dev/codegen/ast"
)

func (c *checker) iface(d *ast.Interface) {
	if len(d.Methods) == 0 {
		c.report.Errorf(emptyDeclaration, d.Name.Span, "%s `%s` has no methods", d.Keyword(), d.Name.Text)
	}
	names := c.names("method")
	for _, m := range d.Methods {
		names.add(m.Name)
		immediate := c.attributes(&m.Head, true)
		if d.Callback {
			c.callback(m, immediate)
		} else {
			c.method(m, immediate)
		}
		if id, ok := c.identify(m.Name, d.Name.Text+"."+m.Name.Text); ok {
			c.info.IDs[m] = id
		}
	}
}

func (c *checker) method(m *ast.Method, immediate bool) {
	c.args(m, inArgument)
	for i, f := range m.Args {
		if f.Type.Name.Text == "stream" && i < len(m.Args)-1 {
			c.report.Errorf(badStream, f.Type.Span, "a stream stands before another argument").Hint("a method takes at most one stream, as its last argument")
		}
	}
	if m.Result != nil {
		c.typ(m.Result, inResult)
	}
	c.effects(m)
	if m.Constructor {
		c.constructor(m, immediate)
	} else if immediate {
		c.immediate(m)
	}
}

func (c *checker) args(m *ast.Method, at place) {
	names := c.names("argument")
	for _, f := range m.Args {
		c.attributes(&f.Head, false)
		names.add(f.Name)
		c.typ(f.Type, at)
		if f.Default != nil {
			c.report.Errorf(noDefault, f.Default.Span, "an argument has no default").Hint("put it into a record, whose fields can have one")
		}
	}
}

// callback checks a method that the caller's side implements.
func (c *checker) callback(m *ast.Method, immediate bool) {
	c.args(m, inCallback)
	if m.Result != nil {
		c.typ(m.Result, inCallback)
	}
	if m.Constructor {
		c.report.Errorf(badCallback, m.Name.Span, "a callback has no constructor").Hint("the caller's program makes it")
	}
	if immediate {
		c.report.Errorf(badCallback, m.Name.Span, "a method of a callback cannot be `@immediate`").Hint("it is a request to the caller's program")
	}
	if m.Emits != nil {
		c.report.Errorf(badCallback, m.Emits.Span, "a callback does not emit")
	}
	if m.Throws != nil {
		c.named(*m.Throws, "error", "throws")
	}
}

func (c *checker) effects(m *ast.Method) {
	if m.Emits != nil && c.named(*m.Emits, "record", "emits") && m.Result != nil && m.Result.Name.Text == "stream" {
		c.report.Errorf(badStream, m.Emits.Span, "a stream does not emit").Hint("make what it would emit one of its items")
	}
	if m.Throws != nil {
		c.named(*m.Throws, "error", "throws")
	}
}

// named checks that the name after a keyword is one of the right kind of declaration.
func (c *checker) named(n ast.Name, kind, keyword string) bool {
	d, known := c.lookup(n.Text)
	if known && d.Keyword() == kind {
		return true
	}
	if known {
		c.report.Errorf(wrongKind, n.Span, "`%s` names %s, and `%s` is %s", keyword, article(kind), n.Text, article(d.Keyword())).
			See(d.DeclName().Span, "it is declared here")
		return false
	}
	report := c.report.Errorf(unknownType, n.Span, "unknown %s `%s`", kind, n.Text)
	if c.elsewhere(report, n.Text) {
		return false
	}
	var names []string
	for _, name := range slices.Sorted(maps.Keys(c.info.Decls)) {
		if c.info.Decls[name].Keyword() == kind {
			names = append(names, name)
		}
	}
	if near := Nearest(n.Text, names); near != "" {
		report.Hint("did you mean `%s`?", near)
	}
	return false
}

func (c *checker) constructor(m *ast.Method, immediate bool) {
	if m.Result != nil {
		c.report.Errorf(badConstructor, m.Result.Span, "a constructor has no result of its own").Hint("it gives the object; leave out the `->`")
	}
	if m.Emits != nil {
		c.report.Errorf(badConstructor, m.Emits.Span, "a constructor does not emit")
	}
	if immediate {
		c.report.Errorf(badConstructor, m.Name.Span, "a constructor cannot be `@immediate`").Hint("there is no object yet to read from")
	}
}

// immediate methods are plain calls without a request: nothing can come later, and nothing can change hands.
func (c *checker) immediate(m *ast.Method) {
	if r := m.Result; r != nil {
		_, object := c.info.Decls[r.Name.Text].(*ast.Interface)
		switch {
		case r.Name.Text == "stream":
			c.report.Errorf(badImmediate, r.Span, "an `@immediate` method cannot give a stream")
		case r.Name.Text == "buffer":
			c.report.Errorf(badImmediate, r.Span, "an `@immediate` method cannot give a buffer")
		case object:
			c.report.Errorf(badImmediate, r.Span, "an `@immediate` method cannot give an object")
		}
	}
	for _, f := range m.Args {
		d, declared := c.info.Decls[f.Type.Name.Text].(*ast.Interface)
		switch {
		case f.Type.Name.Text == "buffer":
			c.report.Errorf(badImmediate, f.Type.Span, "an `@immediate` method cannot take a buffer")
		case f.Type.Name.Text == "stream":
			c.report.Errorf(badImmediate, f.Type.Span, "an `@immediate` method cannot take a stream")
		case declared && d.Callback:
			c.report.Errorf(badImmediate, f.Type.Span, "an `@immediate` method cannot take a callback")
		}
	}
	if m.Emits != nil {
		c.report.Errorf(badImmediate, m.Emits.Span, "an `@immediate` method does not emit")
	}
	if m.Throws != nil {
		c.report.Errorf(badImmediate, m.Throws.Span, "an `@immediate` method does not fail").Hint("it only reads a field; leave out `@immediate` where more can happen")
	}
}

// firstID is the lowest id that is not kept for the runtime itself.
const firstID = 16

// identify makes the id of a method or an error from its full name.
func (c *checker) identify(n ast.Name, name string) (uint32, bool) {
	hash := fnv.New32a()
	hash.Write([]byte(name))
	id := hash.Sum32() + firstID
	if id < firstID {
		c.report.Errorf(badID, n.Span, "the id of `%s` is one of the runtime's own", name).Hint("choose another name; ids are made from names")
		return 0, false
	}
	if first, taken := c.ids[id]; taken && first.Text != name {
		c.report.Errorf(badID, n.Span, "`%s` has the same id as `%s`", name, first.Text).
			See(first.Span, "`%s` is declared here", first.Text).
			Hint("choose another name; ids are made from names")
		return 0, false
	}
	c.ids[id] = ast.Name{Text: name, Span: n.Span}
	return id, true
}
