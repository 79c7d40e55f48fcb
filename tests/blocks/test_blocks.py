"""Blocks become flat layers with real names, and every number comes out of those."""

from __future__ import annotations

from pathlib import Path

import pytest

import archscope
from archscope.errors import SpecError
from archscope.network import Network, Ref
from tests.blocks.specs import DENSENET121, MOBILENET_V2, RESNET50

BROKEN = Path(__file__).parent / "broken"


def names(network: Network) -> list[str]:
    return [row.name for row in archscope.analyze(network).rows]


def mistakes(text: str) -> list[str]:
    with pytest.raises(SpecError) as caught:
        archscope.read(text)
    return [each.name for each in caught.value.diagnostics]


@pytest.mark.parametrize(
    ("spec", "parameters", "macs"),
    [
        # He et al. 2015 with the stride in the first 1×1; Sandler et al. 2018; Huang et al. 2016.
        (RESNET50, 25_557_032, 3_857_973_248),
        (MOBILENET_V2, 3_504_872, 300_774_272),
        (DENSENET121, 7_978_856, 2_834_161_664),
    ],
    ids=["resnet50", "mobilenet_v2", "densenet121"],
)
def test_networks_of_the_field_in_thirty_lines_have_their_numbers(spec: str, parameters: int, macs: int) -> None:
    totals = archscope.analyze(archscope.read(spec)).totals
    assert (totals.parameters, totals.macs) == (parameters, macs)
    lines = spec.partition("blocks:")[2].count("\n") + 1
    assert lines <= 31  # one of them is the `let:` or the empty end


def test_a_layer_of_a_block_has_a_name_of_all_names_on_the_way() -> None:
    network = archscope.read(RESNET50)
    third = [name for name in names(network) if name.startswith("conv3.2.")]
    assert third == ["conv3.2.a.conv", "conv3.2.a.bn", "conv3.2.b.conv", "conv3.2.b.bn", "conv3.2.m.conv",
                     "conv3.2.m.bn", "conv3.2.sum"]  # fmt: skip
    assert network.by_name["conv3.2.a.conv"].group == ("conv3", "2", "a")
    assert network.by_name["conv3.2.sum"].group == ("conv3", "2")


def test_a_projection_stands_where_the_shape_changes_and_nowhere_else() -> None:
    network = archscope.read(RESNET50)
    assert [name for name in names(network) if name.endswith("short.conv")] == [
        f"conv{stage}.0.short.conv" for stage in (2, 3, 4, 5)
    ]
    assert network.by_name["conv3.0.sum"].inputs == (Ref("conv3.0.m.bn"), Ref("conv3.0.short.bn"))
    # In the second copy the sum reads what the projection would have read: the first copy's output.
    assert network.by_name["conv3.1.sum"].inputs == (Ref("conv3.1.m.bn"), Ref("conv3.0.sum.relu"))


def test_a_shortcut_stands_where_the_shapes_agree() -> None:
    network = archscope.read(MOBILENET_V2)
    # Of 17 blocks, 7 begin a stage and change the shape.
    assert sum(name.endswith(".sum") for name in names(network)) == 10
    assert "body.0.0.expand.conv" not in names(network)  # t = 1 expands nothing
    assert network.by_name["body.2.0.expand.conv"].inputs == (Ref("body.1.1.sum"),)


def test_copies_differ_by_first_last_and_each() -> None:
    network = archscope.read(
        "input: [8]\nlayers:\n"
        "  a: {type: linear, out_features: 8, repeat: 3, first: {bias: false}, last: {out_features: 2}}\n"
        "  b: {type: linear, each: {out_features: [5, 6]}}\n"
    )
    layers = {node.name: node.layer for node in network.nodes}
    assert [*layers] == ["a.0", "a.1", "a.2", "b.0", "b.1"]
    assert [layer.out_features for layer in layers.values()] == [8, 8, 2, 5, 6]
    assert [layers[name].bias for name in ("a.0", "a.1", "a.2")] == [False, True, True]


def test_a_block_can_have_several_inputs_and_outputs() -> None:
    network = archscope.read(
        "input: [4, 8, 8]\nblocks:\n"
        "  down:\n    options: {c: }\n    outputs: {out: pool, skip: conv}\n    layers:\n"
        "      conv: {type: conv2d, out_channels: $c, kernel_size: 3, padding: 1}\n"
        "      pool: {type: max_pool2d, kernel_size: 2}\n"
        "  up:\n    inputs: [x, skip]\n    layers:\n"
        "      grow: {type: upsample, scale_factor: 2}\n"
        "      join: {type: concat, from: [grow, skip]}\n"
        "      conv: {type: conv2d, out_channels: '$skip', kernel_size: 1}\n"
        "layers:\n"
        "  d: {type: down, c: 6}\n  mid: {type: relu}\n  u: {type: up, from: [mid, d.skip]}\n"
    )
    assert network.by_name["d.pool"].inputs == (Ref("d.conv"),)
    assert network.by_name["mid"].inputs == (Ref("d.pool"),)
    assert network.by_name["u.join"].inputs == (Ref("u.grow"), Ref("d.conv"))
    assert network.facts["u.conv"].output == (6, 8, 8)


