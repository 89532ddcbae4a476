package lsp

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"runtime/debug"
	"strings"
	"sync"
)

// connection carries messages. One goroutine reads, so that a cancellation overtakes the requests that wait; everything
// else is handled in the order in which it came, because a request means the text as the edits before it left it.
type connection struct {
	frames  *frames
	mu      sync.Mutex
	waiting map[string]context.CancelFunc // by id, as it is written
	lastID  int                           // of the server's own requests
}

// incoming is a message on its way to the handlers.
type incoming struct {
	message
	ctx context.Context
	end func()
	bad *failure // what makes it no message
	err error    // of the input: nothing comes any more
}

// listen reads until the input ends. It stops early where done is closed.
func (c *connection) listen(out chan<- incoming, done <-chan struct{}) {
	for {
		body, err := c.frames.read()
		var in incoming
		switch {
		case errors.Is(err, errJunk):
			in = incoming{bad: &failure{codeParse, err.Error()}}
		case err != nil:
			in = incoming{err: err}
		default:
			in = c.decode(body)
		}
		if in.Method == "$/cancelRequest" {
			c.cancel(in.Params)
			continue
		}
		select {
		case out <- in:
		case <-done:
			return
		}
		if in.err != nil {
			return
		}
	}
}

func (c *connection) decode(body []byte) incoming {
	var m message
	if err := json.Unmarshal(body, &m); err != nil {
		code := codeInvalidRequest
		var wrong *json.SyntaxError
		if errors.As(err, &wrong) {
			code = codeParse
		}
		return incoming{bad: &failure{code, "this is no message: " + unreadable(err)}}
	}
	if len(m.ID) > 0 && (m.ID[0] == '{' || m.ID[0] == '[' || m.ID[0] == 't' || m.ID[0] == 'f') {
		return incoming{bad: &failure{codeInvalidRequest, "the id of a request is a number or a text"}}
	}
	in := incoming{message: m, ctx: context.Background(), end: func() {}}
	if m.request() {
		ctx, cancel := context.WithCancel(context.Background())
		id := string(m.ID)
		c.mu.Lock()
		c.waiting[id] = cancel
		c.mu.Unlock()
		in.ctx, in.end = ctx, func() {
			c.mu.Lock()
			delete(c.waiting, id)
			c.mu.Unlock()
			cancel()
		}
	}
	return in
}

// unreadable says what is wrong with a JSON text in words of the protocol.
func unreadable(err error) string {
	var wrong *json.UnmarshalTypeError
	if !errors.As(err, &wrong) {
		return "it is not JSON"
	}
	if wrong.Field == "" {
		return "it is no object, but of the kind " + wrong.Value
	}
	return fmt.Sprintf("`%s` cannot be of the kind %s", wrong.Field[strings.LastIndexByte(wrong.Field, '.')+1:], wrong.Value)
}

// request reports whether an answer is expected.
func (m *message) request() bool { return m.Method != "" && len(m.ID) > 0 }

