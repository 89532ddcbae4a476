package stress

import (
	"bytes"
	"context"
	"errors"
	"io"
	"iter"
	"time"

	"strongroom.dev/go/rpc"
)

// reading is how a stream is read.
type reading struct {
	leave int           // after so many items; -1: never
	pause time.Duration // after each of the first ones
}

func (a *actor) reading(items int) reading {
	r := reading{leave: -1}
	if a.odds(3) {
		r.leave = a.dice.IntN(items + 1)
	}
	if a.odds(3) {
		r.pause = time.Duration(a.dice.IntN(500)) * time.Microsecond
	}
	return r
}

// took pauses, and reports whether the reader goes on.
func (a *actor) took(r reading, items int) bool {
	a.strays.Add(1) // the credit for it may come after the end
	if items < 20 {
		time.Sleep(r.pause)
	}
	return items != r.leave
}

// stream counts a call whose result is a stream: its first credit and its cancel may come after its end.
func (a *actor) stream(p patience) {
	a.call(p)
	a.strays.Add(3)
}

func (a *actor) counts() {
	on, p := a.on(), a.patience()
	defer p.end()
	count, fail := a.dice.IntN(2000), a.odds(3)
	if a.odds(20) {
		count *= 100 // more than the credit
	}
	how, next := a.reading(count), 0
	a.stream(p)
	for n, err := range on.Count(p, uint32(count), fail) {
		if err != nil {
			if fail && next == count {
				a.failed(p, err, "empty", empty)
			} else {
				a.ok(p, err)
			}
			return
		}
		if int(n) != next {
			a.fail("%d came, %d was to come", n, next)
		}
		if next++; !a.took(how, next) {
			return
		}
	}
	if fail || next != count {
		a.fail("the stream ended after %d of %d", next, count)
	}
}

func (a *actor) blocks() {
	on, p := a.on(), a.patience()
	defer p.end()
	count, size := a.dice.IntN(40), a.size()
	how, next := a.reading(count), 0
	lose := a.kind != shut && a.odds(10)
	a.stream(p)
	for block, err := range on.Blocks(p, uint32(count), uint32(size)) {
		if err != nil {
			a.ok(p, err)
			return
		}
		if lose && next == count/2 {
			a.leaks.Add(1)
		} else {
			a.content(block, bytes.Repeat([]byte{byte(next % 251)}, size))
		}
		if next++; !a.took(how, next) {
			return
		}
	}
	if next != count {
		a.fail("the stream ended after %d of %d", next, count)
	}
}

// reads has a stream of buffers read as bytes.
func (a *actor) reads() {
	on, p := a.on(), a.patience()
	defer p.end()
	count, size := 1+a.dice.IntN(10), 1+a.size()
	early := a.odds(2)
	a.stream(p)
	a.strays.Add(int64(count))
	reader := rpc.NewReader(on.Blocks(p, uint32(count), uint32(size)))
	defer func() {
		if err := reader.Close(); err != nil {
			a.fail("a reader does not close: %v", err)
		}
	}()
	if early {
		_, err := io.ReadFull(reader, make([]byte, size/2+1))
		a.ok(p, err)
		return
	}
	var all bytes.Buffer
	n, err := io.Copy(&all, reader)
	if !a.ok(p, err) {
		return
	}
	if n != int64(count*size) {
		a.fail("%d bytes came, %d were to come", n, count*size)
		return
	}
	for i := range count {
		if !bytes.Equal(all.Next(size), bytes.Repeat([]byte{byte(i)}, size)) {
			a.fail("block %d has other bytes than those that were to come", i)
		}
	}
}

var errTape = errors.New("the tape is torn")

// input is what a call is given as a stream.
type input struct {
	numbers []uint32
	fails   int // before the number at this place; -1: never
	pause   time.Duration
}

func (a *actor) input() input {
	in := input{fails: -1}
	for range a.dice.IntN(300) {
		in.numbers = append(in.numbers, 1+a.dice.Uint32N(1000))
	}
	if a.odds(4) {
		in.fails = a.dice.IntN(len(in.numbers) + 1)
	}
	if a.odds(3) {
		in.pause = time.Duration(a.dice.IntN(300)) * time.Microsecond
	}
	return in
}

