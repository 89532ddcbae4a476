package lsp

import (
	"context"
	"fmt"
	"strings"

	"strongroom.dev/codegen/format"
)

// formatting gives the edit that lays a document out. It leaves alone what stands before and after the lines that change, so
// that the cursor stays where it is. The editor's wishes for tabs are not asked: there is one layout.
func (s *server) formatting(_ context.Context, p documentParams) ([]textEdit, error) {
	d, err := s.document(p.TextDocument.URI)
	if err != nil {
		return nil, err
	}
	before := d.text.text
	after, r := format.Text(d.path, before)
	if !r.Empty() {
		wrong := r.Diagnostics()[0]
		return nil, fmt.Errorf("the file can be formatted when its form is correct; %s: %s", r.Position(wrong.Span.Start), wrong.Message)
	}
	if before == after {
		return []textEdit{}, nil
	}
	start, end := 0, len(before)
	old, now := strings.SplitAfter(before, "\n"), strings.SplitAfter(after, "\n")
	for len(old) > 1 && len(now) > 1 && old[0] == now[0] {
		start += len(old[0])
		old, now = old[1:], now[1:]
	}
	for len(old) > 1 && len(now) > 1 && old[len(old)-1] == now[len(now)-1] {
		end -= len(old[len(old)-1])
		old, now = old[:len(old)-1], now[:len(now)-1]
	}
	return []textEdit{{s.encoding.span(d.text, start, end), strings.Join(now, "")}}, nil
}
