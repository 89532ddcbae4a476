package rust

import "strongroom.dev/codegen/ir"

// Where the IDL is generous, clippy is told that it is meant so.
const (
	mostArguments = 7   // clippy's too-many-arguments-threshold
	largeVariant  = 200 // clippy's enum-variant-size-threshold
)

func (e *emitter) many(args []string) {
	if len(args) > mostArguments {
		e.line("#[allow(clippy::too_many_arguments, reason = \"the interface has so many\")]")
	}
}

// large lets a variant be much larger than the others. A variant in a box would be another type to those who use it.
func (e *emitter) large(variants []*ir.Variant) {
	for _, v := range variants {
		if e.bytes(v.Fields) >= largeVariant {
			e.line("#[allow(clippy::large_enum_variant, reason = \"the interface has such variants\")]")
			return
		}
	}
}

// bytes is about what fields take in memory: not less.
func (e *emitter) bytes(fields []*ir.Field) int {
	total := 0
	for _, f := range fields {
		total += e.size(f.Type)
	}
	return total
}

func (e *emitter) size(r *ir.Ref) int {
	const word = 8
	switch r.Kind {
	case ir.FixedBytes:
		return r.Size + word
	case ir.Optional:
		return e.size(r.Elem) + word
	case ir.RecordRef:
		return e.known(r.Record, func() int { return e.bytes(r.Record.Fields) })
	case ir.EnumRef:
		return e.known(r.Enum, func() int {
			most := 0
			for _, v := range r.Enum.Variants {
				most = max(most, e.bytes(v.Fields))
			}
			return most + word
		})
	case ir.String, ir.Bytes, ir.Path, ir.List, ir.Map:
		return 3 * word
	default:
		return 2 * word
	}
}

// known is a size that is measured once.
func (e *emitter) known(t ir.Type, measure func() int) int {
	size, ok := e.sizes[t]
	if !ok {
		e.sizes[t] = 0 // where a list of it leads back to it
		size = measure()
		e.sizes[t] = size
	}
	return size
}
