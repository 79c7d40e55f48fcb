"""Layers along axes on shapes drawn at random, against PyTorch; and what networks make of their places and parts."""

from __future__ import annotations

import random

import pytest

import archscope
from archscope import analyze
from archscope.errors import Rejects, SpecError
from archscope.layers import TYPES
from archscope.oracles import verify
from archscope.reader import read

torch = pytest.importorskip("torch", reason="PyTorch is not installed")

DRAWS = range(60)


def drawn(seed: int, least: int = 1) -> tuple[random.Random, tuple[int, ...]]:
    chance = random.Random(seed)
    return chance, tuple(chance.randint(1, 6) for _ in range(chance.randint(least, 4)))


@pytest.mark.parametrize("seed", DRAWS)
def test_axes_are_turned_as_pytorch_turns_them(seed: int) -> None:
    chance, shape = drawn(seed)
    order = list(range(len(shape)))
    chance.shuffle(order)
    dims = [axis - chance.choice((0, len(shape))) for axis in order]
    facts = TYPES["permute"](dims=dims).facts(shape)
    assert facts.output == tuple(torch.zeros(shape).permute(order).shape)
    one, other = chance.choice(order), chance.choice(order)
    turned = TYPES["transpose"](dim0=one, dim1=other - len(shape)).facts(shape)
    assert turned.output == tuple(torch.zeros(shape).transpose(one, other).shape)
    # Turned again it is as before.
    assert TYPES["transpose"](dim0=one, dim1=other).facts(turned.output).output == shape


@pytest.mark.parametrize("seed", DRAWS)
def test_a_slice_is_pythons_slice(seed: int) -> None:
    chance, shape = drawn(seed)
    axis, reach = chance.randrange(len(shape)), shape[-1] + 3
    start, step = chance.randint(-reach, reach), chance.randint(1, 3)
    end = chance.choice((None, chance.randint(-reach, reach)))
    layer = TYPES["slice"](dim=axis, start=start, end=end, step=step)
    positions = list(range(shape[axis]))[start:end:step]
    if not positions:
        with pytest.raises(Rejects, match="leaves nothing of"):
            layer.facts(shape)
        return
    facts = layer.facts(shape)
    assert facts.output == (*shape[:axis], len(positions), *shape[axis + 1 :])
    if axis:
        window = (facts.windows or ())[axis - 1]
        assert [place * window.stride - window.padding for place in range(len(positions))] == positions
    else:
        assert facts.windows == ()


@pytest.mark.parametrize("seed", DRAWS)
def test_axes_of_one_value_come_and_go_as_in_pytorch(seed: int) -> None:
    chance, shape = drawn(seed)
    place = chance.randint(-len(shape) - 1, len(shape))
    wider = TYPES["unsqueeze"](dim=place).facts(shape).output
    assert wider == tuple(torch.zeros(shape).unsqueeze(place).shape)
    assert TYPES["squeeze"](dim=place).facts(wider).output == shape
    size = [chance.randint(1, 5) if extent == 1 else chance.choice((-1, extent)) for extent in shape]
    assert TYPES["expand"](size=size).facts(shape).output == tuple(torch.zeros(shape).expand(size).shape)
    squeezed = tuple(extent for extent in shape if extent > 1)
    if squeezed:
        assert TYPES["squeeze"]().facts(shape).output == squeezed


@pytest.mark.parametrize("seed", DRAWS)
def test_parts_are_those_of_pytorch_and_together_the_whole(seed: int) -> None:
    chance, shape = drawn(seed)
    axis = chance.randrange(len(shape))
    chunks = chance.randint(1, shape[axis])
    made = [tuple(each.shape) for each in torch.zeros(shape).chunk(chunks, axis)]
    layer = TYPES["chunk"](chunks=chunks, dim=axis)
    if len(made) < chunks:
        with pytest.raises(Rejects, match=f"are {len(made)}, not {chunks}"):
            layer.facts(shape)
        return
    facts = layer.facts(shape)
    assert facts.outputs == tuple(made)
    again = TYPES["split"](split_size=[each[axis] for each in made], dim=axis - len(shape)).facts(shape)
    assert again.outputs == facts.outputs
    assert TYPES["concat"](dim=axis).facts(*facts.outputs).output == shape


