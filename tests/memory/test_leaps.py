"""The fullest moment of equal blocks in a row is that of all of them run one by one, and takes the work of a few."""

from __future__ import annotations

from collections.abc import Sequence
from random import Random

import pytest

import archscope
from archscope.memory import activations
from archscope.memory.leaps import Blocks, Fullest, in_a_row
from archscope.memory.running import Run
from archscope.network import Network, Node
from archscope.observed import Observed

ONE = ("linear, out_features: 8", "relu", "dropout, p: 0.5", "layer_norm, normalized_shape: 8", "lstm, hidden_size: 8",
       "multihead_attention, num_heads: 2")  # fmt: skip
TWO = ("add", "multiply")


def drawn(chance: Random) -> str:
    """A spec of equal blocks in a row, with what may break them: another layer in one, a result, long reads."""
    kinds = [chance.choice(ONE) for _ in range(chance.randint(1, 5))]
    reads = [(chance.choice(("before", "before", "before", "outside", "block", "blocks")), chance.random() < 0.4)
             for _ in kinds]  # fmt: skip
    lines = ["  o0: {type: linear, out_features: 8, from: input}", "  o1: {type: relu, from: o0}"]
    names, unread = ["o0", "o1"], {"o1"}
    many = chance.randint(2, 9)
    odd = chance.randrange(many) if chance.random() < 0.3 else -1
    shares = chance.random() < 0.3
    for block in range(many):
        for number, (kind, (far, joins)) in enumerate(zip(kinds, reads, strict=True)):
            at = {"before": -1, "block": -len(kinds), "blocks": -2 * len(kinds), "outside": 0}[far]
            other = names[at] if at and len(names) + at >= 0 else names[0]
            read = names[-1]
            kind = chance.choice(ONE) if block == odd and number == 0 else kind
            shared = f", shares: b0x{number}" if shares and kind == ONE[0] and block and odd < 0 else ""
            lines.append(f"  b{block}x{number}: {{type: {kind}{shared}, from: {read}}}")
            names.append(f"b{block}x{number}")
            unread = (unread - {read}) | {names[-1]}
            if joins:
                lines.append(f"  j{block}x{number}: {{type: {TWO[number % 2]}, from: [{names[-1]}, {other}]}}")
                unread -= {names[-1], other}
                names.append(f"j{block}x{number}")
                unread.add(names[-1])
    kept = sorted(unread | ({chance.choice(names)} if chance.random() < 0.3 else set()))
    text = "\n".join(lines)
    return f"input: [5, 8]\noutput: [{', '.join(kept)}]\nlayers:\n{text}\n"


def ran(network: Network) -> tuple[Fullest, int]:
    """The run of which the fullest moment is asked, and how many layers it ran."""
    run, many = Fullest(network, 1, "float32"), 0
    one = run._one

    def counting(node: Node) -> None:
        nonlocal many
        many += 1
        one(node)

    run._one = counting  # type: ignore[method-assign]
    run.build()
    run.forward()
    return run, many


def one_by_one(network: Network) -> Run:
    run = Run(network, 1, "float32", training=False, holds_inputs=False)
    run.build()
    run.forward()
    return run


def test_equal_blocks_that_are_left_out_change_nothing() -> None:
    left_out = 0
    for seed in range(150):
        network = archscope.read(drawn(Random(seed)))
        if seed % 3 == 0:  # as a file of another tool
            network = network.replace(
                observed=Observed(operations=len(network.nodes), batch=1, held=9, frozen=0, built=bool(seed % 2))
            )
        (run, many), plain = ran(network), one_by_one(network)
        assert run.ledger.peak == plain.ledger.peak, seed
        assert run.ledger.held == plain.ledger.held, seed
        assert run.not_covered == plain.not_covered, seed
        left_out += many < len(network.nodes)
    assert left_out > 50


