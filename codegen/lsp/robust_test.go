package lsp_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"strongroom.dev/codegen/lsp"
)

// corpus are the IDL files of the tree, correct ones and broken ones.
func corpus(t testing.TB) []string {
	var texts []string
	for _, pattern := range []string{"../testdata/*.idl", "../../idl/*.idl", "../../conformance/*.idl"} {
		paths, err := filepath.Glob(pattern)
		require.NoError(t, err)
		require.NotEmpty(t, paths, pattern)
		for _, path := range paths {
			text, err := os.ReadFile(path)
			require.NoError(t, err)
			if len(text) < 1<<16 {
				texts = append(texts, strings.ToValidUTF8(string(text), "?"))
			}
		}
	}
	return texts
}

// asked are the requests about a place or a whole document.
var asked = []string{
	"hover", "definition", "references", "documentHighlight", "prepareRename", "rename", "completion", "documentSymbol", "semanticTokens/full",
	"formatting",
}

// ask sends every request about a place. None may fail inside of the server; the answers are given as text.
func (c *client) ask(name string, offset int) string {
	var out strings.Builder
	for _, method := range asked {
		answer, _ := c.request("textDocument/"+method, map[string]any{
			"textDocument": map[string]any{"uri": c.uri(name)},
			"position":     c.position(c.texts[name], offset),
			"context":      map[string]any{"includeDeclaration": true},
			"newName":      "another_name",
		})
		if answer.Error != nil {
			require.Equal(c.t, -32803, answer.Error.Code, "%s at %d: %s", method, offset, answer.Error.Message)
			fmt.Fprintf(&out, "%s %s\n", method, answer.Error.Message)
			continue
		}
		fmt.Fprintf(&out, "%s %s\n", method, answer.Result)
	}
	return out.String()
}

// After random edits the server still answers everything, and as one does that was given the last text at once: so it has
// applied each edit where the editor did.
func TestRandomEdits(t *testing.T) {
	texts := corpus(t)
	for seed := range uint64(12) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			t.Parallel()
			random := rand.New(rand.NewPCG(seed, 4))
			folder := t.TempDir()
			require.NoError(t, os.WriteFile(filepath.Join(folder, "shared.idl"), []byte("package whole\nrecord SharedRecord { a: u8 }\n"), 0o644))
			options := [][]string{nil, {"utf-8"}}[seed%2]
			c := newClient(t, folder)
			c.initialize(options...)
			c.open("main.idl", texts[random.IntN(len(texts))])
			for range 60 {
				text := c.texts["main.idl"]
				start := random.IntN(len(text) + 1)
				end := min(start+random.IntN(8), len(text))
				if random.IntN(12) == 0 {
					end = min(start+random.IntN(400), len(text))
				}
				start, end = boundary(text, start), boundary(text, end)
				c.edit("main.idl", start, max(start, end), fragment(random, texts))
				if random.IntN(4) == 0 {
					c.ask("main.idl", boundary(c.texts["main.idl"], random.IntN(len(c.texts["main.idl"])+1)))
				}
			}
			last := c.texts["main.idl"]
			at := boundary(last, random.IntN(len(last)+1))
			// The diagnostics of the last version, so that its number is the other's too.
			got := c.ask("main.idl", at) + published(t, c)
			require.NoError(t, c.stop())

			other := newClient(t, folder)
			other.initialize(options...)
			other.versions["main.idl"] = c.versions["main.idl"]
			other.open("main.idl", last)
			want := other.ask("main.idl", at) + published(t, other)
			require.NoError(t, other.stop())
			version := func(n int) string { return fmt.Sprintf(`"version":%d`, n) }
			assert.Equal(t, strings.ReplaceAll(want, version(other.versions["main.idl"]), version(c.versions["main.idl"])), got)
		})
	}
}

// published are the diagnostics of the present text: after a change that changes nothing.
func published(t *testing.T, c *client) string {
	c.edit("main.idl", 0, 0, "")
	var last string
	for _, m := range c.settle("main.idl") {
		var p struct {
			URI         string
			Diagnostics json.RawMessage
		}
		if json.Unmarshal(m.Params, &p) == nil && p.URI == c.uri("main.idl") {
			last = string(p.Diagnostics)
		}
	}
	require.NotEmpty(t, last)
	return last
}

// boundary is the start of the character around an offset; the end of a line counts as one character.
func boundary(text string, offset int) int {
	for offset > 0 && offset < len(text) && (text[offset]&0xc0 == 0x80 || text[offset] == '\n' && text[offset-1] == '\r') {
		offset--
	}
	return offset
}

