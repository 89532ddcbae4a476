package rpc

import (
	"fmt"
	"strings"
)

// Schema is what a generated package knows about its interface.
type Schema struct {
	Hash    [16]byte
	Methods []Method
	// DecodeError makes the typed error of a domain of the IDL, or answers nil for one that it does not know.
	DecodeError func(domain, variant uint32, message string, fields *Decoder) error
}

// Method is one method of an interface as both sides know it.
type Method struct {
	ID   uint32
	Hash uint64
	Name string
}

// SchemaError says that the program and the library it is linked with were made from different interfaces.
type SchemaError struct {
	Reason string
	// Missing are methods that the library does not have, Changed those whose types differ.
	Missing, Changed []string
}

func (e *SchemaError) Error() string {
	var b strings.Builder
	b.WriteString("the linked library does not fit this program: ")
	b.WriteString(e.Reason)
	if len(e.Missing) > 0 {
		fmt.Fprintf(&b, "; the library lacks %s", strings.Join(e.Missing, ", "))
	}
	if len(e.Changed) > 0 {
		fmt.Fprintf(&b, "; these methods differ: %s", strings.Join(e.Changed, ", "))
	}
	b.WriteString("; build both from the same release")
	return b.String()
}

// differences names the methods that make two schemas differ. Methods that only the library has do no harm.
func differences(ours, theirs []Method) error {
	hashes := make(map[uint32]uint64, len(theirs))
	for _, m := range theirs {
		hashes[m.ID] = m.Hash
	}
	err := &SchemaError{Reason: "their interfaces were generated from different IDL files"}
	for _, m := range ours {
		hash, ok := hashes[m.ID]
		switch {
		case !ok:
			err.Missing = append(err.Missing, m.Name)
		case hash != m.Hash:
			err.Changed = append(err.Changed, m.Name)
		}
	}
	if len(err.Missing)+len(err.Changed) == 0 {
		return nil
	}
	return err
}
