package conformance

import (
	"context"
	"encoding/json"
	"log/slog"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"strongroom.dev/go/rpc"
)

// The kinds of rows about the crossing itself: what is counted, held, waited for, stray and at an end.

// forEver is longer than any test takes, in milliseconds.
const forEver = 3_600_000

type spanKey struct{}

// traced is a client whose calls carry the trace of their context, an echo in it, and a context with the trace of a row.
func traced(t *testing.T, c behaviour) (*Client, *Echo, context.Context) {
	t.Helper()
	client, echo := open(t, rpc.WithTrace(func(ctx context.Context) rpc.TraceContext {
		span, _ := ctx.Value(spanKey{}).(rpc.TraceContext)
		return span
	}))
	var trace rpc.TraceContext
	copy(trace.Trace[:], unhex(t, c.Trace))
	copy(trace.Span[:], unhex(t, c.Span))
	return client, echo, context.WithValue(context.Background(), spanKey{}, trace)
}

func trace(t *testing.T, _ *Client, _ *Echo, c behaviour) {
	_, echo, ctx := traced(t, c)
	seen, err := echo.Trace(ctx)
	require.NoError(t, err)
	assert.Equal(t, append(unhex(t, c.Trace), unhex(t, c.Span)...), seen[:])
	seen, err = echo.Trace(context.Background())
	require.NoError(t, err)
	assert.Zero(t, seen, "a call without a trace carries none, also after one with")
}

// line is what a logger was told.
type line struct {
	Level   slog.Level
	Message string
	Target  string
}

// lines is a handler that keeps what it is told. The library's thread writes, the test reads.
type lines struct {
	mu   sync.Mutex
	told []line
}

func (*lines) Enabled(context.Context, slog.Level) bool { return true }

func (l *lines) Handle(_ context.Context, r slog.Record) error {
	told := line{Level: r.Level, Message: r.Message}
	r.Attrs(func(a slog.Attr) bool {
		if a.Key == "target" {
			told.Target = a.Value.String()
		}
		return true
	})
	l.mu.Lock()
	defer l.mu.Unlock()
	l.told = append(l.told, told)
	return nil
}

func (l *lines) WithAttrs([]slog.Attr) slog.Handler { return l }

func (l *lines) WithGroup(string) slog.Handler { return l }

func (l *lines) all() []line {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Clone(l.told)
}

func logged(t *testing.T, _ *Client, _ *Echo, c behaviour) {
	client, echo, ctx := traced(t, c)
	var log lines
	require.NoError(t, client.SetLogger(slog.New(&log), slog.LevelInfo))
	require.NoError(t, echo.Log(ctx, c.Message))
	assert.Eventually(t, func() bool { return len(log.all()) > 0 }, patience, time.Millisecond)
	require.NoError(t, client.SetLogger(nil, slog.LevelInfo))
	require.NoError(t, echo.Log(ctx, c.Message))
	assert.Equal(t, []line{{slog.LevelInfo, c.Line, "conformance"}}, log.all(), "and none after the sink was unset")
}

func counts(t *testing.T, client *Client) rpc.Statistics {
	t.Helper()
	s, err := client.Statistics()
	require.NoError(t, err)
	return s
}

// inTime waits for what has to come.
func inTime(t *testing.T, what string, so func() bool) {
	t.Helper()
	require.Eventually(t, so, patience, time.Millisecond, what)
}

// sleepers makes calls that do not end by themselves; stop cancels them and gives what they ended with.
func sleepers(echo *Echo, count int) (stop func() []error) {
	ctx, cancel := context.WithCancel(context.Background())
	failed := make(chan error, count)
	for range count {
		go func() {
			_, err := echo.Sleep(ctx, forEver)
			failed <- err
		}()
	}
	return func() (all []error) {
		cancel()
		for range count {
			all = append(all, <-failed)
		}
		return all
	}
}

