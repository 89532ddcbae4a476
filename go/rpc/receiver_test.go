package rpc

import (
	"context"
	"encoding/binary"
	"os"
	"testing"
	"time"
	"unsafe"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

// lonely is a client without a library, and its receiver: what is freed goes nowhere.
func lonely() (*Client, *receiver) {
	c := &Client{schema: &Schema{}, closed: true, opened: time.Now()}
	c.context, c.stop = context.WithCancel(context.Background())
	c.dispatchers = []*dispatcher{newDispatcher(c)}
	r := &receiver{client: c}
	c.receivers = []*receiver{r}
	return c, r
}

// sent makes a call that waits for its answer.
func sentCall(c *Client, generation uint32) *Call {
	call := c.acquire(methodAlloc)
	call.generation = generation
	call.flight.Store(call.request())
	return call
}

func completion(kind uint8, handles uint8, request uint64, payload ...byte) []byte {
	f := make([]byte, headerSize, headerSize+len(payload))
	f = append(f, payload...)
	putHeader(f, 0, kind, request, 0, 0, 0)
	f[7] = handles
	return pad(f)
}

// TestForgedLateAndDoubledAnswersAreDropped: each is counted, and no call has an answer that is not its own.
func TestForgedLateAndDoubledAnswersAreDropped(t *testing.T) {
	c, r := lonely()
	defer c.stop()
	call := sentCall(c, 7)
	idle := sentCall(c, 3)
	idle.flight.Store(0)
	right := uint64(7)<<32 | uint64(call.index)
	for what, request := range map[string]uint64{
		"of the request before":   6<<32 | uint64(call.index),
		"of the one after":        8<<32 | uint64(call.index),
		"of none":                 uint64(call.index),
		"of a slot that is idle":  3<<32 | uint64(idle.index),
		"of a slot never used":    7<<32 | 63,
		"of a slot never made":    7<<32 | 1<<20,
		"of a slot that can't be": 7<<32 | 1<<32 - 1,
	} {
		before := c.strays.Load()
		for _, kind := range []uint8{kindReply, kindError, kindPanic, kindEnd, kindItem, kindEmit, kindCredit, 0, 99} {
			r.route(completion(kind, 1, request, 1, 2, 3, 4, 5, 6, 7, 8))
		}
		r.route(completion(kindCancel, 0, request))
		r.route(completion(kindRelease, 0, request))
		assert.EqualValues(t, 11, c.strays.Load()-before, what)
		assert.Equal(t, right, call.flight.Load(), what)
		assert.Empty(t, call.ready, what)
		assert.Empty(t, call.inbox, what)
	}
	other := &receiver{client: c, queue: r.queue + 1}
	for _, kind := range []uint8{kindReply, kindItem, kindEmit, kindCredit} {
		before := c.strays.Load()
		other.route(completion(kind, 0, right, 1, 2, 3, 4, 5, 6, 7, 8))
		assert.EqualValues(t, 1, c.strays.Load()-before, "by another queue than the call's")
		assert.Equal(t, right, call.flight.Load())
	}
	before := c.strays.Load()
	r.route(completion(kindReply, 0, right, 42))
	assert.Zero(t, call.flight.Load())
	assert.Len(t, call.ready, 1)
	r.route(append(completion(kindError, 0, right), completion(kindReply, 0, right, 43)...))
	assert.EqualValues(t, 2, c.strays.Load()-before, "doubled")
	assert.EqualValues(t, kindReply, call.kind)
	assert.Equal(t, []byte{42}, call.reply)
}

// TestTornFrames: what stands before them is delivered, they and what follows are not.
func TestTornFrames(t *testing.T) {
	for cut := 1; cut < headerSize+16; cut++ {
		c, r := lonely()
		first, second := sentCall(c, 1), sentCall(c, 1)
		block := append(completion(kindReply, 0, first.request(), 1), completion(kindReply, 0, second.request(), make([]byte, 16)...)...)
		r.route(block[:len(block)-cut])
		assert.Zero(t, first.flight.Load())
		assert.NotZero(t, second.flight.Load(), cut)
		c.stop()
	}
	for _, length := range []uint32{0, 1, headerSize - 1, headerSize + 9, 1 << 31, 1<<32 - 1} {
		c, r := lonely()
		call := sentCall(c, 1)
		block := completion(kindReply, 0, call.request(), make([]byte, 8)...)
		binary.LittleEndian.PutUint32(block, length)
		r.route(block)
		assert.NotZero(t, call.flight.Load(), length)
		c.stop()
	}
}

// FuzzReceiver gives the receiver blocks that a broken library may have filled. It neither crashes nor hangs, counts every
// frame that is nobody's, and ends a call by its own last frame alone.
func FuzzReceiver(f *testing.F) {
	own := func(slot uint64) uint64 { return 5<<32 | slot }
	join := func(frames ...[]byte) (block []byte) {
		for _, frame := range frames {
			block = append(block, frame...)
		}
		return block
	}
	f.Add(join(completion(kindReply, 0, own(0), 1, 2, 3), completion(kindEnd, 0, own(1))))
	f.Add(join(completion(kindItem, 1, own(0), 1, 2, 3, 4, 5, 6, 7, 8), completion(kindItem, 255, own(0), 1), completion(kindEnd, 9, own(0))))
	f.Add(join(completion(kindCredit, 0, own(2), 255, 255, 255, 255, 255, 255, 255, 255), completion(kindCredit, 0, own(2), 1), completion(kindEmit, 0, own(1), 1)))
	f.Add(join(completion(kindCall, 1, 1, 1, 2, 3, 4, 5, 6, 7, 8), completion(kindCancel, 0, 1), completion(kindCancel, 0, 1), completion(kindRelease, 0, 0)))
	f.Add(join(completion(kindCall, 3, 1, 1, 2), completion(kindCall, 0, 1)))
	f.Add(join(completion(kindError, 0, own(0), 1, 0, 0, 0, 1, 0, 0, 0, 255, 255, 255, 255), completion(kindPanic, 0, own(1), 255, 255, 255, 255)))
	f.Add(completion(kindReply, 0, own(0), 1, 2, 3)[:headerSize+1])
	f.Add([]byte{64, 0, 0, 0})
	f.Fuzz(func(t *testing.T, block []byte) {
		c, r := lonely()
		defer c.stop()
		var calls []*Call
		for range 3 {
			call := sentCall(c, 5)
			call.source = &source{client: c, call: call, change: make(chan struct{}, 1)}
			calls = append(calls, call)
		}
		ends, frames := map[uint64]uint8{}, 0
		for rest := block; ; frames++ {
			var frame frame
			after, whole := frame.next(rest)
			if !whole {
				break
			}
			require.Less(t, len(after), len(rest), "it goes on")
			switch frame.kind {
			case kindCall, kindCancel, kindRelease, kindItem, kindEmit, kindCredit:
			default:
				if _, again := ends[frame.request]; !again {
					ends[frame.request] = frame.kind
				}
			}
			rest = after
		}
		r.route(block)
		assert.LessOrEqual(t, c.strays.Load(), uint64(frames))
		for _, call := range calls {
			kind, ended := ends[call.request()]
			require.Equal(t, ended, call.flight.Load() == 0)
			if !ended {
				continue
			}
			require.Equal(t, kind, call.kind)
			if kind == kindReply {
				call.decoder.reset(nil, call.reply)
				_ = call.Reply().String()
				_ = call.Finish()
			} else {
				require.Error(t, call.failure(context.Background()))
			}
		}
		require.Eventually(t, func() bool { // the calls of callbacks, of which there are none
			r.serving.mu.Lock()
			defer r.serving.mu.Unlock()
			return len(r.serving.calls) == 0
		}, 10*time.Second, 100*time.Microsecond)
	})
}

// TestALibraryOfAnotherVersionIsRefused before anything of it is used but its first two words.
func TestALibraryOfAnotherVersionIsRefused(t *testing.T) {
	// A table of two words, as a library may have it: what follows cannot be read.
	page := os.Getpagesize()
	memory, err := unix.Mmap(-1, 0, 2*page, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_PRIVATE|unix.MAP_ANON)
	require.NoError(t, err)
	defer func() { assert.NoError(t, unix.Munmap(memory)) }()
	require.NoError(t, unix.Mprotect(memory[page:], unix.PROT_NONE))
	table := memory[page-8 : page]
	open := func(size, version uint32) error {
		binary.LittleEndian.PutUint32(table, size)
		binary.LittleEndian.PutUint32(table[4:], version)
		_, err := Open(unsafe.Pointer(unsafe.SliceData(table)), &Schema{})
		return err
	}
	var different *SchemaError
	for _, version := range []uint32{0, abiVersion + 1, 1<<32 - 1} {
		require.ErrorAs(t, open(1<<16, version), &different)
		assert.ErrorContains(t, different, "version")
		assert.ErrorContains(t, different, "of the boundary, this program was built for 1")
	}
	require.ErrorAs(t, open(8, abiVersion), &different)
	assert.ErrorContains(t, different, "the library lacks functions that this program needs")
	_, err = Open(nil, &Schema{})
	require.ErrorAs(t, err, &different)
	assert.ErrorContains(t, err, "the library gave no table of functions")
}

// TestACallFailsFastWhereTheLibraryIsFull, and other frames do not: they are what makes room.
func TestACallFailsFastWhereTheLibraryIsFull(t *testing.T) {
	d := newDispatcher(&Client{failFast: true})
	d.full.Store(true)
	assert.ErrorIs(t, d.send(t.Context(), operation{kind: kindCall}), ErrQueueFull)
	for _, kind := range []uint8{kindCancel, kindCredit, kindItem, kindEnd, kindReply} {
		assert.NoError(t, d.send(t.Context(), operation{kind: kind}))
	}
	d.full.Store(false)
	assert.NoError(t, d.send(t.Context(), operation{kind: kindCall}))
}

// TestPatienceFollowsWhatPays: a wait that was short makes the next look longer, a long one makes it shorter, within bounds.
func TestPatienceFollowsWhatPays(t *testing.T) {
	patience := leastPatience
	for _, want := range []time.Duration{4 * leastPatience, 16 * leastPatience, mostPatience, mostPatience} {
		patience = learn(patience, nap-1)
		assert.Equal(t, want, patience)
	}
	assert.Equal(t, mostPatience/2, learn(patience, nap))
	assert.Equal(t, leastPatience, learn(leastPatience, time.Hour))
}

// TestADispatcherLooksOnlyWhereTheReceiverSleeps, once, and says when it asked.
func TestADispatcherLooksOnlyWhereTheReceiverSleeps(t *testing.T) {
	c, r := lonely()
	defer c.stop()
	r.pending = new(uint64)
	r.await()
	assert.Zero(t, r.asked.Load(), "it is awake")
	r.asked.Store(asleep)
	r.await()
	asked := r.asked.Load()
	assert.Positive(t, asked)
	r.await()
	assert.Equal(t, asked, r.asked.Load(), "it looks already")
}
