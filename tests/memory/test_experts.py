"""Where values decide how many rows each expert has: what is held whatever they decide, the least and the most."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import product
from pathlib import Path
from typing import Any

import pytest

import archscope
from archscope.cli import main
from archscope.memory import Request, largest_batch, memory, per_layer
from archscope.memory.passes import Asked, decided
from archscope.memory.routes import Shares, Sum, least
from archscope.network import Network
from archscope.oracles.tracking import Called

EXPERTS = "type: mixture_of_experts, num_experts: 4, top_k: 2, hidden_features: 16"


def network(
    options: str = "", *, first: str = "linear, out_features: 8, every_position: true", last: int = 3
) -> Network:
    return archscope.read(f"""
        name: routed
        input: [5, 8]
        layers:
          first: {{type: {first}}}
          experts: {{{EXPERTS}{options}}}
          last: {{type: linear, out_features: {last}, every_position: true}}
        """)


OPTIONS = (
    "",
    ", bias: true, router_bias: true",
    ", gated: false, nonlinearity: relu",
    ", num_shared_experts: 2, bias: true, gated: false, nonlinearity: gelu",
    ", num_shared_experts: 1",
)


def totals(found: Any) -> dict[str, tuple[int, int]]:
    return {phase.name: (phase.after.total, phase.most.total) for phase in found.phases}


def choices(rows: Sequence[int], chosen: int) -> list[list[int]]:
    """Which experts each position chooses, so that each has its rows: those with most left, first."""
    left = [*rows]
    every = []
    for _ in range(sum(rows) // chosen):
        mine = sorted(range(len(left)), key=lambda expert: -left[expert])[:chosen]
        for expert in mine:
            left[expert] -= 1
        every.append(mine)
    assert not any(left)
    return every


@contextmanager
def routed(asked: Network, batch: int, rows: Sequence[int]) -> Iterator[Called]:
    """The built network, whose router scores positions so that the experts have these rows."""
    import torch

    from archscope.building import build

    model: Any = build(asked)
    experts = model.node("experts")

    def score(router: Any, _: object, scores: Any) -> None:
        with torch.utils._python_dispatch._disable_current_modes(), torch.no_grad():
            wanted = torch.zeros_like(scores)
            for position, mine in enumerate(choices(rows, experts.active)):
                wanted[position, mine] = 1
            scores.data.copy_(wanted)

    experts.router.register_forward_hook(score)
    yield Called(model, model.example_inputs(batch))


ROUTINGS = {"the same": (15, 15, 0, 0), "the last": (0, 0, 15, 15), "even": (8, 8, 7, 7), "any": (3, 15, 1, 11)}
"""Rows of 3·5 positions of which each chooses two of four."""


@pytest.mark.parametrize("rows", ROUTINGS.values(), ids=[*ROUTINGS])
@pytest.mark.parametrize("optimizer", [None, "adam"])
def test_the_tracker_counts_the_same_with_values_that_choose_so(optimizer: str | None, rows: tuple[int, ...]) -> None:
    from archscope.oracles.tracking import tracked

    asked = network()
    ours = memory(asked, 3, optimizer=optimizer, as_tracked=True, route=lambda *_: rows)
    theirs = tracked(lambda: routed(asked, 3, rows), optimizer, values=True)
    assert totals(ours) == theirs
    bounds = memory(asked, 3, optimizer=optimizer, as_tracked=True)
    for phase in bounds.phases:
        after, most = theirs[phase.name]
        assert phase.after.total == after
        assert phase.most.total <= most <= phase.at_most


@pytest.mark.parametrize("options", OPTIONS)
@pytest.mark.parametrize(("first", "optimizer", "autocast"), [
    ("rms_norm, normalized_shape: 8", None, None),
    ("rms_norm, normalized_shape: 8", "adam", "bfloat16"),
    ("linear, out_features: 8, every_position: true", "sgd", "bfloat16"),
])  # fmt: skip
def test_the_tracker_counts_the_same_however_values_choose(
    options: str, first: str, optimizer: str | None, autocast: str | None
) -> None:
    from archscope.oracles.routed import called
    from archscope.oracles.tracking import saved, tracked

    asked, rows = network(options, first=first), {}
    theirs = tracked(lambda: called(asked, 3, rows), optimizer, autocast=autocast, values=True)
    assert sum(rows["experts"]) == 2 * 3 * 5
    ours = memory(asked, 3, optimizer=optimizer, autocast=autocast, as_tracked=True, route=lambda *_: rows["experts"])
    assert totals(ours) == theirs
    if optimizer is not None:
        held = memory(asked, 3, optimizer=optimizer, autocast=autocast)["forward"].after.held
        assert held["saved"] + held["casts"] == saved(lambda: called(asked, 3, rows), autocast, values=True)


@pytest.mark.parametrize("optimizer", [None, "sgd"])
@pytest.mark.parametrize("options", ["", ", gated: false, nonlinearity: relu"])
def test_the_least_and_the_most_are_what_the_tracker_counts_with_the_rows_found(
    options: str, optimizer: str | None
) -> None:
    from archscope.oracles.tracking import tracked

    asked, passed = network(options), "forward" if optimizer is None else "backward"
    found = memory(asked, 3, optimizer=optimizer, as_tracked=True)[passed]
    request = Request(3, optimizer=optimizer)
    spans = decided(Asked(asked, request, (), as_tracked=True)).spans()  # type: ignore[union-attr]
    kindly = tracked(lambda: routed(asked, 3, spans[passed].rows["experts"]), optimizer, values=True)  # type: ignore[index]
    assert kindly[passed][1] == found.most.total < found.at_most
    # The most is where all positions choose the same two; one of the six pairs of them.
    pairs = [tuple(15 * (expert in pair) for expert in range(4)) for pair in ((0, 1), (0, 2), (0, 3), (1, 2), (2, 3))]
    assert max(tracked(lambda rows=rows: routed(asked, 3, rows), optimizer, values=True)[passed][1]
               for rows in pairs) == found.at_most  # fmt: skip


SMALL = {
    "three": (3, 2, "norm: {type: rms_norm, normalized_shape: 4}", ""),
    "shared": (3, 1, "first: {type: linear, out_features: 4, every_position: true}", ", num_shared_experts: 1"),
    "two layers": (2, 1, "before: {type: mixture_of_experts, num_experts: 2, top_k: 1, hidden_features: 3}", ""),
    "all of them": (3, 3, "norm: {type: rms_norm, normalized_shape: 4}", ""),
}


@pytest.mark.parametrize("way", [{}, {"optimizer": "sgd"}, {"optimizer": "sgd", "checkpoint": ["part"]}], ids=str)
@pytest.mark.parametrize(("experts", "chosen", "first", "more"), SMALL.values(), ids=[*SMALL])
def test_no_rows_hold_less_or_more_than_is_said(
    experts: int, chosen: int, first: str, more: str, way: dict[str, Any]
) -> None:
    asked = archscope.read(f"""
        input: [3, 4]
        blocks:
          part:
            layers:
              mix: {{type: mixture_of_experts, num_experts: {experts}, top_k: {chosen}, hidden_features: 5{more}}}
              add: {{type: add, from: [input, mix]}}
        layers:
          {first}
          body: {{type: part}}
        """)
    nodes = {node.name: node.layer.routing(asked.facts[node.name]) for node in asked.nodes}
    every = {name: [rows for rows in product(range(4), repeat=of.parts) if sum(rows) == of.chosen * 3]
             for name, of in nodes.items() if of is not None}  # fmt: skip
    tried = []
    for rows in product(*every.values()):
        of = dict(zip(every, rows, strict=True))
        tried.append(memory(asked, route=lambda node, *_, of=of: of[node.name], **way))
    found = memory(asked, **way)
    assert not found.not_covered
    for place, phase in enumerate(found.phases):
        phases = [each.phases[place] for each in tried]
        assert {each.after.total for each in phases} == {phase.after.total}
        most = [each.most.total for each in phases]
        assert (min(most), max(most)) == (phase.most.total, phase.at_most)
        assert (phase.ceiling is None) == (min(most) == max(most))


def test_what_is_kept_goes_by_the_rows_of_all_experts_together() -> None:
    # 3·5 positions of 8 features, 2 of 4 experts, 16 hidden features. Of all positions: the input itself is what the
    # first layer makes, 8; shares 4, those chosen 2 and their sum 1, and which they are, 2 of 8 bytes. A row keeps what
    # came 8, two dense layers 2·16, SiLU 16, their product 16, what it makes 8, its share 1 and both multiplied 8, and
    # its place and rank, of 8 bytes. Around it: the image, 8.
    position = 4 * (8 + 8 + 4 + 2 + 1) + 8 * 2
    row = 4 * (8 + 2 * 16 + 16 + 16 + 8 + 1 + 8) + 8 * 2
    output = 4 * 8  # the last layer keeps what it reads, the sum of the experts
    found = memory(network(), 3, optimizer="sgd")["forward"]
    assert found.after.held["saved"] == 15 * (position + 2 * row + output)
    assert found.ceiling is None


def test_rows_are_given_from_the_first_where_nothing_is_kept_and_from_the_last_where_something_is() -> None:
    # 8·10 = 80, 2·10 + 8·8 = 84: with (10, 8) 84; with (11, 7) 88.
    assert least([Sum(0, (8, 0)), Sum(0, (2, 8))], Shares(2, 1, 18)) == (84, (10, 8))
    # A row takes 3 bytes once it has run and 5 while it does: 5·8 = 40, 3·8 + 5·4 = 44; with (9, 3) 45, with (7, 5) 46.
    # Beside the 3·12 = 36 of all rows that is 2·8 - 3·4 and 2·4.
    assert least([Sum(0, (2, -3)), Sum(0, (0, 2))], Shares(2, 1, 12)) == (8, (8, 4))
    # No part has more rows than there are positions.
    assert least([Sum(0, (1, 0)), Sum(90, (0, 1))], Shares(2, 1, 8)) == (90, (8, 0))


def test_a_bound_is_not_said_to_be_reached_where_rows_that_reach_it_are_not_found() -> None:
    # The last sum is of neither form. Without it 4 is the least, with rows (4, 4, 4); with them it is 8.
    sums = [Sum(0, (1, 0, 0)), Sum(0, (0, 1, 0)), Sum(0, (0, 0, 1)), Sum(0, (1, 0, 1))]
    assert least(sums, Shares(3, 1, 12)) == (4, None)


def test_a_batch_fits_whatever_values_decide() -> None:
    asked, room = network(), 1 << 20
    batch = largest_batch(asked, room, Request(optimizer="sgd"))
    assert memory(asked, batch, optimizer="sgd").at_most <= room < memory(asked, batch + 1, optimizer="sgd").at_most


def test_what_a_mixture_of_experts_holds_meanwhile_is_no_number_of_a_table() -> None:
    found = per_layer(network())
    assert found["experts"] is not None
    assert found["experts"].temporary_bytes is None
    assert found["experts"].saved_bytes > 0
    assert found["last"] is not None
    assert found["last"].temporary_bytes is not None


def test_mixtral_is_exact_after_each_phase_and_bounded_meanwhile(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["memory", "mixtral", "--optimizer", "adam"]) == 0
    told = " ".join(capsys.readouterr().out.split())
    assert "not covered" not in told
    assert "backward: at least " in told
    assert told.count("at least") == told.count("at most") == 2  # of that phase, and of all
    assert f"gradients {46_702_792_704 * 4:,} values" in told
    assert "Values decide: `decoder.0.experts` and 31 more, what it holds meanwhile goes by how many positions" in told


def test_every_format_has_the_most_that_values_can_make_of_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    spec = tmp_path / "mixed.yaml"
    spec.write_text(f"name: mixed\ninput: [6, 8]\nlayers:\n  experts: {{{EXPERTS}}}\n")
    assert main(["memory", str(spec), "--optimizer", "sgd", "-f", "json"]) == 0
    plain = json.loads(capsys.readouterr().out)
    low, high = (sum(plain["phases"][3]["most"].values()), plain["phases"][3]["at_most"])
    assert low < high
    assert [*plain["decided"]] == ["experts"]
    for name in ("csv", "markdown", "html", "latex"):
        assert main(["memory", str(spec), "--optimizer", "sgd", "-f", name]) == 0
        told = capsys.readouterr().out
        assert "at most" in told.lower()
        assert f"{high:,}" in told or f"{high:,}".replace(",", "{,}") in told or str(high) in told
    assert main(["memory", str(spec), "--optimizer", "sgd", "--batch", "99", "--fits", "64KiB"]) == 0
    told = " ".join(capsys.readouterr().out.split())
    assert "as it may need" in told
    assert "fits, whatever values decide." in told


def test_verify_holds_a_small_one_against_the_tracker_and_names_a_large_one(tmp_path: Path) -> None:
    from archscope.analysis import analyze
    from archscope.oracles.case import Case
    from archscope.oracles.findings import Verdict
    from archscope.oracles.memory import observe

    found = [*observe(Case(analyze(network())))]
    assert {each.verdict for each in found} == {Verdict.AGREES}
    said = {each.quantity for each in found}
    assert {"bytes after build, inference", "most bytes in backward, training with Adam", "saved bytes"} <= said
    large = network(last=4_000_000)
    (why, *_) = [each.why for each in observe(Case(analyze(large))) if each.verdict is Verdict.NOT_COVERED]
    assert "`experts`: values decide which rows it has, and the network is too large" in why
