package conformance

import (
	"bytes"
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"math"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"strongroom.dev/go/rpc"
)

// behaviour is one case of conformance/cases.json; which fields are set depends on its kind.
type behaviour struct {
	Name, Kind, Method, Wire, Reply string
	Value                           json.RawMessage
	Reason                          string
	Code                            uint32
	Variant                         json.RawMessage
	Message                         string
	Milliseconds, After, Deadline   int
	Count, Size                     uint32
	Fail                            bool
	Take                            *int
	Data                            string
	Steps                           uint32
	Calls                           int
	Limit                           uint32
	Numbers                         []uint32
	Texts, Parts                    []string
	Result                          json.RawMessage
	Heard, Bound                    int
	Runtime                         string
	Languages                       []string
	Trace, Span, Line               string
	Sizes                           []int
	Children, Sleeping, Streams     int
	Buffers, Requests, Waiting      int
	Script                          []step
	Held, Asked, Wait               int
	Then, To, Frame, Request        string
	Carries                         bool
	Program, Absent                 []string
	Replace, Remove, Names, Spares  []string
	Add                             string
}

// kinds run the kinds of rows.
var kinds = map[string]func(*testing.T, *Client, *Echo, behaviour){
	"roundtrip": roundTrip, "malformed": malformed, "error": failure, "panic": panics, "cancel": cancelled,
	"deadline": deadline, "stream": stream, "blocks": blocks, "credit": credit, "sum": sum, "invert": invert,
	"closed_object": closedObject, "emit": emits, "concurrent": concurrent, "total": total, "total_credit": totalCredit,
	"double": doubled, "total_bytes": totalBytes, "ask": ask, "pass": pass, "keep": keep, "recall_nothing": recallNothing,
	"trace": trace, "log": logged, "statistics": statistics, "buffer": buffer, "memory": memory,
	"memory_stream": memoryStream, "won": won, "forged": forged, "close_in_flight": closeInFlight, "full": full,
	"full_fails_fast": fullFailsFast, "shutdown": shutdown, "exec": execs, "schema": schemas, "metrics": metrics,
	"profiler_labels": profilerLabels, "reader": reader, "writer": writer, "signals": signals, "lost": lost,
}

func unhex(t *testing.T, text string) []byte {
	t.Helper()
	data, err := hex.DecodeString(text)
	require.NoError(t, err)
	return data
}

// methods are those that take and answer one record.
var methods = map[string]uint32{
	"scalars": methodEchoScalars, "containers": methodEchoContainers, "defaults": methodEchoDefaults,
	"moments": methodEchoMoments,
}

// raw calls a method with arguments that are encoded already, and answers the result as it came.
func raw(echo *Echo, method uint32, wire []byte) ([]byte, error) {
	call := echo.object.Call(method)
	call.Raw(wire)
	if err := call.Do(context.Background(), nil); err != nil {
		return nil, err
	}
	reply := call.Reply().Rest()
	return reply, call.Finish()
}

func roundTrip(t *testing.T, _ *Client, echo *Echo, c behaviour) {
	wire := unhex(t, c.Wire)
	canonical := wire
	if c.Reply != "" {
		canonical = unhex(t, c.Reply)
	}
	reply, err := raw(echo, methods[c.Method], wire)
	require.NoError(t, err)
	assert.Equal(t, hex.EncodeToString(canonical), hex.EncodeToString(reply), "what the library answers")

	var fields map[string]json.RawMessage
	require.NoError(t, json.Unmarshal(c.Value, &fields))
	d, e := rpc.NewDecoder(wire), rpc.NewEncoder()
	ctx := context.Background()
	switch c.Method {
	case "scalars":
		want := scalarsOf(t, fields)
		var got Scalars
		argument(d, got.decode)
		require.NoError(t, d.Err())
		same(t, want, got)
		want.encode(e)
		back, err := echo.Scalars(ctx, want)
		require.NoError(t, err)
		same(t, want, back)
	case "containers":
		want := containersOf(t, fields)
		got := defaultContainers()
		argument(d, got.decode)
		require.NoError(t, d.Err())
		same(t, want, got)
		want.encode(e)
		back, err := echo.Containers(ctx, want)
		require.NoError(t, err)
		same(t, want, back)
	case "defaults":
		want := defaultsOf(t, fields)
		got := DefaultDefaults()
		argument(d, got.decode)
		require.NoError(t, d.Err())
		same(t, want, got)
		want.encode(e)
		back, err := echo.Defaults(ctx, want)
		require.NoError(t, err)
		same(t, want, back)
	case "moments":
		want := momentsOf(t, fields)
		got := DefaultMoments()
		argument(d, got.decode)
		require.NoError(t, d.Err())
		same(t, want, got)
		want.encode(e)
		back, err := echo.Moments(ctx, want)
		require.NoError(t, err)
		same(t, want, back)
	default:
		require.Fail(t, "no such method", c.Method)
	}
	assert.Equal(t, hex.EncodeToString(canonical), hex.EncodeToString(e.Encoded()), "what Go encodes")
}

