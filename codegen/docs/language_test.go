package docs

import (
	"io/fs"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"strongroom.dev/codegen/compile"
	"strongroom.dev/codegen/format"
	"strongroom.dev/codegen/token"
)

var (
	block = regexp.MustCompile("(?s)```idl\n(.*?)```\n")
	named = regexp.MustCompile(`^// (\w+\.idl)\n`)
)

// Every example of the language reference compiles, and together they use every word of the language.
func TestTheExamplesOfTheLanguageReferenceCompile(t *testing.T) {
	text, err := os.ReadFile("../../docs/language.md")
	require.NoError(t, err)
	blocks := block.FindAllStringSubmatch(string(text), -1)
	require.Greater(t, len(blocks), 15)
	files := map[string]string{}
	for _, b := range blocks {
		if name := named.FindStringSubmatch(b[1]); name != nil {
			files[name[1]] = b[1]
		}
	}
	var all strings.Builder
	for _, b := range blocks {
		example := b[1]
		if !strings.Contains(example, "package ") {
			example = "package example\n\n" + example
		}
		all.WriteString(example)
		program, err := compile.Load("example.idl", func(path string) (string, error) {
			if path == "example.idl" {
				return example, nil
			}
			if file, ok := files[path]; ok {
				return file, nil
			}
			return "", fs.ErrNotExist
		})
		require.NoError(t, err)
		assert.Empty(t, program.Report.String())
		laidOut, _ := format.Text("example.idl", example)
		assert.Equal(t, laidOut, example, "idlc fmt would change the example")
	}
	for _, word := range strings.Fields(`package import record enum error interface callback type const constructor emits throws stream<
		optional< list< map< bytes bytes< buffer timestamp duration path string bool u8 u16 u32 u64 i8 i16 i32 i64 f32 f64
		@immediate @since @deprecated`) {
		told := strings.Contains(all.String(), word) || strings.Contains(string(text), "`"+word+"`")
		assert.True(t, told, "the reference does not tell of %s", word)
	}
	for unit := range token.Units {
		assert.Contains(t, string(text), "`"+unit+"`", "the reference does not tell of a unit")
	}
}

var row = regexp.MustCompile("(?m)^\\| `([^`]+)` \\| `([^`]+)` \\| `([^`]+)` \\| `([^`]+)` \\| `([^`]+)` \\|$")

// The table of types says what the backends say.
func TestTheReferenceNamesTheTypesOfEachLanguage(t *testing.T) {
	text, err := os.ReadFile("../../docs/language.md")
	require.NoError(t, err)
	rows := row.FindAllStringSubmatch(strings.ReplaceAll(string(text), `\|`, "¦"), -1)
	require.Len(t, rows, 15)
	for _, cells := range rows {
		text := "package example\nrecord Items { it: " + cells[1] + " }\ninterface Giver { give() -> Items }\n"
		if cells[1] == "buffer" { // stands in no record
			text = "package example\ninterface Giver { give() -> buffer }\n"
		}
		schema, report := compile.Text("example.idl", text)
		require.Empty(t, report.String())
		var item any = schema.Interfaces[0].Methods[0]
		if len(schema.Types) > 0 {
			item = schema.Types[0]
		}
		for n, l := range languages {
			declared, err := l.declared(schema)
			require.NoError(t, err)
			want := strings.ReplaceAll(cells[n+2], "¦", "|")
			assert.Regexp(t, `(^|[ (<])`+regexp.QuoteMeta(want)+`($|[ ,);:=\na-z])`, declared[item], "%s in %s", cells[1], l.Name)
		}
	}
}
