// Package lsp is the language server: what `idlc lsp` speaks with an editor, over standard input and output.
//
// The protocol's two dozen messages are written out here (protocol.go, frame.go, connection.go) instead of taken from a
// module. go.lsp.dev/protocol and github.com/tliron/glsp have had no release for years and know no `positionEncoding`; what
// JSON-RPC modules add beyond encoding/json (github.com/sourcegraph/jsonrpc2 is the one that is kept well) is less code than
// the lifecycle rules around it, and its connections end at the first frame that is not JSON, where this one answers and
// goes on.
//
// An editor's message changes a document or asks about one. To answer, a snapshot (snapshot.go) gives the trees of the
// document's file and of all files that imports connect with it, and what their names mean (resolve.go). It needs no correct
// files: completion works in half-written ones. Diagnostics are the compiler's own (diagnostics.go), from compile.Load over the
// open documents.
package lsp

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"slices"
)

// phase is how far the protocol's lifecycle has come.
type phase int

const (
	fresh phase = iota
	running
	stopped
)

type server struct {
	conn      *connection
	phase     phase
	client    initializeParams
	encoding  encoding
	workspace *workspace
	published map[string]sent // by path
	stale     bool            // the diagnostics are those of an older text
}

// ErrNoShutdown says that the editor went away without `shutdown`, as the protocol asks for; the exit code shall tell it.
var ErrNoShutdown = errors.New("the editor left without `shutdown`")

// Serve answers an editor until it says `exit` or its end of the pipe is closed.
func Serve(in io.Reader, out io.Writer) error {
	s := &server{
		conn:      &connection{frames: newFrames(in, out), waiting: map[string]context.CancelFunc{}},
		encoding:  utf16Columns,
		workspace: newWorkspace(),
		published: map[string]sent{},
	}
	messages, done := make(chan incoming, 256), make(chan struct{})
	defer close(done)
	go s.conn.listen(messages, done)
	for {
		var next incoming
		select {
		case next = <-messages:
		default:
			// Nothing waits: now is the time for diagnostics, and not after each key of a fast typist.
			if s.stale {
				if err := s.publish(); err != nil {
					return err
				}
				continue
			}
			next = <-messages
		}
		exit, err := s.handle(next)
		if err != nil {
			return err
		}
		if exit {
			if s.phase != stopped {
				return ErrNoShutdown
			}
			return nil
		}
	}
}

var requests, notifications map[string]handler

func init() { // the handlers reach the tables themselves
	requests = map[string]handler{
		"initialize": with((*server).initialize),
		"shutdown": func(s *server, _ context.Context, _ json.RawMessage) (any, error) {
			s.phase = stopped
			return nil, nil
		},
		"textDocument/hover":               with((*server).hover),
		"textDocument/definition":          with((*server).definition),
		"textDocument/references":          with((*server).references),
		"textDocument/documentHighlight":   with((*server).highlights),
		"textDocument/prepareRename":       with((*server).prepareRename),
		"textDocument/rename":              with((*server).rename),
		"textDocument/completion":          with((*server).completion),
		"textDocument/formatting":          with((*server).formatting),
		"textDocument/documentSymbol":      with((*server).documentSymbols),
		"textDocument/semanticTokens/full": with((*server).semanticTokens),
		"workspace/symbol":                 with((*server).workspaceSymbols),
	}
	notifications = map[string]handler{
		"initialized":                         func(s *server, _ context.Context, _ json.RawMessage) (any, error) { return nil, s.initialized() },
		"textDocument/didOpen":                told((*server).didOpen),
		"textDocument/didChange":              told((*server).didChange),
		"textDocument/didSave":                told((*server).didSave),
		"textDocument/didClose":               told((*server).didClose),
		"workspace/didChangeWatchedFiles":     told((*server).didChangeWatchedFiles),
		"workspace/didChangeWorkspaceFolders": told((*server).didChangeFolders),
	}
}

