"""Python that has a method more, with a library of the first version."""

import pytest
from evolution import Keeper, SchemaMismatch


def test_the_methods_that_are_missing_are_named() -> None:
    with pytest.raises(SchemaMismatch) as mismatch:
        Keeper.open()
    for method in ("Keeper.kept", "Greeter.create", "Greeter.greet"):
        assert f"method {method} is missing in the library" in str(mismatch.value)
    # Types that have grown do no harm.
    assert "differs" not in str(mismatch.value)
