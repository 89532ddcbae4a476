//go:build !strongroom_debug

package rpc

// What debug.go does costs nothing here.

type origin struct{}

func here() origin { return origin{} }

func (origin) attributes() []any { return nil }

type watched struct{}

func (*View) watch() {}

func (*View) unwatch() {}

func crossing() {}