// argument reads the only argument of a method: it has its default where the bytes end before it.
func argument(d *rpc.Decoder, decode func(*rpc.Decoder)) {
	if d.More() {
		decode(d)
	}
}

// same compares values by their encoding as well as field by field: NaNs differ from themselves, an empty list from nil.
func same[T any](t *testing.T, want, got T) {
	t.Helper()
	a, b := rpc.NewEncoder(), rpc.NewEncoder()
	any(&want).(interface{ encode(*rpc.Encoder) }).encode(a)
	any(&got).(interface{ encode(*rpc.Encoder) }).encode(b)
	if !bytes.Equal(a.Encoded(), b.Encoded()) {
		assert.Equal(t, want, got)
		assert.Fail(t, "the values differ")
	}
}

func malformed(t *testing.T, _ *Client, echo *Echo, c behaviour) {
	_, err := raw(echo, methods[c.Method], unhex(t, c.Wire))
	assert.ErrorIs(t, err, &rpc.Error{Code: rpc.Malformed}, "what the library says")
	d := rpc.NewDecoder(unhex(t, c.Wire))
	switch c.Method {
	case "scalars":
		new(Scalars).decode(d)
	case "containers":
		new(Containers).decode(d)
	case "defaults":
		new(Defaults).decode(d)
	case "moments":
		new(Moments).decode(d)
	default:
		require.Fail(t, "no such method", c.Method)
	}
	assert.ErrorIs(t, d.Err(), &rpc.Error{Code: rpc.Malformed}, "what Go's decoder says")
	assert.NoError(t, echo.Nothing(context.Background()))
}

func failure(t *testing.T, _ *Client, echo *Echo, c behaviour) {
	err := echo.Fail(context.Background(), c.Reason, c.Code)
	require.EqualError(t, err, c.Message)
	var any ConformanceError
	require.ErrorAs(t, err, &any)
	var name string
	if json.Unmarshal(c.Variant, &name) == nil {
		assert.Equal(t, name, any.Variant())
	}
	var refused *ConformanceRefusedError
	if errors.As(err, &refused) {
		assert.Equal(t, c.Reason, refused.Reason)
		assert.Equal(t, c.Code, refused.Code)
	} else {
		assert.ErrorAs(t, err, new(*ConformanceEmptyError))
	}
}

func panics(t *testing.T, _ *Client, echo *Echo, c behaviour) {
	err := echo.Crash(context.Background(), c.Message)
	var panicked *rpc.PanicError
	require.ErrorAs(t, err, &panicked)
	assert.Equal(t, c.Message, panicked.Message)
	assert.NoError(t, echo.Nothing(context.Background()), "the library goes on")
}

func cancelled(t *testing.T, _ *Client, echo *Echo, c behaviour) {
	ctx, cancel := context.WithCancel(context.Background())
	time.AfterFunc(time.Duration(c.After)*time.Millisecond, cancel)
	start := time.Now()
	_, err := echo.Sleep(ctx, uint32(c.Milliseconds))
	assert.ErrorIs(t, err, context.Canceled)
	assert.ErrorIs(t, err, &rpc.Error{Code: rpc.Cancelled})
	assert.Less(t, time.Since(start), time.Duration(c.Milliseconds)*time.Millisecond)
}

