package check

import (
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestDistance(t *testing.T) {
	for _, c := range []struct {
		a, b string
		want int
	}{
		{"", "", 0}, {"a", "", 1}, {"", "ab", 2}, {"same", "same", 0}, {"locatoin", "location", 1}, {"strin", "string", 1},
		{"kitten", "sitting", 3}, {"ca", "abc", 3},
	} {
		assert.Equal(t, c.want, distance(c.a, c.b), "%s %s", c.a, c.b)
		assert.Equal(t, c.want, distance(c.b, c.a), "%s %s", c.b, c.a)
	}
}

func TestNearestIsTheSameInAnyOrder(t *testing.T) {
	assert.Equal(t, "aac", Nearest("aab", []string{"aad", "aac"}))
	assert.Equal(t, "aac", Nearest("aab", []string{"aac", "aad"}))
	assert.Empty(t, Nearest("aab", []string{"zzzzz"}))
}

func TestNamesAreRewritten(t *testing.T) {
	for given, want := range map[string]string{"camelCase": "camel_case", "URL": "url", "_": "field", "a__b_": "a_b", "X9": "x9"} {
		assert.Equal(t, want, snake(given))
	}
	for given, want := range map[string]string{"snake_case": "SnakeCase", "_": "Type", "_9": "Type9", "a": "A"} {
		assert.Equal(t, want, camel(given))
	}
}
