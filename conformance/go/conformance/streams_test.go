package conformance

import (
	"bytes"
	"context"
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"strongroom.dev/go/rpc"
)

// addresses is a writer that notes where the bytes lie.
type addresses struct {
	bytes.Buffer
	at []*byte
}

func (a *addresses) Write(p []byte) (int, error) {
	a.at = append(a.at, &p[0])
	return a.Buffer.Write(p)
}

func blocksOf(count, size int) (all []byte) {
	for i := range count {
		all = append(all, bytes.Repeat([]byte{byte(i % 251)}, size)...)
	}
	return all
}

func reader(t *testing.T, _ *Client, echo *Echo, _ behaviour) {
	ctx := context.Background()
	reader := rpc.NewReader(echo.Blocks(ctx, 5, 1000))
	assert.NoError(t, iotest.TestReader(reader, blocksOf(5, 1000)))
	assert.NoError(t, reader.Close())

	// io.Copy hands over the buffers' own memory, one write a buffer.
	reader = rpc.NewReader(echo.Blocks(ctx, 5, 1<<20))
	var to addresses
	n, err := io.Copy(&to, reader)
	require.NoError(t, err)
	assert.EqualValues(t, 5<<20, n)
	assert.Len(t, to.at, 5)
	assert.True(t, bytes.Equal(blocksOf(5, 1<<20), to.Bytes()))
	assert.NoError(t, reader.Close())
	_, err = reader.Read(make([]byte, 1))
	assert.Equal(t, io.EOF, err)
}

func TestAReaderLeftEarlyFreesTheRest(t *testing.T) {
	_, echo := open(t) // whose end asserts that nothing is held
	reader := rpc.NewReader(echo.Blocks(context.Background(), 1000, 100_000))
	_, err := io.ReadFull(reader, make([]byte, 150_000))
	require.NoError(t, err)
	require.NoError(t, reader.Close())
	_, err = reader.Read(make([]byte, 1))
	assert.ErrorIs(t, err, rpc.ErrClosed)
	assert.NoError(t, reader.Close())
}

func TestAReaderFailsAsItsStreamDoes(t *testing.T) {
	_, echo := open(t)
	wrong := errors.New("wrong")
	reader := rpc.NewReader(func(yield func(*rpc.Buffer, error) bool) {
		for buffer, err := range echo.Blocks(context.Background(), 2, 10) {
			if !yield(buffer, err) {
				return
			}
		}
		yield(nil, wrong)
	})
	read, err := io.ReadAll(reader)
	assert.Equal(t, blocksOf(2, 10), read)
	assert.Equal(t, wrong, err)
	assert.NoError(t, reader.Close())
}

// pieces is a reader that notes where it was told to read to.
type pieces struct {
	io.Reader
	at []*byte
}

func (p *pieces) Read(to []byte) (int, error) {
	p.at = append(p.at, &to[0])
	return p.Reader.Read(to)
}

func writer(t *testing.T, client *Client, echo *Echo, _ behaviour) {
	ctx := context.Background()
	var sizes []int
	var sum uint64
	sums := func(buffer *rpc.Buffer) error {
		sizes = append(sizes, buffer.Len())
		part, err := echo.Sum(ctx, buffer)
		sum += part
		return err
	}
	writer := client.NewWriter(ctx, 1000, sums)
	from := &pieces{Reader: iotest.OneByteReader(strings.NewReader(strings.Repeat("\x01", 1500)))}
	n, err := io.Copy(writer, from)
	require.NoError(t, err)
	assert.EqualValues(t, 1500, n)
	_, err = writer.Write(bytes.Repeat([]byte{2}, 750))
	require.NoError(t, err)
	require.NoError(t, writer.Close())
	require.NoError(t, writer.Close())
	assert.Equal(t, []int{1000, 1000, 250}, sizes)
	assert.EqualValues(t, 1500+2*750, sum)
	_, err = writer.Write([]byte{1})
	assert.ErrorIs(t, err, rpc.ErrClosed)
	// The reader wrote into two buffers, byte after byte: not into memory of Go's that was copied from.
	next := 0
	for i := 1; i < len(from.at); i++ {
		if from.at[i-1] != from.at[i] {
			next++
		}
	}
	assert.Len(t, from.at, 1501)
	assert.Equal(t, 1500, next)
}

func TestAWriterFailsAsItsMethodDoes(t *testing.T) {
	client, _ := open(t)
	wrong := errors.New("wrong")
	writer := client.NewWriter(context.Background(), 10, func(buffer *rpc.Buffer) error {
		assert.NoError(t, buffer.Close())
		return wrong
	})
	n, err := writer.Write(make([]byte, 25))
	assert.Equal(t, 10, n)
	assert.Equal(t, wrong, err)
	assert.Equal(t, wrong, writer.Close())

	cancelled, cancel := context.WithCancel(context.Background())
	writer = client.NewWriter(cancelled, 10, func(buffer *rpc.Buffer) error { return buffer.Close() })
	_, err = writer.Write(make([]byte, 5))
	require.NoError(t, err)
	cancel()
	assert.NoError(t, writer.Close(), "what was written is given away")
	_, err = writer.ReadFrom(iotest.ErrReader(wrong))
	assert.ErrorIs(t, err, rpc.ErrClosed)
}
