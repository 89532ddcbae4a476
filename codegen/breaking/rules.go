// Package breaking compares two versions of an interface, and finds what of the new one breaks those who have the old one.
package breaking

import "strongroom.dev/codegen/report"

// Promise is something that a change can break.
type Promise int

// The promises.
const (
	// Source says that code which was written against the old generated packages compiles with the new ones and means the same.
	Source Promise = 1 << iota
	// ABI says that a program which was built with the old binding or header works with the new library.
	ABI
	// Frames says that the bytes of either version are understood by the other, as sr_check decides it.
	Frames
)

// NamedPromise is a promise with its name on the command line.
type NamedPromise struct {
	Name    string
	Promise Promise
}

// Promises are all of them.
var Promises = []NamedPromise{{"source", Source}, {"abi", ABI}, {"frames", Frames}}

// String names the promises of a set.
func (p Promise) String() string {
	text := ""
	for _, known := range Promises {
		if p&known.Promise != 0 {
			if text != "" {
				text += ", "
			}
			text += known.Name
		}
	}
	return text
}

// Rule is a kind of change that breaks promises.
type Rule struct {
	*report.Rule
	Breaks Promise
}

// Rules are all of them.
var Rules []*Rule

func define(id string, breaks Promise, why string) *Rule {
	rule := &Rule{report.Define(id, why), breaks}
	Rules = append(Rules, rule)
	return rule
}

var (
	packageRenamed = define("package-renamed", Source|ABI, "The generated packages, headers and symbols are named after the package.")
	removed        = define("declaration-removed", Source, "Code that names what is gone no longer compiles. Deprecate it first, and remove it with the next major version.")
	kindChanged    = define("declaration-kind", Source|ABI|Frames, "What was declared as one kind of thing is now another one.")
	methodRemoved  = define("method-removed", Source|ABI|Frames, "A program that calls the method finds it in no library any more.")
	methodAdded    = define("callback-method-added", Source|Frames, "Every program that implements the callback lacks the new method. Declare a second callback.")
	methodKind     = define("method-kind", Source|ABI|Frames, "Whether a method is a constructor, immediate or a plain request decides how it is called.")
	arguments      = define("arguments", Source|ABI|Frames, "The number, order, names and types of arguments are fixed. Let a method take a record, which may grow.")
	result         = define("result", Source|ABI|Frames, "What a method gives, as a whole or as a stream, and what it emits, is fixed. Let it give a record, which may grow.")
	throws         = define("throws", Source|ABI|Frames, "The error type of a method is fixed; the type itself may get further variants at its end.")
	fieldRemoved   = define("field-removed", Source|ABI|Frames, "Fields have no numbers but their order: without one, all that follow are read as others. Deprecate it, and keep it.")
	fieldOrder     = define("field-order", ABI|Frames, "Fields are read in their order, so a new one stands at the end, and none changes its place.")
	fieldRenamed   = define("field-renamed", Source|ABI|Frames, "Code names the field; the bytes would be the same, but the check at load cannot know that it means the same.")
	fieldType      = define("field-type", Source|ABI|Frames, "A field of another type has other bytes.")
	fieldDefault   = define("field-default", ABI|Frames, "An older side leaves the field out and means the old default; the newer one would read the new default.")
	variantRemoved = define("variant-removed", Source|ABI|Frames, "Variants are numbered by their order: without one, all that follow mean others. Deprecate it, and keep it.")
	variantOrder   = define("variant-order", ABI|Frames, "Variants are numbered by their order, so a new one stands at the end, and none changes its place.")
	variantRenamed = define("variant-renamed", Source|ABI|Frames, "Code names the variant; the number would be the same, but the check at load cannot know that it means the same.")
	enumShape      = define("enum-shape", Source, "An enum whose variants have no fields is a plain number in most languages. The first variant with fields makes another type of it.")
	aliasType      = define("alias-type", Source, "Code that uses the alias gets values of another type.")
	constantValue  = define("constant-value", Source, "A constant was compiled into programs, which go on with the old value.")
	constantType   = define("constant-type", Source, "Code that uses the constant gets a value of another type.")
)
