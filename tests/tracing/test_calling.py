"""Inputs as they are: tensors, arrays and shapes in whatever they lie, and what nobody said is tried."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

import archscope
from archscope import analyze, trace
from archscope.opening import open_network
from archscope.tracing.calling import call_thing
from archscope.tracing.inputs import Call, Given
from archscope.tracing.stated import Bare, parse_inputs, parse_options, parse_shape
from tests.tracing import called
from tests.tracing.called import Batch, Hidden, Nested, Noised, Steps, TokensAndImage

IDS, IMAGE = called.as_tuple()


@pytest.mark.parametrize(
    ("text", "given"),
    [
        ("3,224,224", Given((3, 224, 224))),
        ("[1, 28, 28]", Given((1, 28, 28))),
        ("128:int64", Given((128,), "int64")),
        ("128 : long", Given((128,), "int64")),
        (":bool", Given((), "bool")),
        ("1,", Given((1,))),
    ],
)
def test_a_shape_is_read_with_the_type_of_its_numbers(text: str, given: Given) -> None:
    assert parse_shape(text) == given


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("x=3,32,32", Given((3, 32, 32))), ("x=10,", Given((10,))), ("x=", Given(())), ("x=:uint8", Given((), "uint8")),
        ("x=3", Bare(3)), ("x=-3", -3), ("x=0.5", 0.5), ("x=1e3", 1000.0), ("x=True", True), ("x=false", False),
        ("x=None", None), ("x=[2, 3]", [2, 3]), ("x=(2, 3)", (2, 3)), ("x='3'", "3"), ("x=nearest", "nearest"),
        ("x={'a': 1}", {"a": 1}), ("größe=3,", Given((3,))),
    ],
)  # fmt: skip
def test_a_name_is_given_a_tensor_or_a_plain_value(text: str, value: Any) -> None:
    (found,) = parse_inputs([text]).kwargs.values()
    assert (found, type(found)) == (value, type(value))


@pytest.mark.parametrize(
    ("texts", "message"),
    [
        (["128:int46"], "`int46` is no type of number; did you mean `int64`?"),
        (["128:"], "the type of number after the colon is missing; types: float32"),
        (["3,x"], "`3,x` is no shape; write whole numbers with commas"),
        (["3x224x224"], "`3x224x224` is no shape"),
        ([""], "`` is no shape"),
        (["3,0"], "`3,0` is no shape"),
        (["99999999999999999999,2"], "is no shape"),
        (["x=3,-1"], "`3,-1` is neither a shape nor a number; write x=3,224,224"),
        (["x=3x"], "`3x` is neither a shape nor a number"),
        (["x=Flase"], "did you mean `False`?"),
        (["x=f(3)"], "`f(3)` is neither a shape nor a value of Python's"),
        (["x=3,", "x=4,"], "the input `x` is given twice"),
    ],
)
def test_what_is_no_input_is_named_with_what_to_write(texts: list[str], message: str) -> None:
    with pytest.raises(archscope.UsageError) as raised:
        parse_inputs(texts)
    assert message in str(raised.value)


@pytest.mark.parametrize("shape", [(3, 10**9, 10**9), (3, 10**20)])
def test_an_input_beyond_any_memory_is_named(shape: tuple[int, ...]) -> None:
    whole = "×".join(map(str, (1, *shape)))
    with pytest.raises(archscope.UsageError, match=rf"an input of {whole} has 3e\+\d\d values: no machine holds more"):
        archscope.trace(nn.ReLU(), shape)


@pytest.mark.parametrize(
    ("text", "options"),
    [("depth=18,pretrained=False", {"depth": 18, "pretrained": False}), ("{'depth': 18}", {"depth": 18}),
     ("", {}), ("widths=[1, 2], name='a'", {"widths": [1, 2], "name": "a"})],
)  # fmt: skip
def test_arguments_of_a_factory_stand_as_in_a_call(text: str, options: dict[str, Any]) -> None:
    assert parse_options(text) == options


@pytest.mark.parametrize(
    ("text", "message"),
    [("18", "has a value without a name"), ("depth=", "are no arguments"), ("depth=net", "`net` is no value that can")],
)
def test_what_are_no_arguments_is_named(text: str, message: str) -> None:
    with pytest.raises(archscope.UsageError, match=message):
        parse_options(text)


@pytest.mark.parametrize(
    ("args", "kwargs"),
    [
        ((IDS, IMAGE), {}),
        ((np.zeros((1, 10), dtype=np.int64), np.zeros((1, 3, 16, 16), dtype=np.float32)), {}),
        (((10,), (3, 16, 16)), {}),
        (([10], [3, 16, 16]), {}),
        ((torch.Size([10]),), {"image": IMAGE}),
        ((), {"image": (3, 16, 16), "ids": (10,)}),
        ((IDS.to("meta"), IMAGE.to("meta")), {}),
    ],
    ids=["tensors", "arrays", "shapes", "lists", "both", "by name", "without values"],
)
def test_tensors_arrays_and_shapes_are_the_same_inputs(args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
    totals = analyze(TokensAndImage(), *args, **kwargs).totals
    assert (totals.parameters, totals.macs) == (642, 42_352)
    assert dict(trace(TokensAndImage(), *args, **kwargs).inputs) in (
        {"ids": (10,), "image": (3, 16, 16)}, {"image": (3, 16, 16), "ids": (10,)},
    )  # fmt: skip


@pytest.mark.parametrize(
    "batch",
    [Batch((4,), {"more": [(5,)]}), Batch(torch.zeros(1, 4), {"more": [np.zeros((1, 5), dtype=np.float32)]})],
    ids=["shapes", "tensors"],
)
def test_inputs_may_lie_in_dataclasses_dicts_and_lists(batch: Batch) -> None:
    before = (batch.image, batch.others["more"][0])
    analysis = analyze(Nested(), batch)
    assert analysis.totals.macs == 4 * 3 + 5 * 3
    assert dict(analysis.network.inputs) == {"batch.image": (4,), "batch.others.more.0": (5,)}
    assert (batch.image, batch.others["more"][0]) == before if isinstance(before[0], tuple) else True


def test_an_array_is_not_written_to() -> None:
    class InPlace(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.fc = nn.Linear(3, 2)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return self.fc(x.add_(1.0))

    array = np.zeros((1, 3), dtype=np.float32)
    trace(InPlace(), array)
    assert not array.any()


def test_plain_values_are_handed_on() -> None:
    assert analyze(Steps(), (8,), steps=3).totals.macs == 3 * 64
    assert "rectified" not in str(trace(Steps(), (8,)).nodes)
    assert [node.layer.type for node in trace(Steps(), (8,), mode="rectified").nodes] == ["linear", "relu"]


def test_one_number_a_sample_has_an_empty_shape() -> None:
    network = trace(Noised(), (8,), ())
    assert dict(network.inputs) == {"x": (8,), "t": ()}
    assert analyze(network).totals.parameters == 72 + 16


def test_a_shape_that_brings_its_batch_of_one_picture_is_one_of_a_sample() -> None:
    module = nn.Sequential(nn.Conv2d(3, 4, 3), nn.Flatten(), nn.Linear(144, 2))
    analysis = analyze(module, (1, 3, 8, 8))
    assert dict(analysis.network.inputs) == {"input": (3, 8, 8)}
    assert [row.type for row in analysis.rows] == ["conv2d", "flatten", "linear"]
    assert analysis.totals.macs == 27 * 4 * 36 + 288


def test_an_error_says_that_no_tensor_was_given_and_how_to_say_what_lies_in_an_input() -> None:
    with pytest.raises(archscope.UsageError, match="Linear, given no tensor, stops"):
        trace(nn.Linear(3, 2), 3)
    with pytest.raises(archscope.UsageError, match=r"takes no input `input\.x`; name a function that returns all of"):
        trace(nn.Linear(3, 2), **{"input.x": (3,)})


def test_what_was_said_is_taken_as_it_is() -> None:
    with pytest.raises(archscope.UsageError) as raised:
        trace(TokensAndImage(), torch.zeros(1, 10), IMAGE)
    assert "whole numbers were tried" not in str(raised.value)


def test_the_attempt_that_went_furthest_tells_why_and_at_which_line() -> None:
    with pytest.raises(archscope.UsageError) as raised:
        trace(Hidden(), (3,))
    message = str(raised.value)
    assert "stops at `second`: it takes 5 features and is given 4 (at tests/tracing/called.py:" in message
    line = int(message.partition("called.py:")[2].partition(")")[0])
    assert (
        "self.second(self.first(x).relu())" in Path(called.__file__).read_text(encoding="utf-8").splitlines()[line - 1]
    )
    assert "\n" not in message


@pytest.mark.parametrize(
    ("args", "kwargs", "message"),
    [
        (((10,),), {}, "`forward` of TokensAndImage wants `image` too; pass image=(3, 224, 224), the shape"),
        ((), {"image": (3, 16, 16)}, "wants `ids` too; pass ids=(128,), the shape of one sample, or a tensor"),
        (((10,), (3, 16, 16), (2,)), {}, "takes 2 (ids, image), and 3 inputs are stated"),
        (((10,),), {"imagee": (3, 16, 16)}, "takes no input `imagee`; did you mean `image`?"),
        (((10,), (3, 16, 16)), {"ids": (10,)}, "`ids` of TokensAndImage is stated twice"),
        (((10,), (3, 0, 16)), {}, "3×0×16 is no shape"),
        ((), {}, "state the shape of each input"),
    ],
)
def test_inputs_that_forward_does_not_take_are_refused(
    args: tuple[Any, ...], kwargs: dict[str, Any], message: str
) -> None:
    with pytest.raises(archscope.UsageError) as raised:
        trace(TokensAndImage(), *args, **kwargs)
    assert message in str(raised.value)


def test_a_bare_number_is_the_value_that_a_signature_says_it_is() -> None:
    from archscope.tracing.filling import filled

    class Said(nn.Module):
        def forward(self, x: torch.Tensor, depth: int, other: torch.Tensor, length=3, free=None):  # type: ignore[no-untyped-def]
            return x

    call = Call((Given((2,), "float32"),), {"depth": Bare(4), "other": Bare(5), "length": Bare(6)})
    (depth, other, length), *_ = [tuple(each.kwargs.values()) for each in filled(Said(), call)]
    assert (depth, length) == (4, 6)
    assert other == Given((5,), "float32", batched=True)
    free = [each.kwargs["free"] for each in filled(Said(), Call((), {"free": Bare(7)}))]
    assert free[:3] == [7, Given((7,), "float32", batched=True), Given((7,), "int64", batched=True)]
    assert free[3:] == [Given((7,), "float32", batched=False), Given((7,), "int64", batched=False)]


def test_what_is_too_large_for_this_machine_stops_for_its_own_reason_and_not_for_want_of_memory() -> None:
    with pytest.raises(archscope.UsageError, match="takes 10,000,000 features and is given 3"):
        open_network("tests.tracing.called:larger_than_any_machine@3")


class States(nn.Module):
    """A cell's states by name; nothing says what they are."""

    def __init__(self) -> None:
        super().__init__()
        self.cell = nn.LSTMCell(4, 8)

    def forward(self, x, h, c):  # type: ignore[no-untyped-def]
        return self.cell(x[:, 0], (h, c))


