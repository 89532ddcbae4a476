package lsp_test

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"net/textproto"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"
	"unicode/utf16"
	"unicode/utf8"

	"github.com/stretchr/testify/require"

	"strongroom.dev/codegen/lsp"
)

// patience is longer than any answer takes on a busy machine.
const patience = 2 * time.Minute

// client is an editor as far as the server can see: it writes frames into one pipe and reads them from another. It counts
// columns on its own, from the specification, so that it does not share the server's mistakes.
type client struct {
	t        *testing.T
	folder   string
	in       io.WriteCloser
	messages chan reply
	ended    chan error
	lastID   int
	utf8     bool
	texts    map[string]string // of the open documents, by name
	versions map[string]int
	warnings bool // of the linter are shown
}

type reply struct {
	ID     json.RawMessage
	Method string
	Params json.RawMessage
	Result json.RawMessage
	Error  *struct {
		Code    int
		Message string
	}
}

func newClient(t *testing.T, folder string) *client {
	serverIn, in, err := os.Pipe()
	require.NoError(t, err)
	out, serverOut, err := os.Pipe()
	require.NoError(t, err)
	c := &client{
		t: t, folder: folder, in: in, messages: make(chan reply, 1000), ended: make(chan error, 1),
		texts: map[string]string{}, versions: map[string]int{},
	}
	go func() {
		err := lsp.Serve(serverIn, serverOut)
		serverOut.Close()
		serverIn.Close()
		c.ended <- err
	}()
	go c.listen(out)
	t.Cleanup(func() { in.Close() })
	return c
}

func (c *client) listen(out io.ReadCloser) {
	defer close(c.messages)
	defer out.Close()
	in := bufio.NewReader(out)
	for {
		header, err := textproto.NewReader(in).ReadMIMEHeader()
		if err != nil {
			return
		}
		length, err := strconv.Atoi(header.Get("Content-Length"))
		if err != nil {
			return
		}
		body := make([]byte, length)
		if _, err := io.ReadFull(in, body); err != nil {
			return
		}
		var m reply
		if json.Unmarshal(body, &m) != nil {
			return
		}
		c.messages <- m
	}
}

func (c *client) raw(text string) {
	_, err := io.WriteString(c.in, text)
	require.NoError(c.t, err)
}

func (c *client) send(m map[string]any) {
	m["jsonrpc"] = "2.0"
	body, err := json.Marshal(m)
	require.NoError(c.t, err)
	c.raw(fmt.Sprintf("Content-Length: %d\r\n\r\n%s", len(body), body))
}

func (c *client) notify(method string, params any) {
	c.send(map[string]any{"method": method, "params": params})
}

// next is the next message; ok is false where the server has closed its end.
func (c *client) next() (m reply, ok bool) {
	select {
	case m, ok = <-c.messages:
		return m, ok
	case <-time.After(patience):
		require.FailNow(c.t, "the server does not answer")
		return reply{}, false
	}
}

// request waits for its answer, and gives what came before it too.
func (c *client) request(method string, params any) (answer reply, before []reply) {
	c.lastID++
	id := strconv.Itoa(c.lastID)
	m := map[string]any{"id": c.lastID, "method": method}
	if params != nil {
		m["params"] = params
	}
	c.send(m)
	for {
		m, ok := c.next()
		require.True(c.t, ok, "the server ended at %s", method)
		if m.Method == "" && string(m.ID) == id {
			return m, before
		}
		before = append(before, m)
	}
}

// drain gives all that comes before the answer to a request that the server does not know.
func (c *client) drain() []reply {
	_, before := c.request("test/barrier", nil)
	return before
}

// settle waits for the diagnostics of a document's current text, and gives all messages up to the last of the same batch.
func (c *client) settle(name string) []reply {
	var all []reply
	for {
		m, ok := c.next()
		require.True(c.t, ok, "the server ended")
		all = append(all, m)
		var p struct {
			URI     string
			Version *int
		}
		json.Unmarshal(m.Params, &p)
		if m.Method == "textDocument/publishDiagnostics" && p.URI == c.uri(name) && p.Version != nil && *p.Version == c.versions[name] {
			return append(all, c.drain()...)
		}
	}
}

