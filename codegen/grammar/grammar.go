// Package grammar emits an interface as a grammar of its frames, for programs that make payloads which are nearly right:
// fuzzers get past the first length field with it.
package grammar

import (
	"encoding/json"

	"strongroom.dev/codegen/ir"
)

// grammar is the whole text.
type grammar struct {
	Package string             `json:"package"`
	Types   map[string]product `json:"types"`
	Methods []method           `json:"methods"`
}

// product is a declared type: a record has one alternative, an enum one for each variant, in the order of their numbers.
type product struct {
	Kind         string        `json:"kind"` // record, enum or error
	Domain       uint32        `json:"domain,omitempty"`
	Alternatives []alternative `json:"alternatives"`
}

type alternative struct {
	Name   string `json:"name"`
	Fields []any  `json:"fields"`
}

// method says which payloads a call of it can have. Results are there for those who fuzz the caller's side.
type method struct {
	Name      string `json:"name"`
	ID        uint32 `json:"id"`
	Kind      string `json:"kind"` // constructor, request, immediate or callback
	Arguments []any  `json:"arguments"`
	Input     any    `json:"input,omitempty"` // items that the caller sends
	Result    any    `json:"result,omitempty"`
	Stream    bool   `json:"stream,omitempty"`
	Emits     string `json:"emits,omitempty"`
	Throws    string `json:"throws,omitempty"`
}

// Emit answers the grammar as JSON. A type is the name of a built-in or declared one, or an object with one key: fixed, optional,
// list or map.
func Emit(s *ir.Schema) ([]byte, error) {
	g := grammar{Package: s.Package, Types: map[string]product{}}
	for _, t := range s.Types {
		switch t := t.(type) {
		case *ir.Record:
			g.Types[t.Name] = product{Kind: "record", Alternatives: []alternative{{t.Name, fields(t.Fields)}}}
		case *ir.Enum:
			g.Types[t.Name] = product{Kind: "enum", Alternatives: alternatives(t.Variants)}
		case *ir.Error:
			g.Types[t.Name] = product{Kind: "error", Domain: t.Domain, Alternatives: alternatives(t.Variants)}
		}
	}
	for _, m := range s.Methods() {
		g.Methods = append(g.Methods, describe(m))
	}
	for _, i := range s.Callbacks {
		for _, m := range i.All() {
			g.Methods = append(g.Methods, describe(m))
		}
	}
	text, err := json.MarshalIndent(g, "", " ")
	return append(text, '\n'), err
}

func alternatives(variants []*ir.Variant) []alternative {
	var out []alternative
	for _, v := range variants {
		out = append(out, alternative{v.Name, fields(v.Fields)})
	}
	return out
}

func fields(list []*ir.Field) []any {
	out := []any{}
	for _, f := range list {
		out = append(out, reference(f.Type))
	}
	return out
}

func describe(m *ir.Method) method {
	out := method{Name: m.FullName(), ID: m.ID, Kind: "request", Arguments: fields(m.Args), Stream: m.Stream}
	switch {
	case m.Constructor:
		out.Kind = "constructor"
	case m.Immediate:
		out.Kind = "immediate"
	case m.Interface.Callback:
		out.Kind = "callback"
	}
	if m.Input != nil {
		out.Input = reference(m.Input.Type)
	}
	if m.Result != nil {
		out.Result = reference(m.Result)
	}
	if m.Emits != nil {
		out.Emits = m.Emits.Name
	}
	if m.Throws != nil {
		out.Throws = m.Throws.Name
	}
	return out
}

func reference(r *ir.Ref) any {
	switch r.Kind {
	case ir.FixedBytes:
		return map[string]any{"fixed": r.Size}
	case ir.Optional:
		return map[string]any{"optional": reference(r.Elem)}
	case ir.List:
		return map[string]any{"list": reference(r.Elem)}
	case ir.Map:
		return map[string]any{"map": []any{reference(r.Key), reference(r.Elem)}}
	case ir.InterfaceRef:
		return map[string]any{"object": r.Interface.Name}
	case ir.CallbackRef:
		return map[string]any{"callback": r.Interface.Name}
	}
	return r.String()
}
