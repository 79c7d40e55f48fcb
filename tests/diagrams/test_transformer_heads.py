"""A transformer that gives several outputs has a head for each, with its own parameters."""

from __future__ import annotations

import random
from typing import Any

import pytest

import archscope
from archscope.diagrams.transformer.model import Heads, Model, Node, Part, parts_of
from tests.diagrams.geometry import problems
from tests.diagrams.stacked import check, model, roles, strings
from tests.diagrams.test_transformer import OPTIONS

STEM = """
name: heads
input: {tokens: [16]}
blocks:
  block:
    layers:
      attn: {type: multihead_attention, num_heads: 4}
      add: {type: add, from: [input, attn]}
      norm: {type: layer_norm, normalized_shape: 32}
layers:
  embed: {type: embedding, num_embeddings: 50, embedding_dim: 32}
  h: {type: block, repeat: 3}
"""

POOL = "  pool: {type: linear, out_features: 32, activation: tanh, from: h}\n"
KIND = "  kind: {type: linear, out_features: 2, from: pool}\n"
WORD = "  word: {type: linear, out_features: 50, from: h}\n"
VALUE = "  value: {type: linear, out_features: 1, from: pool}\n"


def heads(found: Model) -> Any:
    """The ways above the last stack, as the names of their blocks; a list within one where it parts again."""

    def told(nodes: tuple[Node, ...]) -> list[Any]:
        return [[told(way) for way in node.ways] if isinstance(node, Heads) else next(_names(node)) for node in nodes]

    last = found.stacks[-1][-1]
    assert isinstance(last, Heads)
    return told((last,))[0]


def _names(node: Node) -> Any:
    return (part.head.name if isinstance(part, Part) else part.name for part in parts_of(node))


def parameters(found: Model) -> dict[str, int]:
    return {part.head.name: part.parameters[0] for part in found.parts}


def test_each_output_has_its_head_with_its_own_parameters() -> None:
    network = archscope.read(STEM + POOL + KIND + WORD + "output: [word, kind]\n")
    found = model(network)
    assert heads(found) == [["word"], ["pool"]]
    held = parameters(found)
    assert (held["word"], held["pool"]) == (33 * 50, 33 * 32 + 33 * 2)
    assert held["h.0.add"] == 2 * 32
    check(network)
    drawn = archscope.draw(network)
    assert drawn.style == "transformer"
    assert {"output word", "16×50", "output kind", "16×2"} <= set(strings(drawn.scene))


def test_heads_stand_in_the_order_of_the_outputs() -> None:
    assert heads(model(archscope.read(STEM + POOL + KIND + WORD + "output: [kind, word]\n"))) == [["pool"], ["word"]]


def test_what_two_heads_share_is_drawn_once_below_them() -> None:
    network = archscope.read(STEM + POOL + KIND + WORD + VALUE + "output: [kind, word, value]\n")
    assert heads(model(network)) == [["pool", [["kind"], ["value"]]], ["word"]]
    check(network)


def test_an_output_of_the_stream_itself_is_a_way_without_blocks() -> None:
    network = archscope.read(STEM + POOL + KIND + "output: [h, kind]\n")
    assert heads(model(network)) == [[], ["pool"]]
    check(network)
    assert "output h.2.norm" in strings(archscope.draw(network).scene)


def test_an_output_of_a_head_is_given_beside_what_reads_it() -> None:
    network = archscope.read(STEM + POOL + KIND + WORD + "output: [pool, kind, word]\n")
    assert heads(model(network)) == [["pool", [[], ["kind"]]], ["word"]]
    check(network)


CTC = "  ctc: {type: linear, out_features: 20}\n"
TWO = """
name: two
input: {sound: [12, 32], words: [6, 32]}
layers:
  attn: {type: multihead_attention, num_heads: 4, from: sound}
  memory: {type: add, from: [sound, attn]}
CTC  cross: {type: multihead_attention, num_heads: 4, from: [words, memory, memory]}
  add: {type: add, from: [words, cross]}
  word: {type: linear, out_features: 30}
"""


