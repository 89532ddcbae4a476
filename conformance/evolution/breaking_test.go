// Package evolution holds an interface that grows, and the proof that what idlc calls compatible is: each folder A_with_B runs
// bindings of version A against a library of version B.
package evolution

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"strongroom.dev/codegen/breaking"
	"strongroom.dev/codegen/compile"
	"strongroom.dev/codegen/report"
)

// What `idlc breaking` finds is what the tests of the pairs find: nothing, but for the one in which they cannot even open the library.
func TestBreakingAgrees(t *testing.T) {
	for _, pair := range []struct {
		before, after string
		found         []string
	}{
		{"old", "grown", nil},
		{"old", "new", nil},
		{"grown", "new", nil},
		{"old", "incompatible", []string{"field `size` of record `Item` had the type `u64` and has `string`"}},
	} {
		t.Run(pair.before+" to "+pair.after, func(t *testing.T) {
			r := report.New()
			before, err := compile.LoadInto(r, pair.before+"/evolution.idl", compile.ReadFile)
			require.NoError(t, err)
			after, err := compile.LoadInto(r, pair.after+"/evolution.idl", compile.ReadFile)
			require.NoError(t, err)
			require.True(t, r.Empty(), r.String())
			var found []string
			for _, f := range breaking.Compare(r, before.Schema(), after.Schema(), breaking.Source|breaking.ABI|breaking.Frames) {
				found = append(found, f.Message)
			}
			assert.Equal(t, pair.found, found)
		})
	}
}
