"""Python of the first version, with a library that has grown since."""

from collections.abc import Iterator

import pytest
from evolution import Item, Keeper, KeeperError, KeeperRefusedError, Malformed, Shape, ShapeCircle, ShapePoint


@pytest.fixture
def keeper() -> Iterator[Keeper]:
    with Keeper.open() as keeper:
        yield keeper


def test_values_make_the_round_trip(keeper: Keeper) -> None:
    item = Item("apple", 3)
    assert keeper.item(item) == item
    # The library has its defaults for what this side does not know.
    assert keeper.describe_item(item) == (
        'Item { name: "apple", size: 3, color: "grey", shape: Circle { radius: 1.0, filled: true }, weight: None }'
    )
    for shape in (ShapePoint(), ShapeCircle(radius=2.5)):
        assert keeper.shape(shape) == shape
    assert keeper.describe_shape(ShapeCircle(radius=2.5)) == "Circle { radius: 2.5, filled: true }"


def test_a_new_variant_is_an_error_of_its_call(keeper: Keeper) -> None:
    assert keeper.pick(1) == ShapeCircle(radius=0.5)
    with pytest.raises(Malformed, match="Shape has no variant 2"):
        keeper.pick(2)
    shapes: list[Shape] = []
    with pytest.raises(Malformed, match="Shape has no variant 2"):
        for shape in keeper.shapes():
            shapes.append(shape)
    assert shapes == [ShapePoint(), ShapeCircle(radius=0.5)]
    assert keeper.pick(0) == ShapePoint()


def test_a_new_error_has_its_message(keeper: Keeper) -> None:
    with pytest.raises(KeeperRefusedError) as refused:
        keeper.fail(0)
    assert refused.value.reason == "as you asked"
    with pytest.raises(KeeperError) as unknown:
        keeper.fail(1)
    # It has no class of its own here.
    assert type(unknown.value) is KeeperError
    assert str(unknown.value) == "there is room for 64 bytes only"
