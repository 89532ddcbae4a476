"""Python whose types have grown, with a library of the first version."""

from collections.abc import Iterator

import pytest
from evolution import Item, Keeper, KeeperRefusedError, Malformed, ShapeCircle, ShapePoint, ShapeSquare


@pytest.fixture
def keeper() -> Iterator[Keeper]:
    with Keeper.open() as keeper:
        yield keeper


def test_new_fields_come_back_as_defaults(keeper: Keeper) -> None:
    item = Item("apple", 3, color="red", shape=ShapePoint(), weight=100)
    # What the library does not know it drops.
    assert keeper.describe_item(item) == 'Item { name: "apple", size: 3 }'
    back = keeper.item(item)
    assert back == Item("apple", 3)
    assert (back.color, back.shape, back.weight) == ("grey", ShapeCircle(radius=1.0, filled=True), None)
    assert keeper.shape(ShapeCircle(radius=2.5, filled=False)) == ShapeCircle(radius=2.5, filled=True)


def test_a_new_variant_is_refused(keeper: Keeper) -> None:
    with pytest.raises(Malformed, match="enum `Shape` has no such variant"):
        keeper.shape(ShapeSquare(side=3.0))
    assert keeper.shape(ShapePoint()) == ShapePoint()


def test_new_fields_of_errors_are_defaults(keeper: Keeper) -> None:
    with pytest.raises(KeeperRefusedError) as refused:
        keeper.fail(1)
    assert (refused.value.reason, refused.value.code) == ("as you asked", 7)