// give is a source of what make makes of the numbers. It may be at work still when its call is over, so it has no dice.
func give[T any](a *actor, in input, make func(uint32) (T, error)) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		var none T
		for i, n := range in.numbers {
			if i == in.fails {
				yield(none, errTape)
				return
			}
			if i < 20 {
				time.Sleep(in.pause)
			}
			a.strays.Add(1)
			value, err := make(n)
			if !yield(value, err) || err != nil {
				return
			}
		}
		if in.fails == len(in.numbers) {
			yield(none, errTape)
		}
	}
}

func same(n uint32) (uint32, error) { return n, nil }

func torn(err error) bool { return err == errTape }

// totals streams numbers in, of which one may be too large.
func (a *actor) totals() {
	on, p, in := a.on(), a.patience(), a.input()
	defer p.end()
	limit, over := uint32(1000), -1
	if a.odds(4) {
		limit = a.dice.Uint32N(1000)
	}
	var want uint64
	for i, n := range in.numbers {
		if n > limit {
			over = i
			break
		}
		want += uint64(n)
	}
	a.stream(p)
	got, err := on.Total(p, limit, give(a, in, same))
	switch {
	case over >= 0 && in.fails >= 0:
		// Which of the two is seen first is a matter of luck where both are on their way.
		a.failed(p, err, "too large or torn", func(err error) bool { return torn(err) || refused("too large", uint32(over))(err) })
	case over >= 0:
		a.failed(p, err, "too large", refused("too large", uint32(over)))
	case in.fails >= 0:
		a.failed(p, err, "torn", torn)
	case a.ok(p, err):
		a.same(got, want)
	}
}

// doubles streams in both directions.
func (a *actor) doubles() {
	on, p, in := a.on(), a.patience(), a.input()
	defer p.end()
	zero := -1
	if len(in.numbers) > 0 && in.fails < 0 && a.odds(4) {
		zero = a.dice.IntN(len(in.numbers))
		in.numbers[zero] = 0
	}
	how, next := a.reading(len(in.numbers)), 0
	a.stream(p)
	for n, err := range on.Double(p, give(a, in, same)) {
		switch {
		case err == nil:
			if next >= len(in.numbers) || n != 2*uint64(in.numbers[next]) {
				a.fail("number %d came as %d", next, n)
			}
			if next++; !a.took(how, next) {
				return
			}
			continue
		case in.fails >= 0:
			a.failed(p, err, "torn", torn)
		case zero == next:
			a.failed(p, err, "empty", empty)
		default:
			a.ok(p, err)
		}
		return
	}
	if next != len(in.numbers) || in.fails >= 0 {
		a.fail("the stream ended after %d of %d", next, len(in.numbers))
	}
}

// totalsBytes streams buffers in: its own, or those of another stream.
func (a *actor) totalsBytes() {
	on, p, in := a.on(), a.patience(), a.input()
	defer p.end()
	in.numbers = in.numbers[:len(in.numbers)/4]
	in.fails = min(in.fails, len(in.numbers))
	if a.odds(3) {
		count, size := a.dice.IntN(40), a.size()
		a.stream(p)
		a.stream(p)
		a.strays.Add(int64(2 * count))
		got, err := on.TotalBytes(p, a.epoch.echo.Blocks(p, uint32(count), uint32(size)))
		if a.ok(p, err) {
			a.same(got, uint64(count*(count-1)/2*size))
		}
		return
	}
	var want uint64
	for _, n := range in.numbers {
		want += uint64(n) * uint64(byte(n))
	}
	a.stream(p)
	a.requests.Add(int64(len(in.numbers)))
	got, err := on.TotalBytes(p, give(a, in, func(n uint32) (*rpc.Buffer, error) {
		buffer, err := a.client.Alloc(context.Background(), int(n))
		if err != nil {
			return nil, err
		}
		view, err := buffer.View()
		if err != nil {
			return nil, errors.Join(err, buffer.Close())
		}
		for i := range view.Bytes() {
			view.Bytes()[i] = byte(n)
		}
		return buffer, view.Close()
	}))
	if in.fails >= 0 {
		a.failed(p, err, "torn", torn)
	} else if a.ok(p, err) {
		a.same(got, want)
	}
}
