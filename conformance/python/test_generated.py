"""What idlc writes for every part of the language, and for names that Python has for something else: it can be used."""

import hashlib
import importlib.util
import inspect
import pathlib
import sys
import types
import typing
import warnings
from importlib.machinery import SourceFileLoader

import pytest

import conformance_api
import strongroom
from strongroom._rpc import wire

_GOLDEN = pathlib.Path(__file__).absolute().parents[2] / "codegen" / "python" / "testdata"


def _load(name: str) -> types.ModuleType:
    loader = SourceFileLoader(f"golden_{name}", str(_GOLDEN / f"{name}.py.golden"))
    spec = importlib.util.spec_from_loader(loader.name, loader)
    assert spec is not None
    module = importlib.util.module_from_spec(spec)
    # Dataclasses look for the module of their annotations.
    sys.modules[loader.name] = module
    loader.exec_module(module)
    return module


whole, names = _load("whole"), _load("names")


@pytest.mark.parametrize("module", [whole, names, conformance_api.generated, strongroom.generated])
def test_annotations_mean_something(module: types.ModuleType) -> None:
    for name in module.__all__:
        item = getattr(module, name)
        if inspect.isclass(item):
            typing.get_type_hints(item)
            for member in vars(item).values():
                if inspect.isfunction(member):
                    typing.get_type_hints(member)


@pytest.mark.parametrize("module", [whole, names, conformance_api.generated, strongroom.generated])
def test_the_hash_is_that_of_the_text(module: types.ModuleType) -> None:
    digest: bytes = module._PACKAGE._schema
    assert hashlib.sha256(module._TEXT.encode()).digest()[:16] == digest


def _there_and_back(codec: wire.Codec[object], value: object) -> None:
    out = wire.Writer()
    codec.write(out, value)
    assert codec.read(wire.Reader(bytes(out.data))) == value


def test_names_of_python() -> None:
    none = names.None_(1)
    _there_and_back(names._T_NONE, none)
    _there_and_back(names._T_ERROR, names.Error("class", none))
    assert names.Error("a", none).class_ == "a"
    assert names.Error("a", none).lambda_ is none
    full = names.Buffer(
        1,
        b"2",
        list=[3],
        dict={"4": [5]},
        bool=True,
        more=[names.Error("6", none)],
        field=["7"],
        l_=8,
    )
    _there_and_back(names._T_BUFFER, full)
    # A variant's class gives way to a record of the same name.
    _there_and_back(names._T_SHAPE, names.ShapePoint_(from_=1))
    _there_and_back(names._T_SHAPE_POINT, names.ShapePoint(1, 2))
    assert names.Shape == names.ShapePoint_ | names.ShapeNone_ | names.ShapeTrue
    assert [member.value for member in names.Plain] == ["none", "name", "value", "mro"]
    assert (names.PASS, names.TRUE) == (1, False)
    assert issubclass(names.AsyncTable_, strongroom._rpc.AsyncObject)
    lost = names.StoreLostError(args_=1, message_="2", variant_="3", self_="4", int=5, add_note_=6)
    assert str(lost) == "2 1 3 4"
    assert lost.args_ == 1
    assert lost.variant == "lost"
    assert issubclass(names.StoreLostError_, names.Store)


def test_texts_of_errors() -> None:
    lost = whole.FailureLostError(object="o", at="a\udcff", id=b"\x01\x02\x03\x04")
    assert str(lost) == 'o at a\N{REPLACEMENT CHARACTER} (01020304) is lost; {not} "found"'
    assert str(whole.FailureLostError("told", object="o", at="a", id=b"1234")) == "told"
    # As Rust writes them.
    for number, text in ((1.0, "1"), (0.1, "0.1"), (1e21, "1000000000000000000000"), (float("inf"), "inf")):
        assert str(whole.OtherOddError(n=number, b=True)) == f"{text}true"


def test_constants_and_aliases() -> None:
    assert (whole.MAX_SIZE, whole.GREETING, whole.SURE) == (16, "hello \N{GRINNING FACE}", True)
    assert strongroom.Duration(1_500_000_000) == whole.PATIENCE
    assert whole.Defaults().m == whole.PATIENCE
    assert whole.Digests == dict[str, bytes]


def test_deprecation_warns_users_and_not_decoders() -> None:
    with pytest.warns(DeprecationWarning, match="use Tree instead"):
        point = whole.Point(1, 2)
    out = wire.Writer()
    whole._T_POINT.write(out, point)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert whole._T_POINT.read(wire.Reader(bytes(out.data))) == point
        assert whole._T_POINT.default().x == 0
    assert whole.Point.__deprecated__ == "use Tree instead"
    assert "Since 0.9. Deprecated: use Tree instead." in (whole.Point.__doc__ or "")


def test_a_listener_without_a_method_is_refused() -> None:
    class Deaf:
        def heard(self, text: str) -> int:
            return 0

    with pytest.raises(TypeError, match=r"listener: .* is no Listener: it has no method took"):
        conformance_api.generated._M_ECHO_KEEP.arguments.write(wire.Writer(), (Deaf(),))

    class Derived(conformance_api.Listener):
        def heard(self, text: str, /) -> int:
            return 0

    with pytest.raises(TypeError, match="took"):
        Derived()  # type: ignore[abstract]
