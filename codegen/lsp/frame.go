package lsp

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"sync"
)

// maxFrame is far above the largest IDL file in JSON, and far below what would fill the memory of a machine.
const maxFrame = 256 << 20

// frames is the base protocol: headers, an empty line, and a body of as many bytes as the headers say.
type frames struct {
	in  *bufio.Reader
	out io.Writer
	mu  sync.Mutex // of out
}

func newFrames(in io.Reader, out io.Writer) *frames {
	return &frames{in: bufio.NewReader(in), out: out}
}

// errJunk is what no frame begins with. The next frame can still be found: by its header.
var errJunk = errors.New("a frame begins with `Content-Length: ` and a number of bytes")

const lengthHeader = "content-length:"

// read gives the next body. After errJunk it can be called again.
func (f *frames) read() ([]byte, error) {
	length, junk := -1, false
	for {
		line, err := f.line()
		if err != nil {
			if err == io.EOF && (length >= 0 || line != "") {
				err = io.ErrUnexpectedEOF
			}
			return nil, err
		}
		if line == "" {
			if junk || length < 0 {
				return nil, errJunk
			}
			break
		}
		// What came before on the line is junk without an end; the header is recognised nevertheless.
		if at := lastHeader(line); at >= 0 {
			n, err := strconv.Atoi(strings.TrimSpace(line[at+len(lengthHeader):]))
			if err != nil || n < 0 || n > maxFrame {
				junk = true
				continue
			}
			length, junk = n, false
		} else if !strings.Contains(line, ":") {
			junk = length < 0
		}
	}
	var body bytes.Buffer // grows with what comes, not with what is announced
	n, err := io.CopyN(&body, f.in, int64(length))
	if err == io.EOF {
		err = fmt.Errorf("the input ends within a frame, after %d of %d bytes: %w", n, length, io.ErrUnexpectedEOF)
	}
	return body.Bytes(), err
}

// lastHeader is where the last header of a length begins on a line, in whatever case; -1: there is none.
func lastHeader(line string) int {
	for at := len(line) - len(lengthHeader); at >= 0; at-- {
		if strings.EqualFold(line[at:at+len(lengthHeader)], lengthHeader) {
			return at
		}
	}
	return -1
}

// line reads up to a line's end. Of a line that is longer than any header only the end is kept.
func (f *frames) line() (string, error) {
	var kept []byte
	for {
		part, err := f.in.ReadSlice('\n')
		if len(kept)+len(part) > 1<<16 {
			kept = nil
		}
		kept = append(kept, part...)
		if err == bufio.ErrBufferFull {
			continue
		}
		return strings.TrimRight(string(kept), "\r\n"), err
	}
}

func (f *frames) write(body []byte) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	frame := make([]byte, 0, len(body)+32)
	frame = fmt.Appendf(frame, "Content-Length: %d\r\n\r\n", len(body))
	_, err := f.out.Write(append(frame, body...))
	return err
}
