"""The store from Python."""

import asyncio
import time
from collections.abc import AsyncIterator, Iterator

import pytest
from kv import (
    DEFAULT_NAME,
    MAX_KEY,
    ONE_DAY,
    AsyncStore,
    Change,
    ChangeDeleted,
    ChangePut,
    ConditionAlways,
    ConditionIs,
    ConditionNew,
    Duration,
    FullDrop,
    Item,
    Options,
    Progress,
    PutOptions,
    Store,
    StoreBadKeyError,
    StoreChangedError,
    StoreMissingError,
    Timestamp,
)


@pytest.fixture
def store() -> Iterator[Store]:
    with Store.open(Options()) as store:
        yield store


def test_entries_are_put_found_and_deleted(store: Store) -> None:
    assert store.name() == DEFAULT_NAME

    # snippet Store.put
    options = PutOptions(when=ConditionNew(), lives=ONE_DAY, labels={"season": "autumn"})
    version = store.put("fruit/apple", b"red", options)
    # end
    assert version == 1

    entry = store.get("fruit/apple")
    assert (entry.value, entry.labels) == (b"red", {"season": "autumn"})
    assert entry.changed <= Timestamp.now()
    assert entry.until is not None
    assert entry.until.seconds - entry.changed.seconds in (86_400, 86_401)
    assert store.count() == 1

    store.delete("fruit/apple", ConditionIs(version))
    assert store.find("fruit/apple") is None


def test_errors_are_exceptions(store: Store) -> None:
    # snippet Store.get
    try:
        store.get("fruit/pear")
    except StoreMissingError as missing:
        print("there is no", missing.key)
    # end
    with pytest.raises(StoreMissingError, match="there is no entry fruit/pear"):
        store.get("fruit/pear")

    store.put("fruit/pear", b"", PutOptions())
    with pytest.raises(StoreChangedError) as changed:
        store.put("fruit/pear", b"", PutOptions(when=ConditionNew()))
    assert changed.value.version == 1
    with pytest.raises(StoreBadKeyError):
        store.put("k" * (MAX_KEY + 1), b"", PutOptions())


def test_a_full_store_drops_what_is_oldest() -> None:
    with Store.open(Options(entries=2, full=FullDrop())) as store:
        for key in "abc":
            store.put(key, b"", PutOptions())
        assert [entry.key for entry in store.range("")] == ["b", "c"]


def test_streams_both_ways(store: Store) -> None:
    told: list[Progress] = []
    # snippet Store.load
    items = (Item(f"number/{i:03}", i.to_bytes(2)) for i in range(1000))
    loaded = store.load(items, on_progress=told.append)
    # end
    assert loaded == 1000
    assert all(progress.entries <= 1000 for progress in told)

    # snippet Store.range
    keys = [entry.key for entry in store.range("number/99")]
    # end
    assert keys == [f"number/{i}" for i in range(990, 1000)]

    def broken() -> Iterator[Item]:
        yield Item("number/first", b"")
        raise OSError("the file ends in the middle")

    with pytest.raises(OSError, match="in the middle"):
        store.load(broken())


def test_buffers_move(store: Store) -> None:
    # snippet Store.import
    buffer = store.client.alloc(1 << 20)
    with buffer.view() as view:
        view[:13] = b"a large value"
    store.import_("large", buffer)
    # end
    assert buffer.closed
    with store.export("large") as back, back.view() as view:
        assert len(back) == 1 << 20
        assert view[:13] == b"a large value"


# snippet Watcher
class Watcher:
    def __init__(self) -> None:
        self.changes: list[Change] = []

    def changed(self, change: Change, /) -> bool:
        self.changes.append(change)
        return not isinstance(change, ChangeDeleted)


# end


def test_watchers_hear_of_changes(store: Store) -> None:
    watcher = Watcher()
    with store.watch("fruit/", watcher) as watch:
        store.put("stone", b"", PutOptions())
        store.put("fruit/apple", b"", PutOptions())
        store.delete("fruit/apple", ConditionAlways())
        # It wanted to hear no more after a deletion.
        store.put("fruit/pear", b"", PutOptions())
        assert watch.seen() == 2
    put, deleted = watcher.changes
    assert isinstance(put, ChangePut)
    assert put.entry.key == "fruit/apple"
    assert deleted == ChangeDeleted("fruit/apple")


def test_entries_end(store: Store) -> None:
    watcher = Watcher()
    with store.watch("", watcher):
        store.put("mayfly", b"", PutOptions(lives=Duration(1_000_000)))
        time.sleep(0.01)
        with pytest.raises(StoreMissingError):
            store.get("mayfly")
    assert watcher.changes[1:] == [ChangeDeleted("mayfly", expired=True)]


def test_the_same_with_asyncio() -> None:
    class Queue:
        def __init__(self) -> None:
            self.changes: asyncio.Queue[Change] = asyncio.Queue()

        async def changed(self, change: Change, /) -> bool:
            await self.changes.put(change)
            return True

    async def items() -> AsyncIterator[Item]:
        for i in range(10):
            await asyncio.sleep(0)
            yield Item(f"number/{i}", b"")

    async def main() -> None:
        async with await AsyncStore.open(Options(name="loop")) as store:
            assert store.name() == "loop"
            with pytest.raises(StoreMissingError):
                await store.get("fruit/pear")
            queue = Queue()
            async with await store.watch("number/", queue):
                assert await store.load(items()) == 10
            assert queue.changes.qsize() == 10
            assert [entry.version async for entry in store.range("number/")] == list(range(1, 11))
            # All are in flight at the same time.
            versions = await asyncio.gather(*(store.put(f"many/{i}", b"", PutOptions()) for i in range(100)))
            assert sorted(versions) == list(range(11, 111))

    asyncio.run(main())