func statistics(t *testing.T, client *Client, echo *Echo, c behaviour) {
	ctx := context.Background()
	before := counts(t, client)
	assert.Zero(t, before.InFlight+before.Buffers+before.BufferBytes)
	assert.EqualValues(t, 1, before.Objects)
	assert.Positive(t, before.Threads)
	for range c.Calls {
		require.NoError(t, echo.Nothing(ctx))
	}
	requests := before.Requests + uint64(c.Calls)
	assert.Equal(t, requests, counts(t, client).Requests)

	var buffers []*rpc.Buffer
	var size uint64
	for _, s := range c.Sizes {
		buffer, err := client.Alloc(ctx, s) // there is room, so that it needs no request
		require.NoError(t, err)
		buffers = append(buffers, buffer)
		size += uint64(s)
	}
	held := counts(t, client)
	assert.EqualValues(t, len(c.Sizes), held.Buffers)
	assert.GreaterOrEqual(t, held.BufferBytes, size)
	var children []*Echo
	for range c.Children {
		child, err := echo.Child(ctx, "child")
		require.NoError(t, err)
		children = append(children, child)
	}
	stop := sleepers(echo, c.Sleeping)
	inTime(t, "all are in flight", func() bool { return counts(t, client).InFlight == uint64(c.Sleeping) })
	requests += uint64(c.Children + c.Sleeping)
	all := counts(t, client)
	assert.Equal(t, requests, all.Requests)
	assert.EqualValues(t, 1+c.Children, all.Objects)

	for _, err := range stop() {
		assert.ErrorIs(t, err, context.Canceled)
	}
	for _, child := range children {
		assert.NoError(t, child.Close())
	}
	for _, buffer := range buffers {
		assert.NoError(t, buffer.Close())
	}
	after := counts(t, client)
	assert.Zero(t, after.InFlight+after.Buffers+after.BufferBytes)
	assert.EqualValues(t, 1, after.Objects)
	assert.Equal(t, requests, after.Requests)
	assert.Equal(t, before.Stray, after.Stray)
	assert.Equal(t, before.LateAnswers, after.LateAnswers)
}

// step is one of a row about a buffer.
type step struct {
	Do, Fails, Data, Sum string
	Length               int
}

var failures = map[string]error{
	"": nil, "closed": rpc.ErrClosed, "busy": rpc.ErrBusy, "malformed": &rpc.Error{Code: rpc.Malformed},
}

func buffer(t *testing.T, client *Client, echo *Echo, c behaviour) {
	b := filled(t, client, unhex(t, c.Data))
	var views []*rpc.View
	for _, s := range c.Script {
		var err error
		switch s.Do {
		case "view":
			var view *rpc.View
			if view, err = b.View(); err == nil {
				views = append(views, view)
			}
		case "unview":
			view := views[0]
			views = views[1:]
			err = view.Close()
			assert.NoError(t, view.Close(), "closing again does nothing")
			assert.Nil(t, view.Bytes())
		case "read":
			var view *rpc.View
			view, err = b.View()
			require.NoError(t, err)
			assert.Equal(t, unhex(t, s.Data), append([]byte{}, view.Bytes()...))
			assert.Equal(t, len(view.Bytes()), b.Len())
			require.NoError(t, view.Close())
		case "shrink":
			err = b.Shrink(s.Length)
		case "close":
			err = b.Close()
		case "close again":
			assert.NoError(t, b.Close(), "closing again does nothing")
		case "move":
			var sum uint64
			if sum, err = echo.Sum(context.Background(), b); err == nil {
				assert.Equal(t, number[uint64](t, json.RawMessage(s.Sum)), sum)
			}
		default:
			require.Fail(t, "there is no such step", s.Do)
		}
		want, known := failures[s.Fails]
		require.True(t, known, "there is no such failure: %s", s.Fails)
		if want == nil {
			require.NoError(t, err, "%+v", s)
		} else {
			require.ErrorIs(t, err, want, "%+v", s)
		}
	}
	assert.Empty(t, views)
}

// allocated is what an allocation has come to.
type allocated struct {
	buffer *rpc.Buffer
	err    error
}