func deadline(t *testing.T, _ *Client, echo *Echo, c behaviour) {
	ctx, cancel := context.WithTimeout(context.Background(), time.Duration(c.Deadline)*time.Millisecond)
	defer cancel()
	start := time.Now()
	_, err := echo.Sleep(ctx, uint32(c.Milliseconds))
	assert.ErrorIs(t, err, context.DeadlineExceeded)
	assert.ErrorIs(t, err, &rpc.Error{Code: rpc.DeadlineExceeded})
	assert.Less(t, time.Since(start), time.Duration(c.Milliseconds)*time.Millisecond)
}

func stream(t *testing.T, _ *Client, echo *Echo, c behaviour) {
	take := int(c.Count) + 1
	if c.Take != nil {
		take = *c.Take
	}
	var got []uint32
	var failed error
	for n, err := range echo.Count(context.Background(), c.Count, c.Fail) {
		if len(got) == take {
			break
		}
		if err != nil {
			failed = err
		} else {
			got = append(got, n)
		}
	}
	require.Len(t, got, min(take, int(c.Count)))
	for i, n := range got {
		require.EqualValues(t, i, n)
	}
	if c.Fail && take > int(c.Count) {
		assert.ErrorAs(t, failed, new(*ConformanceEmptyError))
	} else {
		assert.NoError(t, failed)
	}
}

func blocks(t *testing.T, _ *Client, echo *Echo, c behaviour) {
	number := 0
	for block, err := range echo.Blocks(context.Background(), c.Count, c.Size) {
		require.NoError(t, err)
		require.Equal(t, bytes.Repeat([]byte{byte(number % 251)}, int(c.Size)), content(t, block))
		number++
	}
	assert.EqualValues(t, c.Count, number)
}

// credit reads one block and then stops: what the library produces meanwhile stays within the window.
func credit(t *testing.T, _ *Client, echo *Echo, c behaviour) {
	count, size := max(c.Count, 1000), max(c.Size, 1<<20)
	before, err := echo.Produced()
	require.NoError(t, err)
	for block, err := range echo.Blocks(context.Background(), count, size) {
		require.NoError(t, err)
		require.NoError(t, block.Close())
		time.Sleep(200 * time.Millisecond)
		after, err := echo.Produced()
		require.NoError(t, err)
		// One more is admitted while any credit is left, another is made before it is found that there is none.
		assert.LessOrEqual(t, after-before, uint64(rpc.BufferWindow)/uint64(size)+3)
		break
	}
}

func sum(t *testing.T, client *Client, echo *Echo, c behaviour) {
	data := unhex(t, c.Data)
	var want uint64
	for _, b := range data {
		want += uint64(b)
	}
	got, err := echo.Sum(context.Background(), filled(t, client, data))
	require.NoError(t, err)
	assert.Equal(t, want, got)
}

func invert(t *testing.T, client *Client, echo *Echo, c behaviour) {
	data := unhex(t, c.Data)
	back, err := echo.Invert(context.Background(), filled(t, client, data))
	require.NoError(t, err)
	for i := range data {
		data[i] = ^data[i]
	}
	assert.Equal(t, data, content(t, back))
}

func closedObject(t *testing.T, _ *Client, echo *Echo, _ behaviour) {
	child, err := echo.Child(context.Background(), "child")
	require.NoError(t, err)
	name, err := child.Name()
	require.NoError(t, err)
	assert.Equal(t, "child", name)
	require.NoError(t, child.Close())
	assert.ErrorIs(t, child.Nothing(context.Background()), rpc.ErrClosed)
	_, err = child.Name()
	assert.ErrorIs(t, err, rpc.ErrClosed)
	assert.NoError(t, child.Close())
	assert.NoError(t, echo.Nothing(context.Background()), "the other object goes on")
}

