package docs

import (
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"strongroom.dev/codegen/backend"
	"strongroom.dev/codegen/compile"
	"strongroom.dev/codegen/ir"
)

// emitted are the backends of the tabs.
var emitted = map[string]string{"go": "golang", "python": "python", "rust": "rust", "c": "c"}

// What the pages show of a language is what its backend writes, for every item: no line of it was made up.
func TestDeclarationsAreThoseOfTheBackends(t *testing.T) {
	for _, path := range []string{"../../idl/strongroom.idl", "../../conformance/conformance.idl", "../testdata/whole.idl"} {
		schema, err := compile.File(path)
		require.NoError(t, err)
		for _, l := range languages {
			t.Run(schema.Package+"/"+l.ID, func(t *testing.T) {
				declared, err := l.declared(schema)
				require.NoError(t, err)
				text, err := backend.All[emitted[l.ID]](schema)
				require.NoError(t, err)
				whole := squeezed(string(text))
				check := func(name string, item any) {
					code := declared[item]
					if !assert.NotEmpty(t, code, "%s is not declared", name) {
						return
					}
					for line := range strings.Lines(code) {
						assert.True(t, strings.Contains(whole, strings.TrimSuffix(squeezed(line), ",")), "%s: no file has the line %s", name, line)
					}
				}
				for _, of := range schema.Types {
					check(of.TypeName(), of)
				}
				for _, i := range slices.Concat(schema.Interfaces, schema.Callbacks) {
					check(i.Name, i)
					for _, m := range i.All() {
						check(m.FullName(), m)
					}
				}
				for _, a := range schema.Aliases {
					check(a.Name, a)
				}
				for _, c := range schema.Constants {
					check(c.Name, c)
				}
			})
		}
	}
}

// squeezed leaves out what declarations may be laid out by, and the ends that stand for a body.
func squeezed(text string) string {
	text = strings.TrimSpace(text)
	text = strings.TrimSuffix(strings.TrimSuffix(text, " ..."), ";")
	return strings.NewReplacer(" ", "", "\n", "", "\t", "", ",)", ")", ",}", "}").Replace(text)
}

// A declaration that has several lines in the generated file is found as a whole, and without what is written inside.
func TestDeclarations(t *testing.T) {
	schema, err := compile.File("../../idl/strongroom.idl")
	require.NoError(t, err)
	want := map[string][]string{
		"go":     {"func (r *Repository) Resolve(ctx context.Context, name string) (Snapshot, error)"},
		"python": {"def resolve(self, name: str, ", "async def resolve(self, name: str, ", " -> Snapshot: ..."},
		"rust":   {"fn resolve(", "name: String,"},
		"c": {"strongroom_repository_resolve(strongroom_repository self, sr_string name, ", "strongroom_repository_resolve_start(",
			"strongroom_repository_resolve_finish("},
	}
	var resolve *ir.Method
	for _, m := range schema.Methods() {
		if m.FullName() == "Repository.resolve" {
			resolve = m
		}
	}
	for _, l := range languages {
		declared, err := l.declared(schema)
		require.NoError(t, err)
		for _, part := range want[l.ID] {
			assert.Contains(t, declared[resolve], part)
		}
		for _, code := range declared {
			assert.NotContains(t, code, "... ...")
			assert.NotContains(t, code, `"""`)
			assert.NotRegexp(t, `strongroom_(put|get)_`, code, "programs do not call the encoders")
		}
		for _, unwanted := range []string{"return", "///", `"""`, "/*", "{\n"} {
			assert.NotContains(t, declared[resolve], unwanted)
		}
	}
}