func memory(t *testing.T, _ *Client, _ *Echo, c behaviour) {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	client, err := NewClient(rpc.WithBufferMemory(uint64(c.Limit)))
	require.NoError(t, err)
	defer func() { assert.NoError(t, client.Close()) }()
	held, err := client.Alloc(ctx, c.Held)
	require.NoError(t, err)
	waiting := ctx
	if c.Then == "deadline" {
		brief, stop := context.WithTimeout(ctx, time.Duration(c.Milliseconds)*time.Millisecond)
		defer stop()
		waiting = brief
	}
	over := make(chan allocated, 1)
	go func() {
		b, err := client.Alloc(waiting, c.Asked)
		over <- allocated{b, err}
	}()
	waits := func() {
		inTime(t, "it waits", func() bool { return counts(t, client).InFlight == 1 })
		time.Sleep(20 * time.Millisecond)
		require.Empty(t, over, "it waits")
		assert.EqualValues(t, 1, counts(t, client).Buffers)
	}
	var want error
	switch c.Then {
	case "refused":
		want = rpc.ErrNoMemory
	case "deadline":
		want = context.DeadlineExceeded
	case "cancelled":
		waits()
		cancel()
		want = context.Canceled
	case "freed":
		waits()
		require.NoError(t, held.Close())
	case "given":
	default:
		require.Fail(t, "nothing happens that is called so", c.Then)
	}
	soon(t, func() {
		answer := <-over
		if want != nil {
			assert.ErrorIs(t, answer.err, want)
			return
		}
		if assert.NoError(t, answer.err) {
			assert.Len(t, content(t, answer.buffer), c.Asked)
		}
	})
	require.NoError(t, held.Close())
	// Who gave up stands in nobody's way.
	whole, err := client.Alloc(context.Background(), int(c.Limit))
	require.NoError(t, err)
	require.NoError(t, whole.Close())
	settled(t, client)
}

func memoryStream(t *testing.T, _ *Client, _ *Echo, c behaviour) {
	ctx := context.Background()
	client, echo := open(t, rpc.WithBufferMemory(uint64(c.Limit)))
	held, err := client.Alloc(ctx, int(c.Limit))
	require.NoError(t, err)
	var came atomic.Uint32
	over := make(chan struct{})
	go func() {
		defer close(over)
		for block, err := range echo.Blocks(ctx, c.Count, c.Size) {
			if assert.NoError(t, err) {
				assert.NoError(t, block.Close())
				came.Add(1)
			}
		}
	}()
	time.Sleep(time.Duration(c.Wait) * time.Millisecond)
	produced, err := echo.Produced()
	require.NoError(t, err)
	assert.Zero(t, produced, "there is no room for a block")
	assert.Zero(t, came.Load())
	require.NoError(t, held.Close())
	soon(t, func() { <-over })
	assert.Equal(t, c.Count, came.Load())
}

func won(t *testing.T, _ *Client, echo *Echo, c behaviour) {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	result, err := echo.Commit(ctx, func(Tick) { cancel() })
	require.NoError(t, err)
	assert.Equal(t, number[uint32](t, c.Result), result)
	assert.ErrorIs(t, ctx.Err(), context.Canceled)
}

var forgedKinds = map[string]uint8{
	"cancel": 2, "credit": 3, "item": 4, "end": 5, "reply": 6, "error": 7, "panic": 8, "emit": 9,
}

var forgedRequests = map[string]Forged{
	"own": ForgedOwn, "before": ForgedBefore, "after": ForgedAfter, "nowhere": ForgedNowhere,
}

func forged(t *testing.T, client *Client, echo *Echo, c behaviour) {
	ctx := context.Background()
	kind, known := forgedKinds[c.Frame]
	require.True(t, known, c.Frame)
	which, known := forgedRequests[c.Request]
	require.True(t, known, c.Request)
	before := counts(t, client)
	taken, err := echo.Forge(ctx, c.To == "caller", kind, which, c.Carries)
	require.NoError(t, err)
	assert.True(t, taken)
	late, stray := before.LateAnswers, before.Stray+1
	if c.To == "caller" {
		late, stray = before.LateAnswers+1, before.Stray
	}
	inTime(t, "it is counted", func() bool { return counts(t, client).LateAnswers == late })
	require.NoError(t, echo.Nothing(ctx))
	after := counts(t, client)
	assert.Equal(t, stray, after.Stray)
	assert.Equal(t, late, after.LateAnswers)
	assert.Zero(t, after.Buffers+after.InFlight)
	assert.EqualValues(t, 1, after.Objects)
}

