package rpc

import (
	"context"
	"io"
	"iter"
)

// Reader reads a stream of buffers as bytes. It is an [io.WriterTo]: io.Copy hands the buffers' own memory to the writer.
// One goroutine at a time may use it.
type Reader struct {
	next func() (*Buffer, error, bool)
	stop func()
	from *Buffer
	view *View
	left []byte // of the view
	err  error
}

// NewReader reads the buffers of a stream, such as the answer of a method. Close it, also after its end.
func NewReader(blocks iter.Seq2[*Buffer, error]) *Reader {
	r := &Reader{}
	r.next, r.stop = iter.Pull2(blocks)
	return r
}

// fill makes left have something, or answers why it cannot.
func (r *Reader) fill() error {
	for len(r.left) == 0 {
		r.release()
		if r.err != nil {
			return r.err
		}
		buffer, err, more := r.next()
		switch {
		case !more:
			r.err = io.EOF
		case err != nil:
			r.err = err
		default:
			r.from = buffer
			if r.view, r.err = buffer.View(); r.err == nil {
				r.left = r.view.Bytes()
			}
		}
	}
	return nil
}

func (r *Reader) release() {
	if r.view != nil {
		_ = r.view.Close() // of a view that is open
	}
	_ = r.from.Close() // of a buffer without views
	r.from, r.view, r.left = nil, nil, nil
}

// Read copies the next bytes.
func (r *Reader) Read(p []byte) (int, error) {
	if len(p) == 0 {
		return 0, nil
	}
	if err := r.fill(); err != nil {
		return 0, err
	}
	n := copy(p, r.left)
	r.left = r.left[n:]
	return n, nil
}

// WriteTo writes everything that is left.
func (r *Reader) WriteTo(w io.Writer) (written int64, err error) {
	for {
		if err := r.fill(); err == io.EOF {
			return written, nil
		} else if err != nil {
			return written, err
		}
		n, err := w.Write(r.left)
		written += int64(n)
		r.left = r.left[n:]
		if err == nil && len(r.left) > 0 {
			err = io.ErrShortWrite
		}
		if err != nil {
			return written, err
		}
	}
}

// Close ends the stream where it is, and frees what was not read.
func (r *Reader) Close() error {
	r.release()
	r.stop()
	if r.err == nil {
		r.err = ErrClosed
	}
	return nil
}

// Writer moves bytes into buffers of one size, and gives each to a function when it is full: one that calls a method
// which takes a buffer. It is an [io.ReaderFrom]: io.Copy has the reader fill the buffers' own memory. One goroutine at a
// time may use it.
type Writer struct {
	client *Client
	ctx    context.Context
	size   int
	put    func(*Buffer) error
	buffer *Buffer
	view   *View
	at     int
	err    error
}

// NewWriter writes buffers of size bytes, which it gets as the client's memory allows, while ctx is not over. put owns
// what it is given, also where it fails; then the writer fails with its error from there on. Close the writer: it gives
// away what has not filled a buffer.
func (c *Client) NewWriter(ctx context.Context, size int, put func(*Buffer) error) *Writer {
	return &Writer{client: c, ctx: ctx, size: max(size, 1), put: put}
}

// room answers the part of the buffer that has nothing yet.
func (w *Writer) room() ([]byte, error) {
	if w.err == nil && w.buffer == nil {
		if w.buffer, w.err = w.client.Alloc(w.ctx, w.size); w.err == nil {
			w.view, w.err = w.buffer.View()
		}
	}
	if w.err != nil {
		return nil, w.err
	}
	return w.view.Bytes()[w.at:], nil
}

// filled notes that n bytes came, and gives a full buffer away.
func (w *Writer) filled(n int) error {
	if w.at += n; w.at == w.size {
		w.flush()
	}
	return w.err
}

func (w *Writer) flush() {
	if w.view == nil || w.err != nil {
		return
	}
	buffer, at := w.buffer, w.at
	w.err = w.view.Close()
	w.buffer, w.view, w.at = nil, nil, 0
	if w.err == nil && at < w.size {
		w.err = buffer.Shrink(at)
	}
	if w.err != nil {
		_ = buffer.Close() // the first error is the one to tell
		return
	}
	w.err = w.put(buffer)
}

// Write copies the bytes.
func (w *Writer) Write(p []byte) (written int, err error) {
	for len(p) > 0 {
		room, err := w.room()
		if err != nil {
			return written, err
		}
		n := copy(room, p)
		written += n
		p = p[n:]
		if err := w.filled(n); err != nil {
			return written, err
		}
	}
	return written, w.err
}

// ReadFrom writes everything that the reader has.
func (w *Writer) ReadFrom(r io.Reader) (read int64, err error) {
	for empty := 0; ; {
		room, err := w.room()
		if err != nil {
			return read, err
		}
		n, err := r.Read(room)
		read += int64(n)
		if failed := w.filled(n); failed != nil {
			return read, failed
		}
		switch {
		case err == io.EOF:
			return read, nil
		case err != nil:
			return read, err
		case n > 0:
			empty = 0
		default:
			if empty++; empty == 100 {
				return read, io.ErrNoProgress
			}
		}
	}
}

// Close gives away the bytes that have not filled a buffer. Closing again does nothing.
func (w *Writer) Close() error {
	if w.at > 0 {
		w.flush()
	}
	if w.view != nil {
		_ = w.view.Close()
	}
	_ = w.buffer.Close() // empty, or of a writer that failed
	w.buffer, w.view, w.at = nil, nil, 0
	err := w.err
	if w.err == nil || w.err == errWriterClosed {
		w.err, err = errWriterClosed, nil
	}
	return err
}

var errWriterClosed = &Error{Code: Closed, Message: "the writer is closed"}
