package check

import (
	"hash/fnv"
	"maps"
	"slices"

	"strongroom.dev/codegen/ast"
)

type namedMethod struct {
	name   string // Interface.method
	method *ast.Method
}

func (c *checker) iface(d *ast.Interface) {
	if len(d.Methods) == 0 {
		c.report.Errorf(d.Name.Span, "interface `%s` has no methods", d.Name.Text)
	}
	names := c.names("method")
	for _, m := range d.Methods {
		names.add(m.Name)
		c.method(m)
		c.identify(d, m)
	}
}

func (c *checker) method(m *ast.Method) {
	args := c.names("argument")
	for _, f := range m.Args {
		args.add(f.Name)
		c.typ(f.Type, inArgument)
		if f.Default != nil {
			c.report.Errorf(f.Default.Span, "an argument has no default").Hint("put it into a record, whose fields can have one")
		}
	}
	immediate := c.attributes(m)
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

// attributes reports whether the method is @immediate.
func (c *checker) attributes(m *ast.Method) bool {
	immediate := false
	for _, a := range m.Attributes {
		switch {
		case a.Text != "immediate":
			c.report.Errorf(a.Span, "unknown attribute `@%s`", a.Text).Hint("the only attribute is `@immediate`")
		case immediate:
			c.report.Errorf(a.Span, "`@immediate` stands here twice")
		default:
			immediate = true
		}
	}
	return immediate
}

func (c *checker) effects(m *ast.Method) {
	if m.Emits != nil && c.named(*m.Emits, "record", "emits") && m.Result != nil && m.Result.Name.Text == "stream" {
		c.report.Errorf(m.Emits.Span, "a stream does not emit").Hint("make what it would emit one of its items")
	}
	if m.Throws != nil {
		c.named(*m.Throws, "error", "throws")
	}
}

// named checks that the name after a keyword is one of the right kind of declaration.
func (c *checker) named(n ast.Name, kind, keyword string) bool {
	d, known := c.info.Decls[n.Text]
	if known && d.Keyword() == kind {
		return true
	}
	if known {
		c.report.Errorf(n.Span, "`%s` names %s, and `%s` is %s", keyword, article(kind), n.Text, article(d.Keyword())).
			See(d.DeclName().Span, "it is declared here")
		return false
	}
	report := c.report.Errorf(n.Span, "unknown %s `%s`", kind, n.Text)
	var names []string
	for _, name := range slices.Sorted(maps.Keys(c.info.Decls)) {
		if c.info.Decls[name].Keyword() == kind {
			names = append(names, name)
		}
	}
	if near := nearest(n.Text, names); near != "" {
		report.Hint("did you mean `%s`?", near)
	}
	return false
}

func (c *checker) constructor(m *ast.Method, immediate bool) {
	if m.Result != nil {
		c.report.Errorf(m.Result.Span, "a constructor has no result of its own").Hint("it gives the object; leave out the `->`")
	}
	if m.Emits != nil {
		c.report.Errorf(m.Emits.Span, "a constructor does not emit")
	}
	if immediate {
		c.report.Errorf(m.Name.Span, "a constructor cannot be `@immediate`").Hint("there is no object yet to read from")
	}
}

// immediate methods are plain calls without a request: nothing can come later, and nothing can change hands.
func (c *checker) immediate(m *ast.Method) {
	if r := m.Result; r != nil {
		_, object := c.info.Decls[r.Name.Text].(*ast.Interface)
		switch {
		case r.Name.Text == "stream":
			c.report.Errorf(r.Span, "an `@immediate` method cannot give a stream")
		case r.Name.Text == "buffer":
			c.report.Errorf(r.Span, "an `@immediate` method cannot give a buffer")
		case object:
			c.report.Errorf(r.Span, "an `@immediate` method cannot give an object")
		}
	}
	for _, f := range m.Args {
		if f.Type.Name.Text == "buffer" {
			c.report.Errorf(f.Type.Span, "an `@immediate` method cannot take a buffer")
		}
	}
	if m.Emits != nil {
		c.report.Errorf(m.Emits.Span, "an `@immediate` method does not emit")
	}
	if m.Throws != nil {
		c.report.Errorf(m.Throws.Span, "an `@immediate` method does not fail").Hint("it only reads a field; leave out `@immediate` where more can happen")
	}
}

// firstID is the lowest id that is not kept for the methods of the runtime itself.
const firstID = 16

func (c *checker) identify(d *ast.Interface, m *ast.Method) {
	name := d.Name.Text + "." + m.Name.Text
	hash := fnv.New32a()
	hash.Write([]byte(name))
	id := hash.Sum32() + firstID
	if id < firstID {
		c.report.Errorf(m.Name.Span, "the id of `%s` is one of the runtime's own", name).Hint("choose another name; ids are made from names")
		return
	}
	if first, taken := c.methods[id]; taken && first.name != name {
		c.report.Errorf(m.Name.Span, "`%s` has the same id as `%s`", name, first.name).
			See(first.method.Name.Span, "`%s` is declared here", first.name).
			Hint("choose another name; ids are made from names")
		return
	}
	c.methods[id] = namedMethod{name, m}
	c.info.IDs[m] = id
}
