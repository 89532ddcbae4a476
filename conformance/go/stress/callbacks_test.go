package stress

import (
	"context"
	"errors"
	"runtime"
	"sync/atomic"
	"time"

	"strongroom.dev/conformance/go/conformance"
	"strongroom.dev/go/rpc"
)

// manner is how a listener behaves.
type manner int

const (
	good manner = iota
	slow
	calling  // it calls the library
	declared // it fails as the interface says
	undeclared
	panicking
	leaving // it ends its goroutine
	manners
)

// listener is a callback. It may be at work still when its call is over, so it has no dice.
type listener struct {
	a      *actor
	manner manner
	from   int64 // how often it behaves well before
	ends   bool  // its call may be given up
	pause  time.Duration
	heard  atomic.Int64
}

func (a *actor) listener(p patience) *listener {
	l := &listener{a: a, ends: p.ends(), pause: time.Duration(a.dice.IntN(2000)) * time.Microsecond}
	if a.odds(2) {
		l.manner, l.from = manner(a.dice.IntN(int(manners))), a.dice.Int64N(3)
	}
	return l
}

var errOwn = errors.New("the listener has a failure of its own")

// behave does what all methods do, and answers what they fail with.
func (l *listener) behave(ctx context.Context, free func()) error {
	if l.ends {
		// Its answer, and the word that nobody waits for it, may pass each other.
		l.a.strays.Add(1)
		l.a.late.Add(1)
	}
	if l.heard.Add(1) <= l.from {
		return nil
	}
	switch l.manner {
	case slow:
		select {
		case <-ctx.Done():
		case <-time.After(l.pause):
		}
	case calling:
		l.a.requests.Add(1)
		l.a.strays.Add(1)
		return l.a.epoch.echo.Nothing(ctx)
	case declared:
		free()
		return &conformance.ConformanceRefusedError{Reason: "unheard", Code: 5}
	case undeclared:
		free()
		return errOwn
	case panicking:
		free()
		l.a.panics.Add(1)
		panic("at the disco")
	case leaving:
		free()
		runtime.Goexit()
	}
	return nil
}

func (l *listener) Heard(ctx context.Context, text string) (uint32, error) {
	return uint32(len(text)), l.behave(ctx, func() {})
}

func (l *listener) Took(ctx context.Context, data *rpc.Buffer) (*rpc.Buffer, error) {
	if err := l.behave(ctx, func() { l.a.closeBuffer(data) }); err != nil {
		return nil, errors.Join(err, data.Close())
	}
	view, err := data.View()
	if err != nil {
		return nil, errors.Join(err, data.Close())
	}
	for i, b := range view.Bytes() {
		view.Bytes()[i] = ^b
	}
	return data, view.Close()
}

// failing answers what the call fails with, whose listener is called so often, or nil where it does not.
func (l *listener) failing(calls int) func(error) bool {
	if int64(calls) <= l.from {
		return nil
	}
	switch l.manner {
	case declared:
		return refused("unheard", 5)
	case undeclared, panicking, leaving:
		return code(rpc.Callback)
	case calling:
		if l.a.failFast || l.ends || l.a.kind == shut {
			// Its own call may fail, and with it this one; or not.
			return func(err error) bool { return code(rpc.Callback)(err) }
		}
	}
	return nil
}

// answered compares what a call came to with what its listener did.
func (a *actor) listened(p patience, l *listener, calls int, err error, got, want any) {
	failing := l.failing(calls)
	switch {
	case failing != nil && err == nil && l.manner == calling:
		a.same(got, want)
	case failing != nil:
		a.failed(p, err, "as its callback did", failing)
	case a.shutAnswer(err):
	case a.ok(p, err):
		a.same(got, want)
	}
	if err == nil && l.heard.Load() != int64(calls) {
		a.fail("the callback was called %d times, not %d", l.heard.Load(), calls)
	}
}

// shutAnswer says that an error is the callback's, whose client was closed under it.
func (a *actor) shutAnswer(err error) bool { return a.kind == shut && code(rpc.Callback)(err) }

func (a *actor) asks() {
	on, p := a.on(), a.patience()
	defer p.end()
	l := a.listener(p)
	var texts []string
	var want []uint32
	for range a.dice.IntN(6) {
		text := a.text()
		texts, want = append(texts, text), append(want, uint32(len(text)))
	}
	a.call(p)
	got, err := on.Ask(p, l, texts)
	a.listened(p, l, len(texts), err, got, want)
}

func (a *actor) passes() {
	on, p, data := a.on(), a.patience(), a.data()
	defer p.end()
	l := a.listener(p)
	if l.manner == declared {
		l.manner = undeclared // its method declares none
	}
	buffer := a.filled(p, data)
	if buffer == nil {
		return
	}
	a.call(p)
	back, err := on.Pass(p, l, buffer)
	if err == nil {
		a.content(back, inverted(data))
	}
	a.listened(p, l, 1, err, nil, nil)
	a.gone(buffer)
}

// keeps gives an object a listener, lets it be heard, and sometimes takes it away.
func (a *actor) keeps() {
	p := a.patience()
	defer p.end()
	child := a.adopt("keeper")
	if child == nil {
		return
	}
	defer func() {
		if err := child.Close(); err != nil {
			a.fail("it does not close: %v", err)
		}
	}()
	l := a.listener(p)
	a.call(p)
	if !a.ok(p, child.Keep(p, l)) {
		return
	}
	for calls := range a.dice.IntN(4) {
		text := a.text()
		a.call(p)
		got, err := child.Recall(p, text)
		a.listened(p, l, calls+1, err, got, uint32(len(text)))
		if err != nil {
			return
		}
	}
	if a.odds(2) {
		a.call(p)
		if a.ok(p, child.Forget(p)) {
			a.call(p)
			_, err := child.Recall(p, "anyone?")
			a.failed(p, err, "empty", empty)
		}
	}
}
