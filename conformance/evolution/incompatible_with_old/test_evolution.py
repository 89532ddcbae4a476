"""Python in which the type of a field is another one, with a library of the first version."""

import pytest
from evolution import Keeper, SchemaMismatch


def test_the_type_that_differs_is_named() -> None:
    with pytest.raises(SchemaMismatch) as mismatch:
        Keeper.open()
    assert "record Item differs: field `size` is of type u64 in the library and string in the binding" in str(
        mismatch.value
    )
    # Nothing else differs.
    assert "Shape" not in str(mismatch.value)