func emits(t *testing.T, _ *Client, echo *Echo, c behaviour) {
	var last uint32
	var returned bool
	n, err := echo.Ticks(context.Background(), c.Steps, func(tick Tick) {
		assert.False(t, returned)
		assert.GreaterOrEqual(t, tick.Step, last, "newer ones replace older ones")
		last = tick.Step
	})
	returned = true
	require.NoError(t, err)
	assert.Equal(t, c.Steps, n)
	assert.LessOrEqual(t, last, c.Steps)
	again, err := echo.Ticks(context.Background(), c.Steps, nil)
	require.NoError(t, err)
	assert.Equal(t, c.Steps, again)
}

func concurrent(t *testing.T, _ *Client, echo *Echo, c behaviour) {
	var calls sync.WaitGroup
	start := time.Now()
	for range c.Calls {
		calls.Go(func() {
			_, err := echo.Sleep(context.Background(), uint32(c.Milliseconds))
			assert.NoError(t, err)
		})
	}
	calls.Wait()
	one := time.Duration(c.Milliseconds) * time.Millisecond
	assert.GreaterOrEqual(t, time.Since(start), one)
	assert.Less(t, time.Since(start), one*time.Duration(max(c.Calls/2, 2)), "they run at the same time")
}

// each is a source without failures.
func each[T any](values []T) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		for _, v := range values {
			if !yield(v, nil) {
				return
			}
		}
	}
}

// failsAs compares an error with the variant and the message of a case.
func failsAs(t *testing.T, c behaviour, err error) {
	t.Helper()
	var failed ConformanceError
	require.ErrorAs(t, err, &failed)
	assert.Equal(t, value[string](t, c.Variant), failed.Variant())
	if c.Message != "" {
		assert.EqualError(t, err, c.Message)
	}
}

func total(t *testing.T, _ *Client, echo *Echo, c behaviour) {
	got, err := echo.Total(context.Background(), c.Limit, each(c.Numbers))
	if c.Variant != nil {
		failsAs(t, c, err)
		return
	}
	require.NoError(t, err)
	assert.Equal(t, number[uint64](t, c.Result), got)
}

// totalCredit reads one of the numbers that come back and then stops: the source is not asked for many more.
func totalCredit(t *testing.T, _ *Client, echo *Echo, c behaviour) {
	var taken atomic.Int64
	source := func(yield func(uint32, error) bool) {
		for i := range c.Count {
			if !yield(i+1, nil) {
				return
			}
			taken.Add(1)
		}
	}
	for _, err := range echo.Double(context.Background(), source) {
		require.NoError(t, err)
		time.Sleep(200 * time.Millisecond)
		assert.Positive(t, taken.Load())
		assert.LessOrEqual(t, taken.Load(), int64(c.Bound))
		break
	}
}

func doubled(t *testing.T, _ *Client, echo *Echo, c behaviour) {
	got := []uint64{}
	var failed error
	for n, err := range echo.Double(context.Background(), each(c.Numbers)) {
		if err != nil {
			failed = err
			continue
		}
		got = append(got, n)
	}
	assert.Equal(t, append([]uint64{}, list(t, c.Result, number[uint64])...), got)
	if c.Variant != nil {
		failsAs(t, c, failed)
	} else {
		assert.NoError(t, failed)
	}
}

func totalBytes(t *testing.T, client *Client, echo *Echo, c behaviour) {
	parts := func(yield func(*rpc.Buffer, error) bool) {
		for _, part := range c.Parts {
			if !yield(filled(t, client, unhex(t, part)), nil) {
				return
			}
		}
	}
	got, err := echo.TotalBytes(context.Background(), parts)
	require.NoError(t, err)
	assert.Equal(t, number[uint64](t, c.Result), got)
}

// listener does what the interface asks of the runners.
type listener struct{ heard atomic.Int64 }

func (l *listener) Heard(_ context.Context, text string) (uint32, error) {
	l.heard.Add(1)
	switch text {
	case "fail":
		return 0, fmt.Errorf("wrapped: %w", &ConformanceRefusedError{Reason: text, Code: uint32(len(text))})
	case "crash":
		return 0, errors.New("the listener has a failure of its own")
	default:
		return uint32(len(text)), nil
	}
}

func (*listener) Took(_ context.Context, data *rpc.Buffer) (*rpc.Buffer, error) {
	view, err := data.View()
	if err != nil {
		return nil, err
	}
	for i, b := range view.Bytes() {
		view.Bytes()[i] = ^b
	}
	return data, view.Close()
}