@pytest.mark.parametrize(
    "spec", ["resnet@152", "densenet@121", "gpt2@xl", "unet", "transformer@big", "mobilenet-v2", "vit@l16"]
)
def test_published_networks_hold_what_their_layers_hold_one_by_one(spec: str) -> None:
    network = archscope.load(spec)
    assert ran(network)[0].ledger.peak == one_by_one(network).ledger.peak


def repeated(blocks: int, last: str = "") -> str:
    """A spec of blocks that each take and let go some values."""
    block = "{layers: {a: {type: linear, out_features: 64}, b: {type: relu}, c: {type: linear, out_features: 8}, "
    block += "d: {type: add, from: [input, c]}}}"
    return f"input: [8]\nblocks: {{b: {block}}}\nlayers:\n  x: {{type: b, repeat: {blocks}}}\n{last}"


def test_ten_times_the_blocks_run_the_same_few() -> None:
    few, many = (archscope.read(repeated(blocks)) for blocks in (10, 100))
    assert ran(few)[1] == ran(many)[1] < 15
    assert activations(few, 1, "") == activations(many, 1, "") == (4 * (8 + 64 + 64), {})


def test_a_network_of_which_a_layer_was_seen_to_run_otherwise_runs_layer_by_layer() -> None:
    network = archscope.read(repeated(10))
    seen = Observed(operations=40, batch=1, held=9, frozen=0)
    assert ran(network.replace(observed=seen))[1] < 15
    assert ran(network.replace(observed=seen.replace(in_place=frozenset({"x.4.b"}))))[1] == 40


def test_what_is_larger_after_the_blocks_is_the_fullest() -> None:
    network = archscope.read(
        repeated(20, "  y: {type: linear, out_features: 1000}\n  z: {type: linear, out_features: 3}\n")
    )
    assert ran(network)[1] < 15
    assert activations(network, 1, "")[0] == 4 * (1000 + 8)


def test_blocks_that_leave_more_each_time_all_run() -> None:
    down = "".join(f"  d{at}: {{type: linear, out_features: 8}}\n" for at in range(20))
    up = "".join(
        f"  u{at}: {{type: add, from: [{f'u{at + 1}' if at < 19 else 'd19'}, d{at}]}}\n" for at in range(19, -1, -1)
    )
    network = archscope.read(f"input: [8]\nlayers:\n{down}{up}")
    assert ran(network)[1] == len(network.nodes)
    assert activations(network, 1, "")[0] == one_by_one(network).ledger.peak.total - 4 * 20 * 72


@pytest.mark.parametrize("times", range(4, 10))
def test_values_that_lie_otherwise_after_each_block_are_told_apart(times: int) -> None:
    turns = "".join(f"  t{at}: {{type: permute, dims: [1, 0]}}\n" for at in range(times))
    rest = "  f: {type: flatten}\n  s: {type: linear, out_features: 3}\n"
    network = archscope.read(f"input: [8, 8]\nlayers:\n{turns}{rest}")
    held = activations(network, 1, "")[0]
    assert held == one_by_one(network).ledger.peak.total - 4 * (64 * 3 + 3)
    assert held == 4 * (64 + (64 if times % 2 else 3))  # what is turned an odd number of times is copied


@pytest.mark.parametrize(
    ("reads", "found"),
    [
        # A layer that all read, and a chain beside it.
        ([(), *(((0, 0), (number - 1, 0)) for number in range(1, 7))], [Blocks(1, 1, 6)]),
        # Another result of a layer.
        ([(), *(((number - 1, number % 2),) for number in range(1, 9))], [Blocks(1, 2, 4)]),
        # Two layers back: the second reads the first from outside, and no other does.
        ([((max(0, number - 2), 0),) for number in range(12)], [Blocks(2, 2, 5)]),
        # Three are run as they are.
        ([(), ((0, 0),), ((1, 0),)], []),
    ],
)  # fmt: skip
def test_blocks_are_found_by_what_they_read(reads: Sequence[Sequence[tuple[int, int]]], found: list[Blocks]) -> None:
    assert [*in_a_row([*map(len, reads)], reads)] == found