func (s *server) initialize(_ context.Context, p initializeParams) (any, error) {
	s.phase = running
	s.client = p
	if slices.Contains(p.Capabilities.General.PositionEncodings, string(utf8Columns)) {
		s.encoding = utf8Columns
	}
	if p.RootURI != nil && len(p.WorkspaceFolders) == 0 {
		p.WorkspaceFolders = []textDocument{{*p.RootURI}}
	}
	for _, folder := range p.WorkspaceFolders {
		s.workspace.addFolder(pathOf(folder.URI))
	}
	return map[string]any{
		"serverInfo": map[string]string{"name": "idlc"},
		"capabilities": map[string]any{
			"positionEncoding":           s.encoding,
			"textDocumentSync":           map[string]any{"openClose": true, "change": 2, "save": true},
			"hoverProvider":              true,
			"definitionProvider":         true,
			"referencesProvider":         true,
			"documentHighlightProvider":  true,
			"documentFormattingProvider": true,
			"documentSymbolProvider":     true,
			"workspaceSymbolProvider":    true,
			"renameProvider":             map[string]any{"prepareProvider": true},
			"completionProvider":         map[string]any{"triggerCharacters": []string{"@", ":", "<", ">", "=", "\"", "/", "{"}},
			"semanticTokensProvider": map[string]any{
				"legend": map[string]any{"tokenTypes": tokenTypes, "tokenModifiers": tokenModifiers},
				"full":   true,
			},
			"workspace": map[string]any{"workspaceFolders": map[string]any{"supported": true, "changeNotifications": true}},
		},
	}, nil
}

// initialized asks to be told of files that change beside the editor, where it can do that.
func (s *server) initialized() error {
	if !s.client.Capabilities.Workspace.DidChangeWatchedFiles.DynamicRegistration {
		return nil
	}
	return s.conn.ask("client/registerCapability", map[string]any{"registrations": []any{map[string]any{
		"id":     "files",
		"method": "workspace/didChangeWatchedFiles",
		"registerOptions": map[string]any{
			"watchers": []any{map[string]string{"globPattern": "**/*.idl"}},
		},
	}}})
}

func (s *server) didOpen(p openParams) error {
	s.workspace.open(p.TextDocument.URI, p.TextDocument.Version, p.TextDocument.Text)
	s.stale = true
	return nil
}

func (s *server) didChange(p changeParams) error {
	d, err := s.document(p.TextDocument.URI)
	if err != nil {
		return err
	}
	s.stale = true
	for _, change := range p.ContentChanges {
		if change.Range == nil {
			d.setText(change.Text)
			continue
		}
		start, end := s.encoding.offset(d.text, change.Range.Start), s.encoding.offset(d.text, change.Range.End)
		before := d.text.text
		d.setText(before[:start] + change.Text + before[max(start, end):])
	}
	d.version = p.TextDocument.Version
	return nil
}

// didSave looks at the disk again: not every editor watches it.
func (s *server) didSave(documentParams) error {
	s.workspace.forget()
	s.stale = true
	return nil
}

func (s *server) didClose(p documentParams) error {
	s.workspace.close(p.TextDocument.URI)
	s.stale = true
	return nil
}

func (s *server) didChangeWatchedFiles(watchedParams) error {
	s.workspace.forget()
	s.stale = true
	return nil
}

func (s *server) didChangeFolders(p foldersParams) error {
	for _, folder := range p.Event.Removed {
		s.workspace.removeFolder(pathOf(folder.URI))
	}
	for _, folder := range p.Event.Added {
		s.workspace.addFolder(pathOf(folder.URI))
	}
	s.stale = true
	return nil
}

// document finds an open document.
func (s *server) document(uri string) (*document, error) {
	if d := s.workspace.documents[pathOf(uri)]; d != nil {
		return d, nil
	}
	return nil, &failure{codeInvalidParams, "the document `" + uri + "` is not open"}
}