// fragment is something to type.
func fragment(random *rand.Rand, texts []string) string {
	pieces := []string{
		"", "", " ", "\n", "\r\n", "\r", "{", "}", "(", ")", "<", ">", ":", "=", "@", "@since(", "\"", "\\", "//", "///", "-> ", "import \"", "import \"shared.idl\"\n",
		"record ", "enum E { a, b { c: u8 } }", "😀", "é", "\u2028", "𝄞", "throws ", "emits ", "package a\n", "1_000ms", "\x00", "type T = list<", "const a: u8 = ",
		"{key}", "error E { a { key: u8 } \"{key}\" }", "stream<", "map<string, ",
	}
	if random.IntN(5) == 0 {
		text := texts[random.IntN(len(texts))]
		start := boundary(text, random.IntN(len(text)+1))
		return text[start:boundary(text, min(start+random.IntN(120), len(text)))]
	}
	return pieces[random.IntN(len(pieces))]
}

// Whatever the text is and wherever the cursor: each request is answered, and not by a failure of the server.
func FuzzRequests(f *testing.F) {
	for _, text := range corpus(f) {
		f.Add(text, len(text)/2)
	}
	for _, text := range []string{"", "\ufeffpackage a", "@", "package a\nimport \"", "error E { a { b: u8 } \"{", "record A { a: B = ", "type A = A\nconst b: A = c", "///"} {
		f.Add(text, len(text))
	}
	f.Fuzz(func(t *testing.T, text string, offset int) {
		text = strings.ToValidUTF8(text, "?") // JSON has no other
		if offset < 0 || offset > len(text) {
			t.Skip()
		}
		c := newClient(t, t.TempDir())
		c.initialize()
		c.open("main.idl", text)
		c.ask("main.idl", boundary(text, offset))
		published(t, c)
		require.NoError(t, c.stop())
	})
}

// Whatever comes in: the server comes to its end with it, and what it says are frames.
func FuzzInput(f *testing.F) {
	initialize := "Content-Length: 58\r\n\r\n" + `{"jsonrpc":"2.0","id":1,"method":"initialize","params":{}}`
	for _, text := range []string{
		"", "\x00\xff\xfe", initialize, initialize + "Content-Length: 3\r\n\r\n{}}" + initialize, "Content-Length: 0\r\n\r\n", "Content-Length: 1\n\n{",
		"Content-Length: 9999999999\r\n\r\n", "Content-Length: -1\r\n\r\n", "content-length:2\r\nX: y\r\n\r\n[]", "junkContent-Length: 2\r\n\r\n{}",
		"\xe2\x8e\xfcContent-Length:3\n\n10A", // of which a text in lower case is longer
		initialize + "Content-Length: 52\r\n\r\n" + `{"jsonrpc":"2.0","id":[],"method":"shutdown","a":[]}`,
	} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		var out bytes.Buffer
		done := make(chan error, 1)
		go func() { done <- lsp.Serve(strings.NewReader(text), &out) }()
		select {
		case <-done:
		case <-time.After(patience):
			t.Fatal("the server hangs")
		}
		for rest := out.String(); rest != ""; {
			var length int
			_, err := fmt.Sscanf(rest, "Content-Length: %d\r\n\r\n", &length)
			require.NoError(t, err)
			_, rest, _ = strings.Cut(rest, "\r\n\r\n")
			require.True(t, json.Valid([]byte(rest[:length])))
			rest = rest[length:]
		}
	})
}

// A request that waits behind another one is cancelled without being worked on, as the one that asked expects.
func TestCancel(t *testing.T) {
	// Nobody reads the answers at first, so that the server stands still at the first one.
	answers, out := io.Pipe()
	serverIn, in := io.Pipe()
	go lsp.Serve(serverIn, out)
	send := func(body string) { fmt.Fprintf(in, "Content-Length: %d\r\n\r\n%s", len(body), body) }
	send(`{"jsonrpc":"2.0","id":1,"method":"initialize","params":{}}`)
	send(`{"jsonrpc":"2.0","id":"two","method":"workspace/symbol","params":{"query":""}}`)
	send(`{"jsonrpc":"2.0","id":3,"method":"workspace/symbol","params":{"query":""}}`)
	send(`{"jsonrpc":"2.0","method":"$/cancelRequest","params":{"id":"two"}}`)
	// Where this was read, the cancellation was, too.
	send(`{"jsonrpc":"2.0","method":"padding","params":"` + strings.Repeat(" ", 1<<15) + `"}`)
	c := &client{t: t, messages: make(chan reply)}
	go c.listen(answers)
	first, _ := c.next()
	second, _ := c.next()
	third, _ := c.next()
	assert.Equal(t, "1", string(first.ID))
	assert.Equal(t, `"two"`, string(second.ID))
	require.NotNil(t, second.Error)
	assert.Equal(t, -32800, second.Error.Code)
	assert.Equal(t, "3", string(third.ID))
	assert.Nil(t, third.Error)
	in.Close()
}

// A file that is one line of a megabyte is answered about like any other.
func TestOneLongLine(t *testing.T) {
	c := newClient(t, t.TempDir())
	c.initialize()
	c.open("main.idl", "package a record A { "+strings.Repeat("a: list<u8>, ", 80_000)+"}")
	c.ask("main.idl", 18)
	require.NoError(t, c.stop())
}
