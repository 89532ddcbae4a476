package format_test

import (
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"strongroom.dev/codegen/format"
)

func TestDiff(t *testing.T) {
	assert.Empty(t, format.Diff("a.idl", "a\n", "a\n"))
	before := "a\nb\nc\nd\ne\nf\ng\nh\ni\nj\nk\nl\nm"
	after := "a\nB\nc\nd\ne\nf\ng\nh\ni\nj\nk\nm\n"
	assert.Equal(t, `--- a.idl
+++ a.idl (formatted)
@@ -1,5 +1,5 @@
 a
-b
+B
 c
 d
 e
@@ -9,5 +9,4 @@
 i
 j
 k
-l
-m
\ No newline at end of file
+m
`, format.Diff("a.idl", before, after))
	near := format.Diff("a.idl", "a\nb\nc\nd\ne\nf\ng\nh\n", "A\nb\nc\nd\ne\nf\ng\nH\n")
	assert.Equal(t, 1, strings.Count(near, "@@ -"), "the context of two changes would overlap:\n%s", near)
	far := format.Diff("a.idl", "a\nb\nc\nd\ne\nf\ng\nh\ni\n", "A\nb\nc\nd\ne\nf\ng\nh\nI\n")
	assert.Equal(t, 2, strings.Count(far, "@@ -"), far)
	assert.Equal(t, "--- a.idl\n+++ a.idl (formatted)\n@@ -0,0 +1,1 @@\n+a\n", format.Diff("a.idl", "", "a\n"))
}

// What patch makes of a text and the difference is the other text.
func TestPatchReadsADiff(t *testing.T) {
	patch, err := exec.LookPath("patch")
	if err != nil {
		t.Skip("there is no patch on this machine")
	}
	random := rand.New(rand.NewPCG(1, 2))
	text := func(lines int) string {
		var out strings.Builder
		for range random.IntN(lines) + 1 {
			out.WriteString(string(rune('a'+random.IntN(4))) + "\n")
		}
		return out.String()
	}
	for n := range 60 {
		before, after := text(40), text(40)
		if n == 0 { // too different to be compared line by line
			before, after = strings.Repeat("a\n", 3000), strings.Repeat("b\n", 3000)
		}
		path := filepath.Join(t.TempDir(), "a.idl")
		require.NoError(t, os.WriteFile(path, []byte(before), 0o600))
		cmd := exec.Command(patch, "--silent", path)
		cmd.Stdin = strings.NewReader(format.Diff("a.idl", before, after))
		out, err := cmd.CombinedOutput()
		require.NoError(t, err, "%s\n%s", out, format.Diff("a.idl", before, after))
		got, err := os.ReadFile(path)
		require.NoError(t, err)
		require.Equal(t, after, string(got))
	}
}