@pytest.mark.parametrize("seed", DRAWS)
@pytest.mark.parametrize("type_", ["mean", "sum", "max"])
def test_a_reduction_leaves_what_pytorch_leaves_and_its_one_position_sees_all(type_: str, seed: int) -> None:
    chance, shape = drawn(seed, least=2)
    axes = chance.sample(range(len(shape)), chance.randint(1, len(shape) - 1))
    function = {"mean": torch.mean, "sum": torch.sum, "max": torch.amax}[type_]
    for keep in (False, True):
        facts = TYPES[type_](dim=axes, keepdim=keep).facts(shape)
        assert facts.output == tuple(function(torch.zeros(shape), axes, keepdim=keep).shape)
    for axis, window in enumerate(facts.windows or (), start=1):
        assert (window.kernel, window.padding) == (shape[axis] if axis in axes else 1, 0)
    assert facts.windows is not None
    assert bool(facts.windows) is bool(set(axes) - {0})


def spec(layers: str) -> archscope.Network:
    return read(f"name: tried\ninput: [4, 20, 20]\nlayers:\n{layers}")


def test_a_part_is_read_by_its_number() -> None:
    network = spec("  cut: {type: split, split_size: [1, 3]}\n"
                   "  a: {type: abs, from: cut.1}\n"
                   "  b: {type: multiply, from: [cut.0, a]}\n")  # fmt: skip
    assert network.facts["a"].output == (3, 20, 20)
    assert analyze(network)["b"].output == (3, 20, 20)
    built = archscope.build(network)
    given = torch.randn(2, 4, 20, 20)
    assert torch.equal(built(given), given[:, :1] * given[:, 1:].abs())


def test_a_part_that_is_not_there_is_a_mistake_and_one_of_a_broken_layer_is_none() -> None:
    with pytest.raises(SpecError) as caught:
        spec("  cut: {type: split, split_size: [1, 3]}\n  a: {type: abs, from: cut.2}\n")
    assert "`cut` (split) has no output `2`" in str(caught.value)
    with pytest.raises(SpecError) as caught:
        spec("  cut: {type: split, split_size: [0, 4]}\n  a: {type: abs, from: cut.1}\n")
    assert [each.name for each in caught.value.diagnostics] == ["wrong-value"]


def test_what_is_cropped_looks_where_it_was_and_not_where_its_size_came_from() -> None:
    network = spec("  one: {type: conv2d, out_channels: 2, kernel_size: 3}\n"
                   "  two: {type: conv2d, out_channels: 2, kernel_size: 5}\n"
                   "  cut: {type: crop, from: [one, two]}\n"
                   "  part: {type: slice, dim: 1, start: 1, end: -2, step: 2}\n"
                   "  rows: {type: max, dim: 1, keepdim: true}\n")  # fmt: skip
    analysis = analyze(network)
    assert (analysis["one"].output, analysis["two"].output) == ((2, 18, 18), (2, 14, 14))
    assert analysis["cut"].output == (2, 14, 14)
    assert analysis["cut"].receptive_field == (3, 3)
    assert [seen.start for seen in (analysis["cut"].seen, analysis["part"].seen)] == [(2, 2), (3, 2)]
    assert analysis["part"].output == (2, 6, 14)
    assert analysis["rows"].receptive_field == (5 * 2 + 3, 3)
    found = verify(network, ["field", "module"])
    assert [each.sentence for each in found.differing] == []


def test_a_view_takes_no_memory_of_its_own() -> None:
    plain = analyze(spec("  a: {type: exp}\n"))
    seen = analyze(spec("  v: {type: transpose, dim0: 1, dim1: 2}\n  w: {type: slice, end: 2}\n  a: {type: exp}\n"))
    values = plain.peak_activation_bytes() // 4
    assert values == 2 * 4 * 20 * 20
    assert seen.peak_activation_bytes() // 4 == 4 * 20 * 20 + 2 * 20 * 20
