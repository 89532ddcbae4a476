package main

import (
	"bytes"
	"encoding/json"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// run runs the benchmark with few requests, here and not in the environment.
func run(t *testing.T, args ...string) string {
	t.Helper()
	c, err := parse(append(args, "--enter", "", "--rounds", "1", "--requests", "200", "--go-cases", os.Getenv("GO_CASES"), "--python-cases", os.Getenv("PYTHON_CASES")))
	require.NoError(t, err)
	var out bytes.Buffer
	require.NoError(t, c.run(&out))
	return out.String()
}

func TestEachCaseHasItsFigures(t *testing.T) {
	units := map[string]string{}
	values := map[string]float64{}
	for line := range strings.Lines(run(t, "--json")) {
		var shape map[string]any
		require.NoError(t, json.Unmarshal([]byte(line), &shape))
		require.Len(t, shape, 4)
		name := shape["case"].(string) + " " + shape["metric"].(string)
		require.NotContains(t, units, name, "a figure is printed once")
		units[name], values[name] = shape["unit"].(string), shape["value"].(float64)
	}
	count := 0
	for _, c := range cases {
		for _, metric := range c.metrics {
			name := c.name + " " + metric
			count++
			require.Contains(t, units, name)
			assert.NotEmpty(t, units[name])
			switch metric {
			case "copied_bytes":
				assert.Zero(t, values[name], name)
			case "allocs_per_request":
				assert.GreaterOrEqual(t, values[name], 0.0, name)
			default:
				assert.Positive(t, values[name], name)
			}
		}
	}
	assert.Len(t, units, count, "no figure is printed that no case has")
}

func TestTable(t *testing.T) {
	var all []figure
	for _, c := range cases {
		for _, metric := range c.metrics {
			all = append(all, figure{c.name, metric, 3_456_789, ""})
		}
	}
	table, err := markdown(all, 3)
	require.NoError(t, err)
	assert.NotContains(t, table, absent, "the table names a figure that no case has")
	for _, r := range rows {
		assert.Contains(t, table, "| "+r.what+" | "+r.prototype+" | "+r.aim+" | ")
	}
	for _, c := range cases {
		assert.True(t, mentioned(c.name), "%s is in no row", c.name)
	}

	// Of a part of the cases, there are the rows of that part.
	table, err = markdown([]figure{{"go/echo/64", "requests_per_second", 3_456_789, "1/s"}}, 3)
	require.NoError(t, err)
	assert.Contains(t, table, "| Go echo, 64 in flight | 3.1 M requests/s, 0 allocations, 7 threads; p50/p99 20/90 us | 3.5 M | 3.457 M/s, ? ns, ? allocations")
	assert.Equal(t, 5, strings.Count(table, "\n"))
}

func mentioned(name string) bool {
	for _, r := range rows {
		if strings.Contains(r.measured, `"`+name+" ") {
			return true
		}
	}
	return false
}

func TestChosen(t *testing.T) {
	for pattern, want := range map[string][]string{
		"go/echo/64":     {"go/echo/64"},
		"*go/echo/1000":  {"go/echo/1000", "purego/echo/1000"},
		"go/single":      {"go/single/awake", "go/single/asleep"},
		"cgo":            {"cgo/blocking/64", "cgo/blocking/1000", "cgo/sleep1ms/1000", "cgo/immediate"},
		"no-such-thing":  nil,
		"go/echo/64/too": nil,
	} {
		some, err := chosen(pattern)
		require.NoError(t, err)
		var names []string
		for _, c := range some {
			names = append(names, c.name)
		}
		assert.Equal(t, want, names, pattern)
	}
	all, err := chosen("*")
	require.NoError(t, err)
	assert.Equal(t, cases, all)
	_, err = chosen("[")
	assert.Error(t, err)
}
