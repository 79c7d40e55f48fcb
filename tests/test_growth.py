"""What is written four times as often takes about four times the work, whatever it is: nothing grows with a square.

The work is counted in lines of Python that run, which no clock and no other program on the machine changes.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress

import pytest

import archscope
from archscope import limits, reader
from archscope.diagrams.graph import across
from archscope.diagrams.graph.across import Child, Ranking
from archscope.diagrams.graph.calls import called, calls_beside
from archscope.diagrams.graph.level import _Layout
from archscope.diagrams.graph.ranks import Net
from archscope.diagrams.graph.sizes import Sizes
from archscope.diagrams.graph.units import units_of
from archscope.errors import ArchscopeError, NotFound, SpecError, did_you_mean
from archscope.formats import write
from archscope.memory import memory
from archscope.network import Network
from tests.steps import counted

FEW, FACTOR, AT_MOST = 40, 4, 6.5

RELU = "{type: relu}"


def lines(count: int, line: str) -> str:
    """Lines of `layers:`, each with its number and the next in the place of ``@`` and ``+``."""
    return "".join(f"  {line.replace('@', str(each)).replace('~', str(each + 1))}\n" for each in range(count))


def names(count: int, name: str) -> str:
    return ", ".join(name.replace("@", str(each)) for each in range(count))


FOUR = "input: [4]\n"
GROWING: dict[str, Callable[[int], str]] = {
    "layers": lambda n: f"{FOUR}layers:\n{lines(n, 'l@: {type: linear, out_features: 4}')}",
    "variants": lambda n: f"{FOUR}layers:\n  a: {RELU}\nvariants:\n{lines(n, 'v@: {title: t@}')}",
    "variants that set a name": lambda n: (
        f"{FOUR}let: {{d: 3}}\nlayers:\n  a: {{type: linear, out_features: $d}}\n"
        f"variants:\n{lines(n, 'v@: {let: {d: ~}}')}"
    ),
    "variants with mistakes": lambda n: (
        f"{FOUR}layers:\n  a: {RELU}\nvariants:\n{lines(n, 'v@: {layers: {b@: {outs: 3}}}')}"
    ),
    "names of let": lambda n: (
        f"{FOUR}let:\n{lines(n, 'n@: ~')}layers:\n{lines(n, 'l@: {type: linear, out_features: $n@}')}"
    ),
    "names of let that are not there": lambda n: f"{FOUR}let:\n{lines(n, 'n@: $m@+1')}layers:\n  a: {RELU}\n",
    "blocks": lambda n: (
        f"{FOUR}blocks:\n{lines(n, f'b@: {{layers: {{a: {RELU}}}}}')}layers:\n{lines(n, 'l@: {type: b@}')}"
    ),
    "blocks that nothing uses": lambda n: (
        f"{FOUR}blocks:\n{lines(n, f'b@: {{layers: {{a: {RELU}}}}}')}layers:\n{lines(n, f'l@: {RELU}')}"
    ),
    "inputs and options of a block": lambda n: (
        f"{FOUR}blocks:\n  b: {{inputs: [{names(n, 'i@')}], options: {{{names(n, 'o@: 1')}}}, "
        f"layers: {{a: {RELU}}}}}\nlayers:\n  x: {{type: b}}\n"
    ),
    "options of a block that are missing": lambda n: (
        f"{FOUR}blocks:\n  b: {{options: {{{names(n, 'o@: null')}}}, layers: {{a: {RELU}}}}}\n"
        f"layers:\n  x: {{type: b, {names(n, 'p@: 1')}}}\n"
    ),
    "outputs of a block": lambda n: (
        f"{FOUR}blocks:\n  b: {{outputs: [{names(n, 'q@')}], layers: {{{names(n, f'a@: {RELU}')}}}}}\n"
        "layers:\n  x: {type: b}\n"
    ),
    "columns": lambda n: (
        f"{FOUR}layers:\n  a: {{type: linear, columns: [{names(n, 'c@')}], rows: [[{names(n, '1')}]]}}\n"
    ),
    "rows": lambda n: f"{FOUR}layers:\n  a: {{type: linear, columns: [out_features], rows: [{names(n, '[4]')}]}}\n",
    "rows of a wrong length": lambda n: (
        f"{FOUR}layers:\n  a: {{type: linear, columns: [{names(n, 'c@')}], rows: [{names(n, '[1]')}]}}\n"
    ),
    "options": lambda n: f"{FOUR}layers:\n  a: {{type: linear, {names(n, 'c@: 1')}}}\n",
    "options in halves of brackets": lambda n: f"{FOUR}layers:\n  a: {{type: linear, {names(n, 'c@): 1')}}}\n",
    "layers that one reads": lambda n: (
        f"{FOUR}layers:\n{lines(n, 'l@: {type: relu, from: input}')}  a: {{type: add, from: [{names(n, 'l@')}]}}\n"
    ),
    "cycles": lambda n: (
        f"{FOUR}layers:\n{lines(n, 'l@: {type: add, from: [l~, l0]}')}  l{n}: {{type: relu, from: l0}}\n"
    ),
    "layers that are left out": lambda n: f"{FOUR}layers:\n  l0: {RELU}\n{lines(n, 'm@: {type: relu, when: false}')}",
    "layers that change nothing": lambda n: (
        f"{FOUR}layers:\n  l0: {RELU}\n{lines(n, 'm@: {type: relu, when: changes}')}"
    ),
    "dead ends beside layers that are left out": lambda n: (
        f"{FOUR}layers:\n{lines(n, 'l@: {type: relu, from: input}')}"
        f"{lines(n, 'm@: {type: add, from: [input, input], when: false}')}"
    ),
    "published figures": lambda n: (
        f"{FOUR}sources: {{s: t}}\nlayers:\n{lines(n, f'l@: {RELU}')}"
        f"published:\n{lines(n, '- {layer: l@, quantity: parameters, value: 0, source: s}')}"
    ),
    "titles of groups that are not there": lambda n: (
        f"{FOUR}layers:\n{lines(n, 'l@: {type: relu, group: g@}')}titles:\n{lines(n, 'h@: t')}"
    ),
    "inputs with the channels last": lambda n: (
        f"input:\n{lines(n, 'i@: [32, 32, 3]')}layers:\n{lines(n, 'l@: {type: relu, from: i@}')}"
        f"output: [{names(n, 'l@')}]\n"
    ),
    "sources that are cited and not named": lambda n: (
        f"{FOUR}sources: {{{names(n, 's@: t')}}}\nlayers:\n  a: {RELU}\n"
        f"published:\n{lines(n, '- {quantity: parameters, value: 0, source: q@}')}"
    ),
    "layers of an lstm": lambda n: (
        f"input: [4, 8]\nlayers:\n  a: {{type: lstm, hidden_size: 8, num_layers: {n // 3}}}\n"
    ),
}  # fmt: skip
"""Specs by how often something is said in them."""


def shown(text: str) -> None:
    """Read a spec and print its table and its memory, or say what is wrong with it."""
    with suppress(ArchscopeError):
        network = archscope.read(text, variant="v0" if "variants:" in text else None)
        write(archscope.analyze(network), "table")
        memory(network, 1)


@pytest.mark.parametrize("what", GROWING)
def test_four_times_as_much_is_about_four_times_the_work(what: str) -> None:
    text = GROWING[what]
    shown(text(2))  # what is loaded and remembered is not counted
    few = counted(lambda: shown(text(FEW)))
    many = counted(lambda: shown(text(FACTOR * FEW)))
    assert many <= AT_MOST * few, (few, many)


READ: dict[str, Callable[[int, int], tuple[int, ...]]] = {
    "the fifth beside it": lambda n, count: ((n + 5) % count,),
    "the one half across": lambda n, count: ((n + count // 2) % count,),
    "one and the next": lambda n, count: (n, (n + 1) % count),
    "one and one anywhere": lambda n, count: (n, n * 7 % count),
    "one in the middle": lambda n, count: (count // 2,) * (n > 0) + (n,),
}
"""Which of the layers of a row each of those below it reads, by its place and how many there are."""


@pytest.mark.parametrize("circle", [0.0, 6.0], ids=["boxes", "circles"])
@pytest.mark.parametrize("what", READ)
def test_lines_that_run_beside_each_other_are_that_much_more_work_as_there_are_more(what: str, circle: float) -> None:
    def work(count: int) -> None:
        rows = [Child(f"a{n}", 40.0, 20.0, 20.0) for n in range(count)]
        rows += [Child(f"b{n}", 40.0, 20.0, 20.0, circle=circle, center=10.0) for n in range(count)]
        read: dict[int, list[str]] = {}
        for n in range(count):
            for source in dict.fromkeys(READ[what](n, count)):
                read.setdefault(source, []).append(f"b{n}")
        ranking = Ranking(rows, [Net(f"a{n}", f"a{n}", tuple(targets)) for n, targets in read.items()])
        x = {child.key: 60.0 * (place % count) for place, child in enumerate(rows)}
        assert _Layout(ranking, x, Sizes()).level(None).routes

    few, many = counted(lambda: work(3 * FEW)), counted(lambda: work(FACTOR * 3 * FEW))
    assert many <= AT_MOST * few, (few, many)


def test_a_family_is_read_as_far_as_a_moment_allows_and_the_rest_is_looked_at(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "MOST_LINES_READ_AGAIN", 300)
    text = (
        f"{FOUR}let: {{n: 1}}\nblocks:\n  b: {{layers: {{a: {RELU}}}}}\nlayers:\n  x: {{type: b, repeat: $n}}\n"
        f"variants:\n{lines(16, 'v@: {let: {n: 20~}}')}"
    )
    read, real = [], reader.read_document
    monkeypatch.setattr(reader, "read_document", lambda *given: read.append(given) or real(*given))
    with pytest.raises(NotFound, match="name one of network@v0, network@v1"):
        archscope.read(text)
    assert len(read) == 1
    with pytest.raises(SpecError, match="the variant `v15`: the name `m` is never used"):
        archscope.read(text.replace("v15: {let: {n:", "v15: {let: {m:"))


def test_many_names_are_offered_by_how_they_begin() -> None:
    many = [f"layer{each}" for each in range(5000)]
    assert did_you_mean("layer49999", many, what="layers") == "did you mean `layer4999`?"
    assert did_you_mean("other", many, what="layers").startswith("layers: layer0, layer1, ")


@pytest.mark.parametrize(("text", "message"), [
    (f"{FOUR}layers:\n  a: {{type: relu, group: {'/'.join('a' * 65)}}}\n", "65 groups within one another"),
    (f"{FOUR}layers:\n  {'.'.join('a' * 66)}: {RELU}\n", "has 65 dots, more than 64"),
    (f"{FOUR}layers:\n  a: {{type: relu, towers: [{names(65, 't@')}]}}\n", "stands on 65 towers, more than 64"),
    (f"{FOUR}layers:\n  a: {{type: add, from: [{names(10_001, 'input')}]}}\n", "names 10,001 layers, more than 10,000"),
    (f"{FOUR}blocks:\n  b: {{layers: {{a: {RELU}}}}}\nlayers:\n  x: {{type: b, repeat: 20001}}\n", "up to 20,000"),
])  # fmt: skip
def test_what_no_network_has_is_refused_in_words(text: str, message: str) -> None:
    with pytest.raises(SpecError, match=message):
        archscope.read(text)


def test_a_cycle_marks_its_own_layers_and_no_others() -> None:
    text = (
        f"{FOUR}layers:\n  a: {{type: add, from: [b, c]}}\n  b: {{type: relu, from: a}}\n"
        "  c: {type: linear, out_features: 3, from: d}\n"
        "  d: {type: conv2d, out_channels: 1, kernel_size: 1, from: input}\n"
    )
    with pytest.raises(SpecError) as caught:
        archscope.read(text)
    assert [each.name for each in caught.value.diagnostics] == ["cycle", "shape-mismatch"]
    ring = "".join(f"  l{each}: {{type: relu, from: l{(each + 1) % 50}}}\n" for each in range(50))
    with pytest.raises(SpecError, match=r"`l0` → `l49` → .* → … → .* → `l1` → `l0`"):
        archscope.read(f"{FOUR}layers:\n{ring}")


def u_shaped(count: int) -> Network:
    """So many layers down, and as many up, each of which adds what the one across has."""
    down = lines(count, "d@: {type: linear, out_features: 4}")
    up = "".join(
        f"  a{each}: {{type: add, from: [{f'u{each + 1}' if each < count - 1 else f'd{each}'}, d{each}]}}\n"
        f"  u{each}: {{type: linear, out_features: 4}}\n"
        for each in reversed(range(count))
    )
    return archscope.read(f"{FOUR}layers:\n{down}{up}", name="u")


def test_a_graph_of_many_long_lines_is_that_much_more_work_as_it_has_more_of_them(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(across, "MOST_PASSES", 1_000)
    few, many = (archscope.draw(u_shaped(count), style="graph") for count in (FEW, FACTOR * FEW))
    small, large = counted(lambda: few.svg), counted(lambda: many.svg)
    assert large <= AT_MOST * small, (small, large)


@pytest.mark.parametrize("calls", [called, calls_beside])
def test_blocks_that_share_their_weights_are_looked_through_once(calls: Callable[..., object]) -> None:
    def called_of(count: int) -> int:
        blocks = "blocks:\n  b: {layers: {f: {type: linear, out_features: 4}, r: {type: relu}}}\n"
        last = "  t: {type: linear, out_features: 4, shares: l0.f}\n"
        text = f"{FOUR}{blocks}layers:\n{lines(count, 'l@: {type: b}')}{last}"
        units = units_of(archscope.analyze(archscope.read(text, name="shared")))
        return counted(lambda: calls(units))

    few, many = called_of(FEW), called_of(FACTOR * FEW)
    assert many <= AT_MOST * few, (few, many)
