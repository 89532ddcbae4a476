package stress

import (
	"context"
	"sync"
	"time"

	"strongroom.dev/conformance/go/conformance"
	"strongroom.dev/go/rpc"
)

// adopt makes an object, or answers nil where that was given up.
func (a *actor) adopt(name string) *conformance.Echo {
	on, p := a.on(), a.patience()
	defer p.end()
	a.call(p)
	var child *conformance.Echo
	var err error
	if a.odds(2) {
		child, err = on.Child(p, name)
	} else {
		child, err = a.client.OpenEcho(p, name)
	}
	if !a.ok(p, err) {
		return nil
	}
	return child
}

// children gives the actor another object of its own, and looks what can be done with the one before.
func (a *actor) children() {
	name := "child " + a.text()
	child := a.adopt(name)
	if child == nil {
		return
	}
	got, err := child.Name()
	if p := (patience{}); a.ok(p, err) {
		a.same(got, name)
	}
	before := a.child
	a.child = child
	if before == nil {
		return
	}
	for range 2 { // closing again does nothing
		if err := before.Close(); err != nil {
			a.fail("it does not close: %v", err)
		}
	}
	if err := before.Nothing(context.Background()); !code(rpc.Closed)(err) {
		a.fail("an object that is closed answers %v", err)
	}
}

// closesUnderCalls closes an object while others call it: they get their result, or that it is closed.
func (a *actor) closesUnderCalls() {
	after := time.Duration(a.dice.IntN(2000)) * time.Microsecond
	count := 1 + a.dice.IntN(8)
	child := a.adopt("brief")
	if child == nil {
		return
	}
	var calls sync.WaitGroup
	for i := range count {
		calls.Go(func() {
			for {
				p := patience{Context: context.Background()}
				var err error
				a.call(p)
				switch i % 3 {
				case 0:
					_, err = child.Sleep(p, 1)
				case 1:
					_, err = child.Name()
					time.Sleep(10 * time.Microsecond)
				default:
					err = child.Nothing(p)
				}
				switch {
				case err == nil:
					a.answered.Add(1)
				case code(rpc.Closed)(err):
					a.closed.Add(1)
					return
				case !a.explained(p, err):
					a.fail("it failed unasked: %v", err)
					return
				}
			}
		})
	}
	time.Sleep(after)
	if err := child.Close(); err != nil {
		a.fail("it does not close: %v", err)
	}
	calls.Wait()
}

// losesObject leaves an object to the collector, which must count it.
func (a *actor) losesObject() {
	if a.kind == shut {
		return // who counts them is gone before the collector comes
	}
	if child := a.adopt("lost"); child != nil {
		a.leaks.Add(1)
	}
}
