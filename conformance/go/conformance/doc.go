// Package conformance is the Go binding of a service that shows how every part of the interface language behaves. Its
// tests run the table of conformance/cases.json, and prove what the Go runtime promises.
package conformance
