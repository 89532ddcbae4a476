package lsp_test

import (
	"encoding/json"
	"flag"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

var update = flag.Bool("update", false, "write what the server answers beside the scripts, for review")

// Each script is a workspace and what an editor does in it; the server's answers stand beside it.
//
// A script begins with files, each after a line `-- name --`. The commands follow `-- script --`; «…» encloses a text, and | in
// it is where the cursor is.
func TestScripts(t *testing.T) {
	paths, err := filepath.Glob("testdata/*.script")
	require.NoError(t, err)
	require.NotEmpty(t, paths)
	for _, path := range paths {
		t.Run(strings.TrimSuffix(filepath.Base(path), ".script"), func(t *testing.T) {
			text, err := os.ReadFile(path)
			require.NoError(t, err)
			got := play(t, string(text))
			expected := strings.TrimSuffix(path, ".script") + ".answers"
			if *update {
				require.NoError(t, os.WriteFile(expected, []byte(got), 0o644))
				return
			}
			want, err := os.ReadFile(expected)
			require.NoError(t, err, "run this test with -update, and read what it wrote")
			assert.Equal(t, string(want), got)
		})
	}
}

type player struct {
	*client
	out   strings.Builder
	wrong map[string]bool // files whose diagnostics were shown
}

func play(t *testing.T, script string) string {
	folder, err := filepath.EvalSymlinks(t.TempDir())
	require.NoError(t, err)
	files, commands := split(t, script)
	for name, text := range files {
		path := filepath.Join(folder, name)
		require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o755))
		require.NoError(t, os.WriteFile(path, []byte(text), 0o644))
	}
	p := &player{client: newClient(t, folder), wrong: map[string]bool{}}
	ended := false
	for _, command := range commands {
		fmt.Fprintf(&p.out, "> %s\n", command)
		words := cut(command)
		if words[0] == "end" {
			p.in.Close()
			p.show("ended: %v", p.end())
			ended = true
			continue
		}
		p.command(words[0], words[1:])
	}
	if !ended {
		require.NoError(t, p.stop())
	}
	return strings.ReplaceAll(p.out.String(), folder, "$DIR")
}

func split(t *testing.T, script string) (files map[string]string, commands []string) {
	files = map[string]string{}
	name := ""
	for line := range strings.SplitAfterSeq(script, "\n") {
		trimmed := strings.TrimSpace(line)
		switch {
		case strings.HasPrefix(trimmed, "-- ") && strings.HasSuffix(trimmed, " --"):
			name = strings.TrimSuffix(strings.TrimPrefix(trimmed, "-- "), " --")
			if name != "script" {
				files[name] = ""
			}
		case name == "script" && trimmed != "" && !strings.HasPrefix(trimmed, "#"):
			commands = append(commands, trimmed)
		case name != "script" && name != "":
			files[name] += line
		}
	}
	require.NotEmpty(t, commands, "the script does nothing")
	return files, commands
}

