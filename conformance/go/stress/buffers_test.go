package stress

import (
	"bytes"
	"context"
	"io"
	"os"

	"strongroom.dev/go/rpc"
)

// most is how large buffers are, but for a few.
const most = 8 << 10

func (a *actor) size() int {
	if a.odds(20) {
		return a.dice.IntN(1 << 20)
	}
	return a.dice.IntN(most)
}

// data draws the bytes of a buffer: a byte that is added again and again, so that their sum is known.
func (a *actor) data() []byte {
	out, step, at := make([]byte, a.size()), byte(a.dice.Uint32()), byte(a.dice.Uint32())
	for i := range out {
		out[i] = at
		at += step
	}
	return out
}

func sum(data []byte) (total uint64) {
	for _, b := range data {
		total += uint64(b)
	}
	return total
}

func inverted(data []byte) []byte {
	out := make([]byte, len(data))
	for i, b := range data {
		out[i] = ^b
	}
	return out
}

// filled makes a buffer with these bytes, or answers nil where that was given up.
func (a *actor) filled(p patience, data []byte) *rpc.Buffer {
	if p.ends() {
		a.strays.Add(1) // waiting for memory is a request
	}
	buffer, err := a.client.Alloc(p, len(data))
	if !a.ok(p, err) {
		return nil
	}
	view, err := buffer.View()
	if !a.ok(p, err) {
		a.closeBuffer(buffer)
		return nil
	}
	copy(view.Bytes(), data)
	if err := view.Close(); err != nil {
		a.fail("a view does not close: %v", err)
	}
	return buffer
}

func (a *actor) closeBuffer(buffer *rpc.Buffer) {
	if err := buffer.Close(); err != nil {
		a.fail("a buffer does not close: %v", err)
	}
}

// content compares a buffer's bytes, and closes it.
func (a *actor) content(buffer *rpc.Buffer, want []byte) {
	view, err := buffer.View()
	if a.ok(patience{}, err) {
		if !bytes.Equal(view.Bytes(), want) {
			a.fail("a buffer of %d bytes has others than those that were to come", len(view.Bytes()))
		}
		if err := view.Close(); err != nil {
			a.fail("a view does not close: %v", err)
		}
	}
	a.closeBuffer(buffer)
}

// gone says that a buffer was moved.
func (a *actor) gone(buffer *rpc.Buffer) {
	if _, err := buffer.View(); !code(rpc.Closed)(err) {
		a.fail("a buffer that was moved can be looked at: %v", err)
	}
	a.closeBuffer(buffer)
}

func (a *actor) sums() {
	on, p, data := a.on(), a.patience(), a.data()
	defer p.end()
	buffer := a.filled(p, data)
	if buffer == nil {
		return
	}
	a.call(p)
	got, err := on.Sum(p, buffer)
	if a.ok(p, err) {
		a.same(got, sum(data))
	}
	a.gone(buffer)
}

func (a *actor) inverts() {
	on, p, data := a.on(), a.patience(), a.data()
	defer p.end()
	buffer := a.filled(p, data)
	if buffer == nil {
		return
	}
	a.call(p)
	back, err := on.Invert(p, buffer)
	if a.ok(p, err) {
		a.content(back, inverted(data))
	}
	a.gone(buffer)
}

// misuses does to a buffer what is refused while somebody looks at it.
func (a *actor) misuses() {
	on, data := a.on(), append(a.data(), 7)
	p := patience{Context: context.Background()}
	buffer := a.filled(p, data)
	if buffer == nil {
		return
	}
	view, err := buffer.View()
	if a.ok(p, err) {
		if err := buffer.Close(); !code(rpc.Busy)(err) && !a.explained(p, err) {
			a.fail("a buffer that is looked at closes: %v", err)
		}
		if err := buffer.Shrink(0); !code(rpc.Busy)(err) && !a.explained(p, err) {
			a.fail("a buffer that is looked at shrinks: %v", err)
		}
		_, err := on.Sum(p, buffer)
		a.failed(p, err, "busy", code(rpc.Busy))
		if !bytes.Equal(view.Bytes(), data) {
			a.fail("the bytes of a view changed")
		}
		for range 2 {
			if err := view.Close(); err != nil {
				a.fail("a view does not close: %v", err)
			}
		}
	}
	if err := buffer.Shrink(len(data) - 1); a.ok(p, err) {
		a.content(buffer, data[:len(data)-1])
	}
	for range 2 {
		a.closeBuffer(buffer)
	}
	if buffer.Len() != 0 {
		a.fail("a buffer that is closed has a length")
	}
}

// losesBuffer leaves a buffer to the collector, which must free and count it.
func (a *actor) losesBuffer() {
	data := a.data()
	if a.kind == shut {
		return // who counts them is gone before the collector comes
	}
	if a.filled(patience{Context: context.Background()}, data) != nil {
		a.leaks.Add(1)
	}
}

func (a *actor) tooMuch() {
	p := patience{Context: context.Background()}
	a.call(p)
	_, err := a.client.Alloc(p, 1<<40)
	a.failed(p, err, "no memory", code(rpc.NoMemory))
}

// fills reads from a pipe: one that has the bytes, one that never has any, or one that cannot be read.
func (a *actor) fills() {
	r, w, err := os.Pipe()
	if err != nil {
		a.fail("no pipe: %v", err)
		return
	}
	defer func() { _, _ = r.Close(), w.Close() }()
	data := a.data()
	data = data[:min(len(data), most)] // what a pipe takes
	switch a.dice.IntN(4) {
	case 0:
		p := a.impatience()
		defer p.end()
		a.call(p)
		if _, err := a.client.Fill(p, r.Fd(), 10); err == nil {
			a.fail("a pipe without bytes filled a buffer")
		} else {
			a.ok(p, err)
		}
	case 1:
		p := a.patience()
		defer p.end()
		a.call(p)
		_, err := a.client.Fill(p, w.Fd(), 10)
		a.failed(p, err, "the descriptor cannot be read", code(rpc.System))
	default:
		p := a.patience()
		defer p.end()
		_, err := w.Write(data)
		if err != nil || w.Close() != nil {
			a.fail("a pipe takes no bytes: %v", err)
			return
		}
		a.call(p)
		if buffer, err := a.client.Fill(p, r.Fd(), len(data)+100); a.ok(p, err) {
			a.content(buffer, data)
		}
	}
}

// writes has io.Copy fill buffers, each of which is summed.
func (a *actor) writes() {
	on, p, data := a.on(), a.patience(), a.data()
	defer p.end()
	var total uint64
	writer := a.client.NewWriter(p, 1+a.dice.IntN(most), func(buffer *rpc.Buffer) error {
		a.call(p)
		part, err := on.Sum(p, buffer)
		total += part
		return err
	})
	if p.ends() {
		a.strays.Add(int64(len(data)) + 1) // as many buffers as there may be
	}
	_, err := io.Copy(writer, bytes.NewReader(data))
	if closed := writer.Close(); err == nil {
		err = closed
	}
	if a.ok(p, err) {
		a.same(total, sum(data))
	}
}
