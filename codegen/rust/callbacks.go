package rust

import (
	"strongroom.dev/codegen/ir"
	"strongroom.dev/codegen/lower"
)

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
}

func (e *emitter) callbackMethod(m *ir.Method) {
	e.unused(m.About, "Method `"+m.Name+"`.")
	call := lower.Method(m)
	args := []string{"&self"}
	for _, s := range call.Arguments {
		args = append(args, snake(s.Field.Name)+": "+typeName(s.Type))
	}
	result := "()"
	if call.Result != nil {
		result = typeName(call.Result.Type)
	}
	e.many(args)
	e.list("pub async fn "+snake(m.Name)+"(", args, ") -> Result<"+result+", "+errorType(m)+"> {")
	e.indent++
	e.writer(call.Arguments)
	id := hex(uint64(m.ID), 8)
	answer := "|_| Ok(())"
	if call.Result != nil {
		answer = free(call.Result)
	}
	one := "self.0.call(" + id + ", arguments, " + answer + ").await"
	if !e.fits(one) {
		e.open("let answer = |reader: &mut rpc::Reader<'_>| {")
		e.read(call.Result, "")
		e.close("};")
		one = "self.0.call(" + id + ", arguments, answer).await"
	}
	e.line("%s", one)
	e.close("}")
}

// writer emits the function that writes the arguments of a callback's method.
func (e *emitter) writer(arguments []lower.Step) {
	if len(arguments) == 0 {
		e.line("let arguments = |_: &mut rpc::Writer<'_>| {};")
		return
	}
	e.open("let arguments = |writer: &mut rpc::Writer<'_>| {")
	e.encodeFields("", arguments)
	e.close("};")
}