func ask(t *testing.T, _ *Client, echo *Echo, c behaviour) {
	var l listener
	got, err := echo.Ask(context.Background(), &l, c.Texts)
	switch {
	case c.Variant != nil:
		failsAs(t, c, err)
	case c.Runtime != "":
		var failed *rpc.Error
		require.ErrorAs(t, err, &failed)
		assert.Equal(t, c.Runtime, failed.Code.String())
		assert.ErrorContains(t, err, "the listener has a failure of its own")
	default:
		require.NoError(t, err)
		assert.Equal(t, list(t, c.Result, number[uint32]), got)
		c.Heard = len(c.Texts)
	}
	assert.EqualValues(t, c.Heard, l.heard.Load())
}

func pass(t *testing.T, client *Client, echo *Echo, c behaviour) {
	back, err := echo.Pass(context.Background(), &listener{}, filled(t, client, unhex(t, c.Data)))
	require.NoError(t, err)
	assert.Equal(t, octets(t, c.Result), content(t, back))
}

func keep(t *testing.T, client *Client, echo *Echo, c behaviour) {
	ctx := context.Background()
	require.NoError(t, echo.Keep(ctx, &listener{}))
	want := list(t, c.Result, number[uint32])
	for i, text := range c.Texts {
		got, err := echo.Recall(ctx, text)
		require.NoError(t, err)
		assert.Equal(t, want[i], got)
	}
	assert.EqualValues(t, 1, callbacks(t, client), "it is kept")
	require.NoError(t, echo.Forget(ctx))
	released(t, client)
}

func recallNothing(t *testing.T, _ *Client, echo *Echo, c behaviour) {
	ctx := context.Background()
	require.NoError(t, echo.Keep(ctx, &listener{}))
	require.NoError(t, echo.Forget(ctx))
	_, err := echo.Recall(ctx, "anyone?")
	failsAs(t, c, err)
}

// How the table writes values: 64-bit integers as decimal strings, floats as the hexadecimal digits of their bits, bytes
// and paths as hexadecimal, absent as null, maps as pairs, enums as objects with their variant.

func number[T ~int8 | ~int16 | ~int32 | ~int64 | ~uint8 | ~uint16 | ~uint32 | ~uint64](t *testing.T, text json.RawMessage) T {
	t.Helper()
	digits := string(bytes.Trim(text, `"`))
	if u, err := strconv.ParseUint(digits, 10, 64); err == nil {
		require.Equal(t, u, uint64(T(u)))
		return T(u)
	}
	i, err := strconv.ParseInt(digits, 10, 64)
	require.NoError(t, err)
	require.Equal(t, i, int64(T(i)))
	return T(i)
}

func value[T any](t *testing.T, text json.RawMessage) (v T) {
	t.Helper()
	require.NoError(t, json.Unmarshal(text, &v), "%s", text)
	return v
}

func octets(t *testing.T, text json.RawMessage) []byte {
	t.Helper()
	return unhex(t, value[string](t, text))
}

func single(t *testing.T, text json.RawMessage) float32 {
	t.Helper()
	bits, err := strconv.ParseUint(value[string](t, text), 16, 32)
	require.NoError(t, err)
	return math.Float32frombits(uint32(bits))
}

func double(t *testing.T, text json.RawMessage) float64 {
	t.Helper()
	bits, err := strconv.ParseUint(value[string](t, text), 16, 64)
	require.NoError(t, err)
	return math.Float64frombits(bits)
}

func list[T any](t *testing.T, text json.RawMessage, item func(*testing.T, json.RawMessage) T) (items []T) {
	t.Helper()
	for _, i := range value[[]json.RawMessage](t, text) {
		items = append(items, item(t, i))
	}
	return items
}

func pairs[K comparable, V any](t *testing.T, text json.RawMessage, key func(*testing.T, json.RawMessage) K,
	item func(*testing.T, json.RawMessage) V) map[K]V {
	t.Helper()
	m := map[K]V{}
	for _, pair := range value[[][2]json.RawMessage](t, text) {
		m[key(t, pair[0])] = item(t, pair[1])
	}
	return m
}

