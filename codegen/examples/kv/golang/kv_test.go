//go:build bazel

package kv_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"strongroom.dev/codegen/examples/kv"
)

// open makes a store of its own for a test.
func open(t *testing.T, options kv.Options) (*kv.Client, *kv.Store) {
	t.Helper()
	client, err := kv.NewClient()
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, client.Close()) })
	store, err := client.OpenStore(t.Context(), options)
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, store.Close()) })
	return client, store
}

func TestEntriesArePutFoundAndDeleted(t *testing.T) {
	ctx := t.Context()
	_, store := open(t, kv.DefaultOptions())
	name, err := store.Name()
	require.NoError(t, err)
	assert.Equal(t, kv.DefaultName, name)

	// snippet Store.put
	tomorrow := kv.OneDay
	version, err := store.Put(ctx, "fruit/apple", []byte("red"), kv.PutOptions{
		When:   kv.ConditionNew{},
		Lives:  &tomorrow,
		Labels: map[string]string{"season": "autumn"},
	})
	// end
	require.NoError(t, err)
	assert.Equal(t, kv.Version(1), version)

	entry, err := store.Get(ctx, "fruit/apple")
	require.NoError(t, err)
	assert.Equal(t, "red", string(entry.Value))
	assert.Equal(t, map[string]string{"season": "autumn"}, entry.Labels)
	assert.WithinDuration(t, time.Now(), entry.Changed, time.Minute)
	require.NotNil(t, entry.Until)
	assert.WithinDuration(t, entry.Changed.Add(kv.OneDay), *entry.Until, time.Second)

	count, err := store.Count()
	require.NoError(t, err)
	assert.Equal(t, uint64(1), count)

	require.NoError(t, store.Delete(ctx, "fruit/apple", kv.ConditionIs{Version: version}))
	found, err := store.Find(ctx, "fruit/apple")
	require.NoError(t, err)
	assert.Nil(t, found)
}

func TestErrorsAreTypes(t *testing.T) {
	ctx := t.Context()
	_, store := open(t, kv.DefaultOptions())

	// snippet Store.get
	_, err := store.Get(ctx, "fruit/pear")
	var missing *kv.StoreMissingError
	if errors.As(err, &missing) {
		fmt.Println("there is no", missing.Key)
	}
	// end
	require.NotNil(t, missing)
	assert.Equal(t, "fruit/pear", missing.Key)
	assert.EqualError(t, err, "there is no entry fruit/pear")

	_, err = store.Put(ctx, "fruit/pear", nil, kv.PutOptions{})
	require.NoError(t, err)
	_, err = store.Put(ctx, "fruit/pear", nil, kv.PutOptions{When: kv.ConditionNew{}})
	var changed *kv.StoreChangedError
	require.ErrorAs(t, err, &changed)
	assert.Equal(t, kv.Version(1), changed.Version)
}

func TestAFullStoreDropsWhatIsOldest(t *testing.T) {
	ctx := t.Context()
	_, store := open(t, kv.Options{Entries: 2, Full: kv.DefaultFullDrop()})
	for _, key := range []string{"a", "b", "c"} {
		_, err := store.Put(ctx, key, nil, kv.PutOptions{})
		require.NoError(t, err)
	}
	gone, err := store.Find(ctx, "a")
	require.NoError(t, err)
	assert.Nil(t, gone)
}

func TestStreamsBothWays(t *testing.T) {
	ctx := t.Context()
	_, store := open(t, kv.DefaultOptions())

	// snippet Store.load
	items := func(yield func(kv.Item, error) bool) {
		for i := range 1000 {
			if !yield(kv.Item{Key: fmt.Sprintf("number/%03d", i), Value: []byte{byte(i)}}, nil) {
				return
			}
		}
	}
	loaded, err := store.Load(ctx, items, func(p kv.Progress) { fmt.Println(p.Entries, "are in the store") })
	// end
	require.NoError(t, err)
	assert.Equal(t, uint64(1000), loaded)

	var keys []kv.Key
	// snippet Store.range
	for entry, err := range store.Range(ctx, "number/99") {
		if err != nil {
			t.Fatal(err)
		}
		keys = append(keys, entry.Key)
	}
	// end
	assert.Len(t, keys, 10)
	assert.Equal(t, "number/990", keys[0])

	broken := errors.New("the file ends in the middle")
	_, err = store.Load(ctx, func(yield func(kv.Item, error) bool) { yield(kv.Item{}, broken) }, nil)
	assert.ErrorIs(t, err, broken)
}

func TestBuffersMove(t *testing.T) {
	ctx := t.Context()
	client, store := open(t, kv.DefaultOptions())

	// snippet Store.import
	buffer, err := client.Alloc(ctx, 1<<20)
	require.NoError(t, err)
	view, err := buffer.View()
	require.NoError(t, err)
	copy(view.Bytes(), "a large value")
	require.NoError(t, view.Close())
	_, err = store.Import(ctx, "large", buffer)
	// end
	require.NoError(t, err)

	back, err := store.Export(ctx, "large")
	require.NoError(t, err)
	defer back.Close()
	assert.Equal(t, 1<<20, back.Len())
	view, err = back.View()
	require.NoError(t, err)
	defer view.Close()
	assert.Equal(t, "a large value", string(view.Bytes()[:13]))
}

// snippet Watcher
type watcher struct{ changes chan kv.Change }

func (w watcher) Changed(_ context.Context, change kv.Change) (more bool, err error) {
	w.changes <- change
	_, deleted := change.(kv.ChangeDeleted)
	return !deleted, nil
}

// end

func TestWatchersHearOfChanges(t *testing.T) {
	ctx := t.Context()
	_, store := open(t, kv.DefaultOptions())

	changes := make(chan kv.Change, 10)
	watch, err := store.Watch(ctx, "fruit/", watcher{changes})
	require.NoError(t, err)
	defer watch.Close()

	for _, key := range []string{"stone", "fruit/apple"} {
		_, err = store.Put(ctx, key, nil, kv.PutOptions{})
		require.NoError(t, err)
	}
	require.NoError(t, store.Delete(ctx, "fruit/apple", nil))
	// It wanted to hear no more after a deletion.
	_, err = store.Put(ctx, "fruit/pear", nil, kv.PutOptions{})
	require.NoError(t, err)

	require.Len(t, changes, 2)
	put, ok := (<-changes).(kv.ChangePut)
	require.True(t, ok)
	assert.Equal(t, "fruit/apple", put.Entry.Key)
	assert.Equal(t, kv.ChangeDeleted{Key: "fruit/apple"}, <-changes)
	seen, err := watch.Seen()
	require.NoError(t, err)
	assert.Equal(t, uint64(2), seen)
}

func TestEntriesEnd(t *testing.T) {
	ctx := t.Context()
	_, store := open(t, kv.DefaultOptions())
	changes := make(chan kv.Change, 10)
	watch, err := store.Watch(ctx, "", watcher{changes})
	require.NoError(t, err)
	defer watch.Close()

	lives := time.Millisecond
	_, err = store.Put(ctx, "mayfly", nil, kv.PutOptions{Lives: &lives})
	require.NoError(t, err)
	time.Sleep(10 * lives)
	_, err = store.Get(ctx, "mayfly")
	var missing *kv.StoreMissingError
	require.ErrorAs(t, err, &missing)
	assert.IsType(t, kv.ChangePut{}, <-changes)
	assert.Equal(t, kv.ChangeDeleted{Key: "mayfly", Expired: true}, <-changes)
}
