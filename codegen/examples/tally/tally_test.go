//go:build bazel

package main

import (
	"context"
	"errors"
	"testing"

	"example.org/tally"
)

func TestWordsAreCounted(t *testing.T) {
	ctx := context.Background()
	client, err := tally.NewClient()
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	counts, err := client.OpenTally(ctx)
	if err != nil {
		t.Fatal(err)
	}
	defer counts.Close()
	for n, word := range []string{"a", "b", "a"} {
		times, err := counts.Add(ctx, word)
		if want := uint64(1 + n/2); err != nil || times != want {
			t.Errorf("%s came %d times, and not %d: %v", word, times, want, err)
		}
	}
	var none *tally.TallyNoWordError
	if _, err := counts.Add(ctx, "two words"); !errors.As(err, &none) || none.Text != "two words" {
		t.Errorf("two words are no word, and it said %v", err)
	}
	var all []tally.Count
	for count, err := range counts.Counts(ctx) {
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, count)
	}
	if len(all) != 2 || all[0] != (tally.Count{Word: "a", Times: 2}) || all[1] != (tally.Count{Word: "b", Times: 1}) {
		t.Errorf("the counts are %v", all)
	}
}
