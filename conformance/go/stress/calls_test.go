package stress

import (
	"errors"
	"strings"
	"time"

	"strongroom.dev/conformance/go/conformance"
	"strongroom.dev/go/rpc"
)

func (a *actor) text() string {
	letters := []rune("abc xyz\"\\\n\u00e4\u4e16\U0001F600")
	var b strings.Builder
	for range a.dice.IntN(40) {
		b.WriteRune(letters[a.dice.IntN(len(letters))])
	}
	if a.odds(50) { // more than one block of frames
		b.WriteString(strings.Repeat("long", 100_000))
	}
	return b.String()
}

func (a *actor) bytes(most int) []byte {
	var out []byte
	for range a.dice.IntN(most + 1) {
		out = append(out, byte(a.dice.Uint32()))
	}
	return out
}

func (a *actor) scalars() conformance.Scalars {
	v := conformance.Scalars{
		Truth: a.odds(2), Tiny: uint8(a.dice.Uint32()), Small: uint16(a.dice.Uint32()), Medium: a.dice.Uint32(), Large: a.dice.Uint64(),
		TinySigned: int8(a.dice.Uint32()), SmallSigned: int16(a.dice.Uint32()), MediumSigned: int32(a.dice.Uint32()), LargeSigned: a.dice.Int64() - 1<<62,
		Single: a.dice.Float32(), Double: a.dice.NormFloat64(), Text: a.text(), Blob: a.bytes(30), Place: string(a.bytes(20)),
	}
	copy(v.Digest[:], a.bytes(4))
	return v
}

func (a *actor) shape() conformance.Shape {
	switch a.dice.IntN(3) {
	case 0:
		return conformance.ShapePoint{}
	case 1:
		return conformance.ShapeCircle{Radius: a.dice.Float64()}
	default:
		name := a.text()
		return conformance.ShapePolygon{Corners: []conformance.Corner{{X: 1, Y: a.dice.Int32()}}, Name: &name}
	}
}

func (a *actor) containers() conformance.Containers {
	v := conformance.Containers{Shape: a.shape()}
	if a.odds(2) {
		n := a.dice.Uint32()
		v.Maybe, v.MaybeRecord = &n, &conformance.Corner{X: a.dice.Int32()}
	}
	for range a.dice.IntN(20) {
		v.Numbers = append(v.Numbers, a.dice.Int64())
		v.Texts = append(v.Texts, a.text())
		v.Nested = append(v.Nested, a.bytes(5))
		v.Shapes = append(v.Shapes, a.shape())
	}
	if a.odds(2) {
		v.ByName = map[string]uint32{a.text(): 1, "fixed": a.dice.Uint32()}
		v.ByNumber = map[uint64]conformance.Corner{a.dice.Uint64(): {}, 3: {Y: 4}}
	}
	return v
}

// echoes sends values, which must come back as they are.
func (a *actor) echoes() {
	on, p := a.on(), a.patience()
	defer p.end()
	a.call(p)
	switch a.dice.IntN(4) {
	case 0:
		value := a.scalars()
		if back, err := on.Scalars(p, value); a.ok(p, err) {
			a.same(back, value)
		}
	case 1:
		value := a.containers()
		if back, err := on.Containers(p, value); a.ok(p, err) {
			a.same(back, value)
		}
	case 2:
		value := conformance.DefaultDefaults()
		value.Count, value.Label = a.dice.Uint32(), a.text()
		if back, err := on.Defaults(p, value); a.ok(p, err) {
			a.same(back, value)
		}
	default:
		value := conformance.DefaultMoments()
		value.At = time.Unix(a.dice.Int64N(1<<40), a.dice.Int64N(1e9)).UTC()
		value.Waits = []time.Duration{time.Duration(a.dice.Int64()), 0}
		if back, err := on.Moments(p, value); a.ok(p, err) {
			a.same(back, value)
		}
	}
}

// nothing makes calls one after the other, so that slots are used again at once.
func (a *actor) nothing() {
	on := a.on()
	for range 1 + a.dice.IntN(20) {
		p := a.patience()
		a.call(p)
		a.ok(p, on.Nothing(p))
		p.end()
	}
}

func (a *actor) immediate() {
	p := patience{}
	name, err := a.epoch.echo.Name()
	if a.ok(p, err) {
		a.same(name, "shared")
	}
	_, err = a.on().Produced()
	a.ok(p, err)
}

func (a *actor) fails() {
	on, p := a.on(), a.patience()
	defer p.end()
	a.call(p)
	if a.odds(4) {
		a.failed(p, on.Fail(p, "", 1), "empty", empty)
		return
	}
	reason, code := "it was "+a.text(), a.dice.Uint32()
	a.failed(p, on.Fail(p, reason, code), "refused", refused(reason, code))
}

// crashes has the method panic, with what it says.
func (a *actor) crashes() {
	on, p := a.on(), a.patience()
	defer p.end()
	message := a.text()
	a.call(p)
	a.failed(p, on.Crash(p, message), "a panic", func(err error) bool {
		var panicked *rpc.PanicError
		return errors.As(err, &panicked) && panicked.Message == message
	})
}

// unsendable tries what fails before there is a request, and what the library cannot read.
func (a *actor) unsendable() {
	on, p := a.on(), a.patience()
	defer p.end()
	if a.odds(2) {
		_, err := on.Moments(p, conformance.Moments{Lasting: -1})
		a.failed(p, err, "malformed", code(rpc.Malformed))
		return
	}
	a.call(p)
	_, err := on.Scalars(p, conformance.Scalars{Text: "\xff"})
	a.failed(p, err, "malformed", code(rpc.Malformed))
}

func (a *actor) sleeps() {
	on, p := a.on(), a.patience()
	defer p.end()
	a.call(p)
	if inFlight, err := on.Sleep(p, uint32(a.dice.IntN(6))); a.ok(p, err) && inFlight == 0 {
		a.fail("a call that runs was not in flight")
	}
}

// givesUp asks for what takes an hour.
func (a *actor) givesUp() {
	on, p := a.on(), a.impatience()
	defer p.end()
	a.call(p)
	if _, err := on.Sleep(p, 3_600_000); err == nil {
		a.fail("an hour passed")
	} else {
		a.ok(p, err)
	}
}

func (a *actor) ticks() {
	on, p := a.on(), a.patience()
	defer p.end()
	a.call(p)
	steps, last := uint32(a.dice.IntN(200)), int64(-1)
	got, err := on.Ticks(p, steps, func(tick conformance.Tick) {
		if int64(tick.Step) <= last || tick.Step >= steps {
			a.fail("tick %d of %d came after %d", tick.Step, steps, last)
		}
		last = int64(tick.Step)
	})
	if a.ok(p, err) {
		a.same(got, steps)
	}
}

func (a *actor) logsLine() {
	on, p := a.on(), a.patience()
	defer p.end()
	a.call(p)
	a.ok(p, on.Log(p, a.text()))
}
