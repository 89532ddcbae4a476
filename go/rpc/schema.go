package rpc

// Schema is what a generated package knows about its interface.
type Schema struct {
	// Text is the canonical text of all that both sides must agree on (docs/boundary.md), and Hash is made of it.
	Text string
	Hash [16]byte
	// DecodeError makes the typed error of a domain of the IDL, or answers nil for one that it does not know.
	DecodeError func(domain, variant uint32, message string, fields *Decoder) error
}

// SchemaError says that the program and the library it is linked with were made from interfaces that do not understand
// each other.
type SchemaError struct {
	Reason string // what is missing or differs
}

func (e *SchemaError) Error() string {
	return "the linked library does not fit this program: " + e.Reason + "; build both from the same release"
}