def test_copies_in_series_share_their_other_inputs() -> None:
    network = archscope.read(
        "input: {x: [4], memory: [4]}\nblocks:\n"
        "  decoder:\n    inputs: [x, memory]\n    layers:\n      sum: {type: add, from: [x, memory]}\n"
        "layers:\n  stack: {type: decoder, repeat: 3, from: [x, memory]}\n"
    )
    assert [node.inputs for node in network.nodes] == [
        (Ref("x"), Ref("memory")),
        (Ref("stack.0.sum"), Ref("memory")),
        (Ref("stack.1.sum"), Ref("memory")),
    ]


def test_a_line_may_read_a_block_that_is_written_below_it() -> None:
    network = archscope.read(
        "input: [4]\nblocks:\n  b:\n    layers:\n      a: {type: relu}\n"
        "layers:\n  end: {type: tanh, from: mid}\n  mid: {type: b, from: input}\noutput: end\n"
    )
    assert [node.name for node in network.nodes] == ["mid.a", "end"]


def test_nothing_is_repeated_no_times() -> None:
    network = archscope.read("input: [4]\nlet: {n: 0}\nlayers:\n  a: {type: relu, repeat: $n}\n  b: {type: tanh}\n")
    assert [(node.name, node.inputs) for node in network.nodes] == [("b", (Ref("input"),))]


def test_a_flag_says_whether_a_line_is_there() -> None:
    text = (
        "input: [4]\nblocks:\n  b:\n    options: {norm: true}\n    layers:\n"
        "      n: {type: layer_norm, when: $norm}\n      a: {type: relu}\n"
        "layers:\n  x: {type: b}\n  y: {type: b, norm: false}\n"
    )
    assert names(archscope.read(text)) == ["x.n", "x.a", "y.a"]


def test_the_kind_of_a_block_and_the_copies_can_be_named_values() -> None:
    text = (
        "input: [4]\nlet: {kind: two, n: [1, 2]}\nblocks:\n"
        "  one: {layers: {a: {type: relu}}}\n  two: {layers: {a: {type: relu}, b: {type: tanh}}}\n"
        "layers:\n  x: {type: $kind, repeat: '$n[1]'}\n  y: {type: one, repeat: '$n[0]'}\n"
    )
    assert names(archscope.read(text)) == ["x.0.a", "x.0.b", "x.1.a", "x.1.b", "y.0.a"]


def test_a_block_sees_its_own_lines_its_inputs_and_let_and_nothing_else() -> None:
    text = (
        "input: [4]\nblocks:\n  b:\n    layers:\n      a: {type: add, from: [input, outside]}\n"
        "layers:\n  outside: {type: relu}\n  x: {type: b}\n"
    )
    with pytest.raises(SpecError) as caught:
        archscope.read(text)
    assert "there is no layer `outside` to read from" in str(caught.value)


def test_a_flat_name_may_be_written_out() -> None:
    network = archscope.read("input: [4]\nlayers:\n  stage.0.a: {type: relu}\n  b: {type: tanh, from: stage.0.a}\n")
    assert network.by_name["b"].inputs == (Ref("stage.0.a"),)
    assert network.by_name["stage.0.a"].group == ("stage", "0")


def test_the_size_of_the_input_is_in_reach_of_the_arithmetic() -> None:
    text = "input: [6, 8, 10]\nlayers:\n  a: {type: conv2d, out_channels: $in//2, kernel_size: ['$in[1]', '$in[-1]']}\n"
    assert archscope.read(text).facts["a"].output == (3, 1, 1)


def test_the_size_of_what_is_scaled_by_a_learned_parameter_is_known() -> None:
    network = archscope.read("""
input: [6, 8, 8]
blocks:
  scaled:
    layers:
      conv: {type: conv2d, out_channels: $in, kernel_size: 1}
      gamma: {type: parameter, shape: [$in, 1, 1]}
      scale: {type: multiply, from: [conv, gamma]}
layers:
  body: {type: scaled, repeat: 2}
""")
    assert network.facts["body.1.gamma"].parameters == 6


def test_the_module_of_a_spec_in_blocks_has_its_names() -> None:
    pytest.importorskip("torch")
    held = archscope.build(archscope.read(RESNET50), device="meta").state_dict()
    assert {"conv1.conv.weight", "conv2.0.short.bn.weight", "conv5.2.m.conv.weight", "fc.bias"} <= {*held}


def test_a_mistake_in_a_block_is_reported_once_with_its_use() -> None:
    text = RESNET50.replace("kernel_size: $k, stride", "kernel_sice: $k, stride")
    with pytest.raises(SpecError) as caught:
        archscope.read(text)
    (mistake,) = caught.value.diagnostics
    assert "did you mean `kernel_size`?" in str(mistake)
    assert "note: the block `conv` is used here\n  --> <network>:19:3" in str(mistake)