def test_tensors_whose_type_nobody_said_are_of_one_type_before_they_are_of_several() -> None:
    found = call_thing(States(), (), {"x": Given((6, 4)), "h": Bare(8), "c": Bare(8)})
    assert {name: each.dtype for name, each in found.call.kwargs.items()} == dict.fromkeys("xhc", "float32")


class Chosen(nn.Module):
    """Looks at values; PyTorch has a switch that makes some up."""

    def __init__(self) -> None:
        super().__init__()
        self.a = nn.Linear(4, 4)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.a(x)[self.a(x).sum(-1).nonzero()]


def test_a_module_on_meta_that_looks_at_values_is_told_to_be_made_on_the_cpu_and_no_switch_of_pytorchs() -> None:
    with torch.device("meta"):
        module = Chosen()
    with pytest.raises(archscope.UsageError) as told:
        trace(module, (4,))
    said = str(told.value)
    assert "stops: it looks at values (at " in said
    assert "test_calling.py:" in said
    assert ", and a module on meta has none: make it on the CPU; " in said
    assert "torch." not in said
    assert analyze(trace(Chosen(), (4,))).totals.macs == 2 * 16


def test_what_is_no_module_is_refused() -> None:
    with pytest.raises(archscope.UsageError, match="a value of type float is no network"):
        analyze(0.5, (3,))
    with pytest.raises(archscope.UsageError, match="inputs are for a module"):
        analyze(archscope.load("lenet5"), (3,))


@pytest.mark.filterwarnings("ignore:.*torch.jit.*:DeprecationWarning")
def test_wrapped_modules_are_read_as_what_they_hold() -> None:
    plain = trace(Steps(), (8,))
    for wrapped in (nn.DataParallel(Steps()), torch.compile(Steps()), nn.DataParallel(torch.compile(Steps()))):
        network = trace(wrapped, (8,))
        assert [node.name for node in network.nodes] == [node.name for node in plain.nodes]
        assert network.title == "Steps"