func (c *connection) cancel(params json.RawMessage) {
	var p struct {
		ID json.RawMessage `json:"id"`
	}
	if json.Unmarshal(params, &p) != nil {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if cancel := c.waiting[string(p.ID)]; cancel != nil {
		cancel()
	}
}

func (c *connection) answer(id json.RawMessage, result any, err error) error {
	if len(id) == 0 {
		id = json.RawMessage("null")
	}
	if err != nil {
		wrong := &failure{}
		if errors.Is(err, context.Canceled) {
			wrong = &failure{codeCancelled, "the request was cancelled"}
		} else if !errors.As(err, &wrong) {
			wrong = &failure{codeFailed, err.Error()}
		}
		return c.send(struct {
			Version string          `json:"jsonrpc"`
			ID      json.RawMessage `json:"id"`
			Error   *failure        `json:"error"`
		}{"2.0", id, wrong})
	}
	return c.send(struct {
		Version string          `json:"jsonrpc"`
		ID      json.RawMessage `json:"id"`
		Result  any             `json:"result"`
	}{"2.0", id, result})
}

func (c *connection) notify(method string, params any) error {
	return c.send(struct {
		Version string `json:"jsonrpc"`
		Method  string `json:"method"`
		Params  any    `json:"params"`
	}{"2.0", method, params})
}

// ask sends a request of the server's own; its answer is not waited for.
func (c *connection) ask(method string, params any) error {
	c.lastID++
	return c.send(struct {
		Version string `json:"jsonrpc"`
		ID      string `json:"id"`
		Method  string `json:"method"`
		Params  any    `json:"params"`
	}{"2.0", fmt.Sprintf("idlc-%d", c.lastID), method, params})
}

func (c *connection) send(m any) error {
	body, err := json.Marshal(m)
	if err != nil {
		return err
	}
	return c.frames.write(body)
}

// log tells the person at the editor, who finds it in the output of the language server.
func (c *connection) log(text string) error {
	return c.notify("window/logMessage", map[string]any{"type": 1, "message": text})
}

// call runs a handler; a panic in it is the failure of this one message.
func (s *server) call(h handler, in incoming) (result any, err error) {
	defer func() {
		if cause := recover(); cause != nil {
			result, err = nil, &failure{codeInternal, fmt.Sprintf("idlc failed at %s: %v; please report this", in.Method, cause)}
			s.conn.log(fmt.Sprintf("%v\n%s", err, debug.Stack()))
		}
	}()
	if err := in.ctx.Err(); err != nil {
		return nil, err
	}
	return h(s, in.ctx, in.Params)
}

// handle answers one message. It reports whether the editor said `exit`.
func (s *server) handle(in incoming) (exit bool, err error) {
	if in.err != nil {
		if errors.Is(in.err, io.EOF) {
			return true, nil
		}
		return true, in.err
	}
	if in.bad != nil {
		return false, s.conn.answer(nil, nil, in.bad)
	}
	defer in.end()
	if in.Method == "" {
		if len(in.ID) == 0 {
			return false, s.conn.answer(nil, nil, &failure{codeInvalidRequest, "a message has a method, or is the answer to one"})
		}
		return false, nil // an answer to a request of ours, none of which says anything that is needed
	}
	if !in.request() {
		return in.Method == "exit", s.notified(in)
	}
	h := requests[in.Method]
	switch {
	case s.phase == stopped:
		return false, s.conn.answer(in.ID, nil, &failure{codeInvalidRequest, "the server was shut down; only `exit` can follow"})
	case s.phase == fresh && in.Method != "initialize":
		return false, s.conn.answer(in.ID, nil, &failure{codeNotInitialized, "`initialize` comes first"})
	case s.phase == running && in.Method == "initialize":
		return false, s.conn.answer(in.ID, nil, &failure{codeInvalidRequest, "the server is initialized already"})
	case h == nil:
		return false, s.conn.answer(in.ID, nil, &failure{codeUnknownMethod, fmt.Sprintf("there is no method `%s`", in.Method)})
	}
	result, failed := s.call(h, in)
	return false, s.conn.answer(in.ID, result, failed)
}

// notified handles what has no answer. What is not known is no mistake: editors of later versions say more.
func (s *server) notified(in incoming) error {
	h := notifications[in.Method]
	if h == nil || s.phase != running {
		return nil
	}
	if _, err := s.call(h, in); err != nil {
		return s.conn.log(fmt.Sprintf("%s: %v", in.Method, err))
	}
	return nil
}

// handler does what a method asks for.
type handler func(s *server, ctx context.Context, params json.RawMessage) (any, error)

// with reads the parameters of a method.
func with[P any, R any](f func(s *server, ctx context.Context, params P) (R, error)) handler {
	return func(s *server, ctx context.Context, raw json.RawMessage) (any, error) {
		var params P
		if len(raw) == 0 {
			return nil, &failure{codeInvalidParams, "the parameters are missing"}
		}
		if err := json.Unmarshal(raw, &params); err != nil {
			return nil, &failure{codeInvalidParams, "the parameters are not as the protocol says: " + unreadable(err)}
		}
		return f(s, ctx, params)
	}
}

// told is with for what has no answer.
func told[P any](f func(s *server, params P) error) handler {
	return with(func(s *server, _ context.Context, params P) (any, error) { return nil, f(s, params) })
}