func (c *client) initialize(options ...string) reply {
	capabilities := map[string]any{
		"workspace":    map[string]any{"workspaceEdit": map[string]any{"documentChanges": true}},
		"textDocument": map[string]any{"documentSymbol": map[string]any{"hierarchicalDocumentSymbolSupport": true}},
	}
	params := map[string]any{"processId": nil, "rootUri": "file://" + c.folder, "capabilities": capabilities}
	for _, option := range options {
		switch option {
		case "utf-8":
			c.utf8 = true
			capabilities["general"] = map[string]any{"positionEncodings": []string{"utf-32", "utf-8", "utf-16"}}
		case "simple":
			delete(capabilities, "workspace")
			delete(capabilities, "textDocument")
		case "watching":
			capabilities["workspace"] = map[string]any{"didChangeWatchedFiles": map[string]any{"dynamicRegistration": true}}
		case "answer": // is shown
		case "warnings":
			c.warnings = true
		case "folderless":
			params["rootUri"] = nil
		default:
			require.FailNow(c.t, "unknown option "+option)
		}
	}
	answer, _ := c.request("initialize", params)
	c.notify("initialized", map[string]any{})
	return answer
}

func (c *client) uri(name string) string {
	if strings.Contains(name, ":") {
		return name
	}
	return "file://" + filepath.ToSlash(filepath.Join(c.folder, name))
}

func (c *client) open(name, text string) {
	c.texts[name] = text
	c.versions[name]++
	c.notify("textDocument/didOpen", map[string]any{"textDocument": map[string]any{
		"uri": c.uri(name), "languageId": "idl", "version": c.versions[name], "text": text,
	}})
}

// edit replaces bytes of an open document.
func (c *client) edit(name string, start, end int, with string) {
	text := c.texts[name]
	c.versions[name]++
	c.notify("textDocument/didChange", map[string]any{
		"textDocument":   map[string]any{"uri": c.uri(name), "version": c.versions[name]},
		"contentChanges": []any{map[string]any{"range": map[string]any{"start": c.position(text, start), "end": c.position(text, end)}, "text": with}},
	})
	c.texts[name] = text[:start] + with + text[end:]
}

func (c *client) full(name, text string) {
	c.versions[name]++
	c.texts[name] = text
	c.notify("textDocument/didChange", map[string]any{
		"textDocument":   map[string]any{"uri": c.uri(name), "version": c.versions[name]},
		"contentChanges": []any{map[string]any{"text": text}},
	})
}

func (c *client) position(text string, offset int) map[string]any {
	lines := lineEnd.FindAllStringIndex(text[:offset], -1)
	line, before := len(lines), text[:offset]
	if line > 0 {
		before = before[lines[line-1][1]:]
	}
	if c.utf8 {
		return map[string]any{"line": line, "character": len(before)}
	}
	return map[string]any{"line": line, "character": len(utf16.Encode([]rune(before)))}
}

var lineEnd = regexp.MustCompile("\r\n|\n|\r")

type point struct{ Line, Character int }

type area struct{ Start, End point }

func (a area) String() string {
	return fmt.Sprintf("%d:%d-%d:%d", a.Start.Line, a.Start.Character, a.End.Line, a.End.Character)
}

// offset is where a point of the server's is.
func (c *client) offset(text string, p point) int {
	var lines []string
	rest := 0
	for _, end := range lineEnd.FindAllStringIndex(text, -1) {
		lines = append(lines, text[rest:end[1]])
		rest = end[1]
	}
	lines = append(lines, text[rest:])
	require.Less(c.t, p.Line, len(lines), "the place is behind the text")
	line := lines[p.Line]
	before := line
	if c.utf8 {
		require.LessOrEqual(c.t, p.Character, len(line), "the place is behind its line")
		before = line[:p.Character]
		require.True(c.t, utf8.ValidString(before) || !utf8.ValidString(line), "the place is within a character")
	} else {
		units := utf16.Encode([]rune(line))
		require.LessOrEqual(c.t, p.Character, len(units), "the place is behind its line")
		before = string(utf16.Decode(units[:p.Character]))
		require.True(c.t, strings.HasPrefix(line, before) || !utf8.ValidString(line), "the place is within a character")
	}
	return len(strings.Join(lines[:p.Line], "")) + len(before)
}

// excerpt is the text of an area.
func (c *client) excerpt(text string, a area) string {
	start, end := c.offset(text, a.Start), c.offset(text, a.End)
	require.LessOrEqual(c.t, start, end)
	return text[start:end]
}

// text of a file, as it is open or on the disk.
func (c *client) text(name string) string {
	if text, open := c.texts[name]; open {
		return text
	}
	text, err := os.ReadFile(filepath.Join(c.folder, name))
	require.NoError(c.t, err)
	return string(text)
}

// stop says shutdown and exit, and gives how the server ended.
func (c *client) stop() error {
	_, _ = c.request("shutdown", nil)
	c.notify("exit", nil)
	return c.end()
}

func (c *client) end() error {
	select {
	case err := <-c.ended:
		return err
	case <-time.After(patience):
		require.FailNow(c.t, "the server does not end")
		return nil
	}
}