func closeInFlight(t *testing.T, client *Client, echo *Echo, c behaviour) {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	child, err := echo.Child(ctx, "child")
	require.NoError(t, err)
	require.NoError(t, child.Keep(ctx, &listener{}))
	result, err := child.Commit(ctx, func(Tick) {
		assert.NoError(t, child.Close())
		assert.ErrorIs(t, child.Nothing(context.Background()), rpc.ErrClosed)
		assert.NoError(t, echo.Nothing(context.Background()))
		assert.EqualValues(t, 1, callbacks(t, client), "the object is there as long as its call")
		cancel()
	})
	require.NoError(t, err)
	assert.Equal(t, number[uint32](t, c.Result), result)
	released(t, client)
}

func shutdown(t *testing.T, _ *Client, _ *Echo, c behaviour) {
	ctx := context.Background()
	client, err := NewClient()
	require.NoError(t, err)
	echo, err := client.OpenEcho(ctx, "shutdown")
	require.NoError(t, err)
	require.NoError(t, echo.Keep(ctx, &listener{}))
	var buffers []*rpc.Buffer
	for range c.Buffers {
		buffers = append(buffers, filled(t, client, []byte("held")))
	}
	var children []*Echo
	for range c.Children {
		child, err := echo.Child(ctx, "child")
		require.NoError(t, err)
		children = append(children, child)
	}
	all := c.Sleeping + c.Streams
	answers := make(chan error, 2*all)
	for range c.Sleeping {
		go func() {
			_, err := echo.Sleep(ctx, forEver)
			answers <- err
		}()
	}
	for range c.Streams {
		go func() {
			for _, err := range echo.Count(ctx, 1<<32-1, false) {
				if err != nil {
					answers <- err
				}
			}
		}()
	}
	inTime(t, "all are in flight", func() bool { return counts(t, client).InFlight == uint64(all) })
	soon(t, func() {
		assert.NoError(t, client.Close())
		for range all {
			// Not Cancelled, as elsewhere: that is for the caller's own context, which is not over.
			assert.ErrorIs(t, <-answers, rpc.ErrClosed)
		}
	})
	for _, b := range buffers {
		_, err := b.View()
		assert.ErrorIs(t, err, rpc.ErrClosed)
		assert.NoError(t, b.Close(), "it went with its client")
	}
	for _, child := range children {
		assert.ErrorIs(t, child.Nothing(ctx), rpc.ErrClosed)
		assert.NoError(t, child.Close())
	}
	_, err = client.Statistics()
	assert.ErrorIs(t, err, rpc.ErrClosed)
	assert.Empty(t, answers, "each is answered once")
}

func execs(t *testing.T, _ *Client, echo *Echo, c behaviour) {
	var calls sync.WaitGroup
	for range c.Sleeping {
		calls.Go(func() {
			_, err := echo.Sleep(context.Background(), uint32(c.Milliseconds))
			assert.NoError(t, err)
		})
	}
	said, err := exec.Command(c.Program[0], c.Program[1:]...).Output()
	require.NoError(t, err)
	for _, absent := range c.Absent {
		assert.NotContains(t, string(said), absent)
	}
	calls.Wait()
}

func schemas(t *testing.T, _ *Client, _ *Echo, c behaviour) {
	kept := schema
	defer func() { schema = kept }()
	schema.Hash[0] ^= 1 // so that the texts are compared
	change := func(from, to string) {
		require.Contains(t, schema.Text, from)
		schema.Text = strings.ReplaceAll(schema.Text, from, to)
	}
	if c.Replace != nil {
		change(c.Replace[0], c.Replace[1])
	}
	for _, line := range c.Remove {
		change(line, "")
	}
	schema.Text = c.Add + schema.Text
	client, err := NewClient()
	if c.Names == nil {
		require.NoError(t, err)
		require.NoError(t, client.Close())
		return
	}
	var different *rpc.SchemaError
	require.ErrorAs(t, err, &different)
	for _, name := range c.Names {
		assert.Contains(t, different.Reason, name)
	}
	for _, name := range c.Spares {
		assert.NotContains(t, different.Reason, name)
	}
}
