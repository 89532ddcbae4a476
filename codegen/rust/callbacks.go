package rust

import "strongroom.dev/codegen/ir"

// callback writes the type by which a service calls an object of the caller's.
func (e *emitter) callback(c *ir.Interface) {
	e.about(c.About, "Callback `"+c.Name+"`.")
	e.line("#[derive(Clone, Debug)]")
	e.line("pub struct %s(rpc::Callback);", c.Name)
	e.line("")
	e.open("impl %s {", c.Name)
	for n, m := range c.Methods {
		if n > 0 {
			e.line("")
		}
		e.callbackMethod(m)
	}
	e.close("}")
	e.line("")
	e.decodeImpl(c.Name, 8, func() { e.line("reader.callback().map(%s)", c.Name) })
}

func (e *emitter) callbackMethod(m *ir.Method) {
	e.unused(m.About, "Method `"+m.Name+"`.")
	args := []string{"&self"}
	var names []string
	for _, f := range m.Args {
		args = append(args, snake(f.Name)+": "+typeName(f.Type))
		names = append(names, snake(f.Name))
	}
	result := "()"
	if m.Result != nil {
		result = typeName(m.Result)
	}
	e.many(args)
	e.list("pub async fn "+snake(m.Name)+"(", args, ") -> Result<"+result+", "+errorType(m)+"> {")
	e.indent++
	e.line("self.0.call(%s, %s).await", hex(uint64(m.ID), 8), pairs(names))
	e.close("}")
}

// pairs is a value that is encoded as all of the names, one after the other.
func pairs(names []string) string {
	switch len(names) {
	case 0:
		return "()"
	case 1:
		return names[0]
	}
	return "(" + names[0] + ", " + pairs(names[1:]) + ")"
}