def test_an_encoders_head_stands_on_the_encoder() -> None:
    network = archscope.read(TWO.replace("CTC", CTC) + "output: [ctc, word]\n")
    assert roles(model(network)) == [["sound", "attention", "add", "linear"], ["words", "attention", "add", "linear"]]
    check(network)
    scene = archscope.draw(network).scene
    assert {("ctc", "output ctc"), ("word", "output word"), ("memory", "cross")} <= {
        (group.source, group.target) for group in scene.groups("edge")
    }


@pytest.mark.parametrize(("more", "also"), [("", ""), (CTC, "ctc, ")])
def test_what_an_encoder_gives_to_its_decoder_may_be_an_output_too(more: str, also: str) -> None:
    network = archscope.read(TWO.replace("CTC", more) + f"output: [memory, {also}word]\n")
    check(network)
    edges = {(group.source, group.target) for group in archscope.draw(network).scene.groups("edge")}
    assert {("word", "output word"), ("memory", "output memory"), ("memory", "cross")} <= edges


def test_a_head_below_something_that_attends_is_refused_with_its_name() -> None:
    spec = STEM + "  early: {type: linear, out_features: 3, from: embed}\n" + WORD + "output: [early, word]\n"
    with pytest.raises(archscope.UsageError, match="`early` leads to an output, but not from above the last block"):
        _ = archscope.draw(archscope.read(spec), style="transformer").scene
    chosen = archscope.draw(archscope.read(spec)).choice
    assert chosen.style == "graph"
    assert "`early` leads to an output" in str(chosen)


def test_a_head_that_reads_the_stream_at_two_places_is_refused() -> None:
    spec = STEM + POOL + "  both: {type: add, from: [embed, pool]}\n" + WORD + "output: [word, both]\n"
    with pytest.raises(archscope.UsageError, match="leads to an output, but not from above the last block"):
        _ = archscope.draw(archscope.read(spec), style="transformer").scene


def test_an_output_on_the_way_is_said_at_its_block_or_its_circle() -> None:
    network = archscope.read(STEM + WORD + "output: [embed, word]\n")
    check(network)
    [group] = [each for each in archscope.draw(network).scene.groups("layer") if each.layers == ("embed",)]
    assert "→ output embed" in [item.string for item in group.items if hasattr(item, "string")]
    bare = STEM.replace("      norm: {type: layer_norm, normalized_shape: 32}\n", "").replace("repeat: 3", "repeat: 1")
    network = archscope.read(
        bare + "  deep: {type: multihead_attention, num_heads: 4}\n  plus: {type: add, from: [h, deep]}\n"
        + WORD.replace("from: h", "from: plus") + "output: [h, word]\n"
    )  # fmt: skip
    assert "→ output h.0.add" in strings(archscope.draw(network, style="transformer").scene)
    check(network)


def random_heads(seed: int) -> str:
    """Some heads of some layers each, which may leave one another; any of their layers may be an output."""
    dice = random.Random(seed)
    lines, places, ends = [], ["h"], []
    for number in range(dice.choice([2, 3, 4])):
        at = dice.choice(places)
        for step in range(dice.choice([1, 1, 2, 3])):
            name = f"way{number}_{step}"
            kind = dice.choice(["{type: linear, out_features: 8", "{type: linear, out_features: 90, activation: relu",
                                "{type: dropout, p: 0.1", "{type: sigmoid"])  # fmt: skip
            lines.append(f"  {name}: {kind}, from: {at}}}")
            at = name
            places.append(name)
        ends.append(at)
    ends += [name for name in places if name not in ends and dice.random() < 0.2]
    return STEM + "\n".join(lines) + f"\noutput: [{', '.join(ends)}]\n"


@pytest.mark.parametrize("seed", range(24))
def test_any_heads_are_drawn_whole(seed: int) -> None:
    network = archscope.read(random_heads(seed))
    check(network, **OPTIONS[seed % 3])


def test_on_a_slide_heads_stay_above_their_stack() -> None:
    network = archscope.read(STEM + POOL + KIND + WORD + "output: [word, kind]\n")
    drawn = archscope.draw(network, page="16:9", font_size=6)
    found = problems(drawn.svg, network)
    assert [each for each in found if not each.startswith(("edge missing", "edge too many"))] == []
