package main

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"strongroom.dev/codegen/lsp"
)

func serve(messages ...string) (string, error) {
	var in strings.Builder
	for _, m := range messages {
		fmt.Fprintf(&in, "Content-Length: %d\r\n\r\n%s", len(m), m)
	}
	root := command()
	var out bytes.Buffer
	root.SetIn(strings.NewReader(in.String()))
	root.SetOut(&out)
	root.SetArgs([]string{"lsp"})
	err := root.Execute()
	return out.String(), err
}

func TestLspServesAnEditor(t *testing.T) {
	out, err := serve(
		`{"jsonrpc":"2.0","id":1,"method":"initialize","params":{}}`,
		`{"jsonrpc":"2.0","id":2,"method":"shutdown"}`,
		`{"jsonrpc":"2.0","method":"exit"}`,
	)
	require.NoError(t, err)
	assert.Contains(t, out, `"serverInfo":{"name":"idlc"}`)

	_, err = serve(`{"jsonrpc":"2.0","id":1,"method":"initialize","params":{}}`)
	assert.ErrorIs(t, err, lsp.ErrNoShutdown, "the exit code tells that the editor was lost")
}