func optional[T any](t *testing.T, text json.RawMessage, item func(*testing.T, json.RawMessage) T) *T {
	t.Helper()
	if string(text) == "null" {
		return nil
	}
	v := item(t, text)
	return &v
}

func scalarsOf(t *testing.T, f map[string]json.RawMessage) Scalars {
	t.Helper()
	s := Scalars{
		Truth: value[bool](t, f["truth"]), Tiny: number[uint8](t, f["tiny"]), Small: number[uint16](t, f["small"]),
		Medium: number[uint32](t, f["medium"]), Large: number[uint64](t, f["large"]),
		TinySigned: number[int8](t, f["tiny_signed"]), SmallSigned: number[int16](t, f["small_signed"]),
		MediumSigned: number[int32](t, f["medium_signed"]), LargeSigned: number[int64](t, f["large_signed"]),
		Single: single(t, f["single"]), Double: double(t, f["double"]), Text: value[string](t, f["text"]),
		Blob: octets(t, f["blob"]), Place: string(octets(t, f["place"])),
	}
	copy(s.Digest[:], octets(t, f["digest"]))
	return s
}

func cornerOf(t *testing.T, text json.RawMessage) Corner {
	t.Helper()
	f := value[map[string]json.RawMessage](t, text)
	return Corner{X: number[int32](t, f["x"]), Y: number[int32](t, f["y"])}
}

func shapeOf(t *testing.T, text json.RawMessage) Shape {
	t.Helper()
	f := value[map[string]json.RawMessage](t, text)
	switch variant := value[string](t, f["variant"]); variant {
	case "point":
		return ShapePoint{}
	case "circle":
		return ShapeCircle{Radius: double(t, f["radius"])}
	case "polygon":
		return ShapePolygon{Corners: list(t, f["corners"], cornerOf), Name: optional(t, f["name"], value[string])}
	default:
		require.Fail(t, "no such variant", variant)
		return nil
	}
}

func containersOf(t *testing.T, f map[string]json.RawMessage) Containers {
	t.Helper()
	return Containers{
		Maybe: optional(t, f["maybe"], number[uint32]), MaybeRecord: optional(t, f["maybe_record"], cornerOf),
		Numbers: list(t, f["numbers"], number[int64]), Texts: list(t, f["texts"], value[string]),
		Nested: list(t, f["nested"], func(t *testing.T, text json.RawMessage) []uint8 { return list(t, text, number[uint8]) }),
		ByName: pairs(t, f["by_name"], value[string], number[uint32]), ByNumber: pairs(t, f["by_number"], number[uint64], cornerOf),
		Shape: shapeOf(t, f["shape"]), Shapes: list(t, f["shapes"], shapeOf),
	}
}

func defaultsOf(t *testing.T, f map[string]json.RawMessage) Defaults {
	t.Helper()
	return Defaults{
		Flag: value[bool](t, f["flag"]), Count: number[uint32](t, f["count"]), Ratio: double(t, f["ratio"]),
		Label: value[string](t, f["label"]), Shape: shapeOf(t, f["shape"]), Big: number[uint64](t, f["big"]),
		Low: number[int64](t, f["low"]),
	}
}

func moment(t *testing.T, text json.RawMessage) time.Time {
	t.Helper()
	f := value[map[string]json.RawMessage](t, text)
	return time.Unix(number[int64](t, f["seconds"]), int64(number[uint32](t, f["nanos"])))
}

func length(t *testing.T, text json.RawMessage) time.Duration {
	t.Helper()
	return time.Duration(number[int64](t, text))
}

func momentsOf(t *testing.T, f map[string]json.RawMessage) Moments {
	t.Helper()
	return Moments{
		At: moment(t, f["at"]), Lasting: length(t, f["lasting"]), Patience: length(t, f["patience"]),
		Attempts: number[uint32](t, f["attempts"]), Label: value[Label](t, f["label"]),
		Labels: pairs(t, f["labels"], value[string], value[Label]), Earlier: optional(t, f["earlier"], moment),
		Waits: list(t, f["waits"], length),
	}
}