// cut splits a command into its words; what stands between « and » is one.
func cut(command string) []string {
	var words []string
	for {
		command = strings.TrimSpace(command)
		if command == "" {
			return words
		}
		word, rest, _ := strings.Cut(command, " ")
		if text, quoted := strings.CutPrefix(command, "«"); quoted {
			word, rest, _ = strings.Cut(text, "»")
			word = strings.NewReplacer(`\n`, "\n", `\r`, "\r", `\\`, `\`).Replace(word)
		}
		words = append(words, word)
		command = rest
	}
}

func (p *player) show(format string, args ...any) { fmt.Fprintf(&p.out, format+"\n", args...) }

// find is the place of the cursor in the first text of a file that looks like a pattern.
func (p *player) find(name, pattern string) int {
	before, after, found := strings.Cut(pattern, "|")
	require.True(p.t, found, "%q has no cursor", pattern)
	at := strings.Index(p.text(name), before+after)
	require.GreaterOrEqual(p.t, at, 0, "%s has no %q", name, before+after)
	return at + len(before)
}

func (p *player) at(args []string) map[string]any {
	return map[string]any{
		"textDocument": map[string]any{"uri": p.uri(args[0])},
		"position":     p.position(p.text(args[0]), p.find(args[0], args[1])),
	}
}

func (p *player) command(name string, args []string) {
	switch name {
	case "start":
		answer := p.initialize(args...)
		if slices.Contains(args, "answer") {
			p.json(answer)
		}
		p.said(p.drain())
	case "open":
		text := ""
		if !strings.Contains(args[0], ":") {
			text = p.text(args[0])
		} else {
			text = args[1]
		}
		p.open(args[0], text)
		p.said(p.settle(args[0]))
	case "edit":
		text := p.texts[args[0]]
		at := strings.Index(text, args[1])
		require.GreaterOrEqual(p.t, at, 0, "%s has no %q", args[0], args[1])
		p.edit(args[0], at, at+len(args[1]), args[2])
		p.said(p.settle(args[0]))
	case "change": // as it stands here, and what the text is afterwards
		p.versions[args[0]]++
		p.texts[args[0]] = args[1]
		p.notify("textDocument/didChange", map[string]any{
			"textDocument":   map[string]any{"uri": p.uri(args[0]), "version": p.versions[args[0]]},
			"contentChanges": json.RawMessage(strings.Join(args[2:], " ")),
		})
		p.said(p.settle(args[0]))
	case "full":
		p.full(args[0], args[1])
		p.said(p.settle(args[0]))
	case "close":
		delete(p.texts, args[0])
		p.notify("textDocument/didClose", map[string]any{"textDocument": map[string]any{"uri": p.uri(args[0])}})
		p.said(p.published(args[1:]))
	case "write", "remove":
		path := filepath.Join(p.folder, args[0])
		if name == "write" {
			require.NoError(p.t, os.WriteFile(path, []byte(args[1]), 0o644))
			args = args[1:]
		} else {
			require.NoError(p.t, os.Remove(path))
		}
		p.notify("workspace/didChangeWatchedFiles", map[string]any{"changes": []any{map[string]any{"uri": "file://" + path, "type": 2}}})
		p.said(p.published(args[1:]))
	case "appear": // without anybody being told
		require.NoError(p.t, os.WriteFile(filepath.Join(p.folder, args[0]), []byte(args[1]), 0o644))
	case "save":
		p.notify("textDocument/didSave", map[string]any{"textDocument": map[string]any{"uri": p.uri(args[0])}})
		p.said(p.published(args[1:]))
	case "hover":
		p.answer("textDocument/hover", p.at(args), func(raw json.RawMessage) {
			var h struct {
				Contents struct{ Value string }
				Range    area
			}
			p.decode(raw, &h)
			p.show("%s", p.place(args[0], h.Range))
			for line := range strings.Lines(h.Contents.Value) {
				p.show("    %s", strings.TrimRight(line, "\n"))
			}
		})
	case "definition":
		p.answer("textDocument/definition", p.at(args), func(raw json.RawMessage) { p.location(raw) })
	case "references", "uses":
		params := p.at(args)
		params["context"] = map[string]any{"includeDeclaration": name == "references"}
		p.answer("textDocument/references", params, p.each(p.location))
	case "highlight":
		p.answer("textDocument/documentHighlight", p.at(args), p.each(func(raw json.RawMessage) {
			var h struct {
				Range area
				Kind  int
			}
			p.decode(raw, &h)
			p.show("%s %s", p.place(args[0], h.Range), []string{"", "text", "read", "write"}[h.Kind])
		}))
	case "prepare":
		p.answer("textDocument/prepareRename", p.at(args), func(raw json.RawMessage) {
			var r struct {
				Range       area
				Placeholder string
			}
			p.decode(raw, &r)
			p.show("%s as «%s»", p.place(args[0], r.Range), r.Placeholder)
		})
	case "rename":
		params := p.at(args)
		params["newName"] = args[2]
		p.answer("textDocument/rename", params, p.rename)
	case "complete":
		p.answer("textDocument/completion", p.at(args), func(raw json.RawMessage) { p.completion(args[0], raw) })
	case "symbols":
		p.answer("textDocument/documentSymbol", p.document(args), func(raw json.RawMessage) { p.symbols(args[0], raw, "") })
	case "search":
		p.answer("workspace/symbol", map[string]any{"query": args[0]}, p.each(func(raw json.RawMessage) {
			var s struct {
				Name, ContainerName string
				Kind                int
				Location            json.RawMessage
			}
			p.decode(raw, &s)
			p.show("%s %s of %s", symbolKinds[s.Kind], s.Name, s.ContainerName)
			p.location(s.Location)
		}))
	case "tokens":
		p.answer("textDocument/semanticTokens/full", p.document(args), func(raw json.RawMessage) { p.tokens(args[0], raw) })
	case "format":
		params := p.document(args)
		params["options"] = map[string]any{"tabSize": 8, "insertSpaces": false}
		p.answer("textDocument/formatting", params, p.each(func(raw json.RawMessage) {
			var e struct {
				Range   area
				NewText string
			}
			p.decode(raw, &e)
			p.show("%s -> %q", p.place(args[0], e.Range), e.NewText)
		}))
	case "request":
		params := json.RawMessage("null")
		if len(args) > 1 {
			params = json.RawMessage(strings.Join(args[1:], " "))
		}
		answer, before := p.request(args[0], params)
		p.said(before)
		p.json(answer)
	case "notify":
		p.notify(args[0], json.RawMessage(strings.Join(args[1:], " ")))
		p.said(p.drain())
	case "exit":
		p.notify("exit", nil)
	case "raw_end": // nothing can be answered before the frame ends
		p.raw(args[0])
	case "raw":
		p.raw(strings.Join(args, " "))
		p.said(p.drain())
	case "frame":
		body := strings.Join(args, " ")
		p.raw(fmt.Sprintf("Content-Length: %d\r\n\r\n%s", len(body), body))
		p.said(p.drain())
	default:
		require.FailNow(p.t, "unknown command "+name)
	}
}

func (p *player) document(args []string) map[string]any {
	return map[string]any{"textDocument": map[string]any{"uri": p.uri(args[0])}}
}

// published waits for the diagnostics of these files, which an event outside of a document changes.
func (p *player) published(names []string) []reply {
	var all []reply
	for len(names) > 0 {
		m, ok := p.next()
		require.True(p.t, ok)
		all = append(all, m)
		names = slices.DeleteFunc(names, func(name string) bool { return strings.Contains(string(m.Params), `"`+p.uri(name)+`","`) })
	}
	return append(all, p.drain()...)
}

func (p *player) decode(raw json.RawMessage, into any) {
	require.NoError(p.t, json.Unmarshal(raw, into))
}

func (p *player) json(m reply) {
	if m.Error != nil {
		p.show("error %d: %s", m.Error.Code, m.Error.Message)
		return
	}
	p.show("%s", m.Result)
}

func (p *player) answer(method string, params any, show func(json.RawMessage)) {
	answer, before := p.request(method, params)
	p.said(before)
	switch {
	case answer.Error != nil:
		p.json(answer)
	case string(answer.Result) == "null" || string(answer.Result) == "[]":
		p.show("nothing")
	default:
		show(answer.Result)
	}
}

func (p *player) each(show func(json.RawMessage)) func(json.RawMessage) {
	return func(raw json.RawMessage) {
		var all []json.RawMessage
		p.decode(raw, &all)
		for _, one := range all {
			show(one)
		}
	}
}

// name is a file's, from its address.
func (p *player) name(uri string) string {
	return strings.TrimPrefix(uri, "file://"+p.folder+"/")
}

func (p *player) place(name string, a area) string {
	text := p.excerpt(p.text(name), a)
	if strings.Contains(text, "\n") {
		first, _, _ := strings.Cut(text, "\n")
		text = first + " … " + text[strings.LastIndexByte(text, '\n')+1:]
	}
	return fmt.Sprintf("%s «%s»", a, text)
}

func (p *player) location(raw json.RawMessage) {
	var l struct {
		URI   string
		Range area
	}
	p.decode(raw, &l)
	p.show("%s %s", p.name(l.URI), p.place(p.name(l.URI), l.Range))
}

// said shows what the server says by itself.
func (p *player) said(all []reply) {
	for _, m := range all {
		switch m.Method {
		case "textDocument/publishDiagnostics":
			p.diagnostics(m.Params)
		case "":
			p.json(m)
		default:
			p.show("%s %s", m.Method, m.Params)
		}
	}
}

func (p *player) diagnostics(raw json.RawMessage) {
	var d struct {
		URI         string
		Version     *int
		Diagnostics []struct {
			Range              area
			Severity           int
			Code               string
			Message            string
			RelatedInformation []struct {
				Location json.RawMessage
				Message  string
			}
		}
	}
	p.decode(raw, &d)
	all := len(d.Diagnostics)
	for i := all - 1; i >= 0 && !p.warnings; i-- {
		if d.Diagnostics[i].Severity == 2 {
			d.Diagnostics = slices.Delete(d.Diagnostics, i, i+1)
		}
	}
	name := p.name(d.URI)
	if d.Version == nil && all > 0 && len(d.Diagnostics) == 0 && !p.wrong[name] {
		return // warnings of a file that is not open
	}
	p.wrong[name] = len(d.Diagnostics) > 0
	version := ""
	if d.Version != nil {
		version = fmt.Sprintf(" version %d", *d.Version)
	}
	p.show("diagnostics of %s%s: %d", name, version, len(d.Diagnostics))
	for _, one := range d.Diagnostics {
		p.show("  %s %s [%s]", []string{"", "error", "warning"}[one.Severity], p.place(name, one.Range), one.Code)
		p.show("    %s", strings.ReplaceAll(one.Message, "\n", "\n    "))
		for _, r := range one.RelatedInformation {
			p.out.WriteString("    ")
			p.out.WriteString(r.Message + ": ")
			p.location(r.Location)
		}
	}
}

func (p *player) rename(raw json.RawMessage) {
	type edit struct {
		Range   area
		NewText string
	}
	var w struct {
		Changes         map[string][]edit
		DocumentChanges []struct {
			TextDocument struct {
				URI     string
				Version *int
			}
			Edits []edit
		}
	}
	p.decode(raw, &w)
	show := func(uri string, edits []edit) {
		for _, e := range edits {
			p.show("  %s -> «%s»", p.place(p.name(uri), e.Range), e.NewText)
		}
	}
	for _, d := range w.DocumentChanges {
		version := "not open"
		if d.TextDocument.Version != nil {
			version = fmt.Sprintf("version %d", *d.TextDocument.Version)
		}
		p.show("%s (%s)", p.name(d.TextDocument.URI), version)
		show(d.TextDocument.URI, d.Edits)
	}
	for _, uri := range slices.Sorted(maps.Keys(w.Changes)) {
		p.show("%s", p.name(uri))
		show(uri, w.Changes[uri])
	}
}

var completionKinds = map[int]string{
	2: "method", 5: "field", 8: "interface", 13: "enum", 14: "word", 17: "file", 19: "folder", 20: "variant", 21: "constant", 22: "struct", 25: "type",
}

func (p *player) completion(name string, raw json.RawMessage) {
	var items []struct {
		Label, Detail, SortText string
		Kind                    int
		Tags                    []int
		TextEdit                struct {
			Range   area
			NewText string
		}
	}
	p.decode(raw, &items)
	p.show("in place of %s", p.place(name, items[0].TextEdit.Range))
	for _, item := range items {
		deprecated := ""
		if len(item.Tags) > 0 {
			deprecated = " (deprecated)"
		}
		require.Equal(p.t, items[0].TextEdit.Range, item.TextEdit.Range)
		require.Equal(p.t, item.Label, item.TextEdit.NewText)
		p.show("  %s %s%s  %s", completionKinds[item.Kind], item.Label, deprecated, strings.ReplaceAll(item.Detail, "\n", " "))
	}
}

var symbolKinds = map[int]string{
	5: "class", 6: "method", 8: "field", 9: "constructor", 10: "enum", 11: "interface", 14: "constant", 22: "variant", 23: "struct", 24: "event", 26: "alias",
}

func (p *player) symbols(name string, raw json.RawMessage, indent string) {
	var all []struct {
		Name, Detail, ContainerName string
		Kind                        int
		Tags                        []int
		Range, SelectionRange       area
		Location                    json.RawMessage
		Children                    json.RawMessage
	}
	p.decode(raw, &all)
	for _, s := range all {
		deprecated := ""
		if len(s.Tags) > 0 {
			deprecated = " (deprecated)"
		}
		if s.Location != nil {
			p.show("%s %s%s in %q", symbolKinds[s.Kind], s.Name, deprecated, s.ContainerName)
			p.location(s.Location)
			continue
		}
		require.Equal(p.t, s.Name, p.excerpt(p.text(name), s.SelectionRange))
		whole, part := s.Range, s.SelectionRange
		start, end := p.offset(p.text(name), whole.Start), p.offset(p.text(name), whole.End)
		require.LessOrEqual(p.t, start, p.offset(p.text(name), part.Start), "the selection lies outside of its item")
		require.GreaterOrEqual(p.t, end, p.offset(p.text(name), part.End), "the selection lies outside of its item")
		p.show("%s%s %s%s  %s  %s", indent, symbolKinds[s.Kind], s.Name, deprecated, s.Detail, p.place(name, s.Range))
		if s.Children != nil {
			p.symbols(name, s.Children, indent+"  ")
		}
	}
}

// The legend, as `initialize` gives it.
var (
	tokenTypes = strings.Split("namespace type struct enum interface enumMember property parameter method variable decorator "+
		"keyword comment string number operator", " ")
	tokenModifiers = strings.Split("declaration deprecated documentation defaultLibrary readonly", " ")
)

func (p *player) tokens(name string, raw json.RawMessage) {
	var t struct{ Data []int }
	p.decode(raw, &t)
	require.Zero(p.t, len(t.Data)%5)
	var at point
	for d := range slices.Chunk(t.Data, 5) {
		if d[0] > 0 {
			at.Character = 0
		}
		at.Line += d[0]
		at.Character += d[1]
		text := p.excerpt(p.text(name), area{at, point{at.Line, at.Character + d[2]}})
		modifiers := ""
		for i, m := range tokenModifiers {
			if d[4]&(1<<i) != 0 {
				modifiers += " " + m
			}
		}
		p.show("%d:%d «%s» %s%s", at.Line, at.Character, text, tokenTypes[d[3]], modifiers)
	}
}
