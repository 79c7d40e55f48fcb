"""Files of weights as witnesses: layers are found by name, by shape, by how much a part has; the rest is told apart."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import archscope
from archscope.cli import main
from archscope.importing.weights.stored import Tensor
from archscope.layers.base import Weight
from archscope.observed import Observed
from archscope.oracles import Verdict, Verification, verify
from archscope.oracles.placing import Own, Placing
from tests.importing.weight_files import gguf, safetensors

Shapes = dict[str, Any]

MIXED = """
input: [3, 8, 8]
layers:
  first: {type: conv2d, out_channels: 4, kernel_size: 3, bias: false}
  norm: {type: batch_norm}
  flat: {type: flatten}
  last: {type: linear, out_features: 5}
"""
MIXED_SHAPES: Shapes = {
    "first.weight": (4, 3, 3, 3), "norm.weight": (4,), "norm.bias": (4,), "norm.running_mean": (4,),
    "norm.running_var": (4,), "norm.num_batches_tracked": ((), "I64"), "last.weight": (5, 144), "last.bias": (5,),
}  # fmt: skip
"""4·36 after the convolution; 108 + 8 + 725 are trained, and 8 are statistics."""


def seen(text: str, shapes: Shapes, folder: Path) -> Verification:
    return verify(archscope.read(text), weights=safetensors(folder / "w.safetensors", shapes))


def verdicts(found: Verification) -> dict[str, Verdict]:
    return {name or "total": found.verdict(name, "weights") for name in found.layers if found.cell(name, "weights")}


def total(found: Verification, quantity: str = "parameters") -> tuple[Any, Any, Verdict]:
    (only,) = [each for each in found.cell(None, "weights") if each.quantity == quantity]
    return only.ours, only.theirs, only.verdict


def test_names_place_every_tensor_and_statistics_are_no_parameters(tmp_path: Path) -> None:
    found = seen(MIXED, MIXED_SHAPES, tmp_path)
    assert verdicts(found) == dict.fromkeys(("first", "norm", "last", "total"), Verdict.AGREES)
    assert total(found) == (841, 841, Verdict.AGREES)
    assert total(found, "fixed") == (8, 8, Verdict.AGREES)


def test_a_tensor_of_another_shape_differs_at_its_layer_and_in_all(tmp_path: Path) -> None:
    found = seen(MIXED, MIXED_SHAPES | {"last.weight": (5, 100)}, tmp_path)
    assert [each.sentence for each in found.differing] == [
        "last: weights is bias 5, weight 5×144; weights counts bias 5, weight 5×100",
        "last: parameters is 725; weights counts 505",
        "total: parameters is 841; weights counts 621",
    ]


def test_other_names_are_placed_by_their_shapes_in_the_order_of_their_numbers(tmp_path: Path) -> None:
    shapes = {f"model.{10 * (name == 'last') + 2}{name}.{kind}": shape
              for name, kind, shape in ((*key.split("."), said) for key, said in MIXED_SHAPES.items())}  # fmt: skip
    found = seen(MIXED, shapes, tmp_path)
    assert verdicts(found) == dict.fromkeys(("first", "norm", "last", "total"), Verdict.AGREES)
    assert total(found, "fixed") == (8, 8, Verdict.AGREES)


def test_what_one_side_alone_has_is_named(tmp_path: Path) -> None:
    shapes = {name: shape for name, shape in MIXED_SHAPES.items() if not name.startswith("last")}
    found = seen(MIXED, shapes | {"head.weight": (7, 11)}, tmp_path)
    assert verdicts(found)["last"] is Verdict.NOT_COVERED
    (only,) = found.differing
    assert only.why == "the file alone has `head.weight` 7×11; the network alone has `last`"
    assert (only.ours, only.theirs) == (841, 108 + 8 + 77)


LANGUAGE = """
input: {tokens: {shape: [6], vocabulary: 20}}
layers:
  words: {type: embedding, num_embeddings: 20, embedding_dim: 8}
  mix: {type: multihead_attention, num_heads: 2}
  head: {type: linear, out_features: 20, bias: false, shares: words}
"""
APART: Shapes = {
    "emb.weight": (20, 8), **{f"block.attn.{name}.weight": (8, 8) for name in "qkvo"},
    **{f"block.attn.{name}.bias": (8,) for name in "qkvo"},
}  # fmt: skip


def test_what_is_one_layer_here_may_be_several_tensors_there_and_a_tied_head_is_stored_once(tmp_path: Path) -> None:
    found = seen(LANGUAGE, APART, tmp_path)
    assert verdicts(found) == {"words": Verdict.AGREES, "mix": Verdict.AGREES, "head": Verdict.NOT_COVERED,
                               "total": Verdict.AGREES}  # fmt: skip
    assert total(found)[1] == 20 * 8 + 4 * (8 * 8 + 8)


def with_unread(*unread: Weight) -> Any:
    network = archscope.read(MIXED)
    return network.replace(observed=Observed(operations=4, batch=1, frozen=0, held=841, origin=(), built=True,
                                             unused=unread))  # fmt: skip


def test_weights_that_nothing_reads_count_on_both_sides(tmp_path: Path) -> None:
    network = with_unread(Weight("mask", (3,)), Weight("still", (2,), trainable=False))
    whole = verify(network, weights=safetensors(tmp_path / "w", MIXED_SHAPES | {"mask": (3,), "still": (2,)}))
    assert [total(whole, each) for each in ("parameters", "fixed")] == [
        (844, 844, Verdict.AGREES), (10, 10, Verdict.AGREES)]  # fmt: skip
    without = verify(with_unread(Weight("mask", (3,))), weights=safetensors(tmp_path / "v", MIXED_SHAPES))
    (only,) = without.of(Verdict.EXPLAINED)
    assert (only.ours, only.theirs, only.why) == (844, 841, "3 are weights that nothing reads, which the file has not")


def test_a_table_that_is_tied_may_be_stored_under_every_name_that_it_has(tmp_path: Path) -> None:
    text = """