def test_a_shape_that_does_not_fit_in_sixteen_copies_is_one_mistake_at_the_line_of_the_block() -> None:
    text = RESNET50.replace("m: {type: conv, c: 4*$c,", "m: {type: conv, c: 5*$c,")
    with pytest.raises(SpecError) as caught:
        archscope.read(text)
    (mistake,) = caught.value.diagnostics
    assert mistake.name == "shape-mismatch"
    assert "`conv2.0.sum` (add)" in mistake.message


def test_values_that_come_from_the_use_are_blamed_where_they_are_written() -> None:
    text = RESNET50.replace("fc: {", "bad: {type: conv, c: -4}\n  fc: {")
    with pytest.raises(SpecError) as caught:
        archscope.read(text)
    (mistake,) = caught.value.diagnostics
    assert "bad: {type: conv, c: -4}" in str(mistake)
    assert "the line of the block `conv` is here" in str(mistake)


@pytest.mark.parametrize(
    ("change", "name"),
    [
        (("c: 64, repeat: 3", "c: 64, repeat: -3"), "wrong-value"),
        (("c: 64, repeat: 3", "c: 64, repeat: 1000000000"), "wrong-value"),
        (("c: 64, repeat: 3", "repeat: 3"), "missing-option"),
        (("c: 64, repeat: 3", "c: 64, first: {s: 2}"), "missing-option"),
        (("c: 64, repeat: 3", "c: 64, repeat: 3, stride: 2"), "unknown-option"),
        (("c: 64, repeat: 3", "c: 64, repeat: 3, each: {s: [1, 2]}"), "wrong-value"),
        (("c: 64, repeat: 3", "c: $d, repeat: 3"), "wrong-expression"),
        (("conv2: {type: bottleneck", "conv2: {type: bottelneck"), "unknown-type"),
        (("when: changes", "when: change"), "wrong-value"),
        (("from: input, when", "from: inputs, when"), "unknown-layer"),
        (("act: relu}\n    layers", "act: relu, g: 1}\n    layers"), "unused"),
        (("input: [3, 224, 224]", "input: [3, 224, 224]\nlet: {width: 64}"), "unused"),
        (("blocks:\n", "blocks:\n  alone: {layers: {a: {type: relu}}}\n"), "unused"),
        (("blocks:\n", "blocks:\n  relu: {layers: {a: {type: relu}}}\n"), "duplicate-name"),
        (("  pool1: {", "  pool1: {when: changes, "), "ok"),
        (("pool1: {type: max_pool2d", "pool1: {type: conv, from: [conv1, conv1], c: 3, k: 3}\n  p: {type: max_pool2d"),
         "wrong-inputs"),
    ],
)  # fmt: skip
def test_a_mistake_in_the_use_of_a_block_has_a_name(change: tuple[str, str], name: str) -> None:
    assert change[0] in RESNET50
    text = RESNET50.replace(*change)
    if name == "ok":
        archscope.read(text)
    else:
        assert mistakes(text) == [name]


def test_a_block_within_itself_is_a_mistake_and_not_a_wait() -> None:
    blocks = "  a: {layers: {x: {type: b}}}\n  b: {layers: {y: {type: a}}}\n"
    text = f"input: [4]\nblocks:\n{blocks}layers:\n  z: {{type: a}}\n"
    assert mistakes(text) == ["block-cycle"]


def test_blocks_of_blocks_are_bounded() -> None:
    blocks = "".join(f"  b{at}: {{layers: {{x: {{type: b{at + 1}, repeat: 100}}}}}}\n" for at in range(6))
    text = f"input: [4]\nblocks:\n{blocks}  b6: {{layers: {{x: {{type: relu}}}}}}\nlayers:\n  z: {{type: b0}}\n"
    assert mistakes(text) == ["too-many-layers"]


def test_a_size_that_is_only_known_below_is_a_mistake() -> None:
    text = (
        "input: [4]\nblocks:\n  b: {layers: {x: {type: linear, out_features: $in}}}\n"
        "layers:\n  u: {type: b, from: v}\n  v: {type: relu, from: input}\noutput: u\n"
    )
    assert mistakes(text) == ["unknown-size"]


def test_an_entry_of_a_list_that_is_a_list_stays_one() -> None:
    """A kernel of 3×5 over 3 maps: (3·5·3 + 1)·4 = 184 parameters, where 3×3 would have 112."""
    text = (
        "input: [3, 8, 8]\nblocks:\n  one:\n    options: {k: null}\n    layers:\n"
        '      a: {type: conv2d, out_channels: 4, kernel_size: "$k[0]"}\nlayers:\n  x: {type: one, k: [[3, 5], 1]}\n'
    )
    assert archscope.analyze(archscope.read(text)).totals.parameters == 184