input: {tokens: {shape: [6], vocabulary: 20}}
blocks:
  scaled: {layers: {table: {type: embedding, num_embeddings: 20, embedding_dim: 8}}}
layers:
  enc: {type: scaled}
  head: {type: linear, out_features: 20, bias: false, shares: enc.table}
"""
    network = archscope.read(text)
    owner, head = (node.name for node in network.nodes)
    copies: Shapes = {
        "shared.weight": (20, 8),
        f"{owner.rpartition('.')[0]}.weight": (20, 8),
        f"{head}.weight": (20, 8),
    }
    found = verify(network, weights=safetensors(tmp_path / "w", copies))
    (only,) = found.of(Verdict.EXPLAINED)
    assert (only.ours, only.theirs) == (160, 480)


def test_what_is_kept_beside_parameters_is_explained(tmp_path: Path) -> None:
    beside: Shapes = {"lm_head.weight": (20, 8), "block.attn.bias": (1, 1, 6, 6), "position_ids": ((6,), "I64"),
                      "rotary.inv_freq": (4,), "steps": ((3,), "I64")}  # fmt: skip
    found = seen(LANGUAGE, APART | beside, tmp_path)
    ours, theirs, verdict = total(found)
    assert (theirs - ours, verdict) == (160 + 36 + 6 + 4 + 3, Verdict.EXPLAINED)
    (only,) = found.of(Verdict.EXPLAINED)
    assert "160 more are those of `words` once more, to which `head` is tied" in only.why
    assert "36 more are masks" in only.why


def test_packed_weights_are_not_counted(tmp_path: Path) -> None:
    found = seen(LANGUAGE, APART | {"block.attn.q.qweight": ((4, 8), "I64")}, tmp_path)
    assert [each.verdict for each in found.findings] == [Verdict.NOT_COVERED]


def test_blocks_of_gguf_are_counted_by_what_they_stand_for(tmp_path: Path) -> None:
    text = "input: [256]\nlayers:\n  a: {type: linear, out_features: 32, bias: false}\n  n: {type: rms_norm}\n"
    path = gguf(tmp_path / "w.gguf", {"blk.0.ffn_up.weight": ((32, 256), 14), "output_norm.weight": ((32,), 0),
                                      "rope_freqs.weight": ((16,), 0)})  # fmt: skip
    found = verify(archscope.read(text), weights=path)
    assert verdicts(found) == {"a": Verdict.AGREES, "n": Verdict.AGREES, "total": Verdict.EXPLAINED}
    assert total(found)[:2] == (32 * 256 + 32, 32 * 256 + 32 + 16)


@pytest.mark.parametrize(
    ("theirs", "placed"),
    [
        ({"x.a.weight": (3, 2), "x.b.weight": (3, 2)}, {"one": "x.a", "two": "x.b"}),  # as many of a kind
        ({"x.a.weight": (3, 2)}, {}),  # fewer
        ({"x.ab.weight": (6, 2)}, {"one": "x.ab.weight", "two": "x.ab.weight"}),  # joined
        ({"9.weight": (2, 3), "10.weight": (2, 3)}, {"one": "9", "two": "10"}),  # turned, by number
    ],
)
def test_parts_are_placed_where_both_sides_have_as_many(theirs: Shapes, placed: dict[str, str]) -> None:
    own = [
        Own(f"net.{name}", (Weight("weight", (3, 2)),), {"weight": (f"net.{name}.weight",)}) for name in ("one", "two")
    ]
    found = Placing(own, [Tensor(name, shape, "F32") for name, shape in theirs.items()])
    assert {each.node.removeprefix("net."): one.part for one in found.placed for each in one.nodes} == placed


def test_the_command_asks_the_file_alone_and_leaves_with_what_came_out(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    spec = tmp_path / "net.yaml"
    spec.write_text(MIXED)
    path = safetensors(tmp_path / "w.safetensors", MIXED_SHAPES)
    assert main(["verify", str(spec), "--weights", path]) == 0
    assert "1 independent witness; nothing differs" in " ".join(capsys.readouterr().out.split())
    safetensors(tmp_path / "w.safetensors", MIXED_SHAPES | {"last.bias": (6,)})
    assert main(["verify", str(spec), "--weights", path]) == 1
    assert main(["verify", "lenet1", "lenet5", "--weights", path]) == 2
    assert main(["verify", str(spec), "--weights", str(tmp_path / "no")]) == 2
    assert main(["verify", str(spec), "--witness", "weights"]) == 0  # nobody named a file: not covered
