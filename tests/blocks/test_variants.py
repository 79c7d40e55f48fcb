"""Families in one file, changes of what blocks hold, anchors and merge keys."""

from __future__ import annotations

from pathlib import Path
from textwrap import dedent

import pytest

import archscope
from archscope.errors import NotFound, SpecError
from archscope.network import Ref
from archscope.reader import read
from archscope.reader.variants import variants_of
from tests.blocks.specs import RESNET50
from tools.index import index

FAMILY = """
title: A family
input: [8]
sources: {mine: A. Author. A paper. 2026.}
let: {d: 8, n: 1}
layers:
  a: {type: linear, out_features: $d, repeat: $n}
  b: {type: relu}
  c: {type: linear, out_features: 2}
published: [{layer: c, quantity: output, value: [2], source: mine}]
variants:
  S:
  M: {title: The middle one, let: {n: 2}}
  L:
    let: {d: 16, n: 3}
    layers: {b: , c: {out_features: 4, bias: false}, d: {type: tanh}}
    published: [{quantity: parameters, value: 752, source: mine}]
"""


def test_a_variant_is_laid_over_the_rest_of_its_file() -> None:
    small, large = (archscope.read(FAMILY, name="f", variant=each) for each in ("S", "L"))
    assert [node.name for node in small.nodes] == ["a.0", "b", "c"]
    assert [node.name for node in large.nodes] == ["a.0", "a.1", "a.2", "c", "d"]
    # (8 + 1)·16 + 2·(16 + 1)·16 + 16·4
    assert archscope.analyze(large).totals.parameters == 144 + 544 + 64
    assert (small.name, large.name, small.title) == ("f@S", "f@L", "A family")
    assert archscope.read(FAMILY, variant="M").title == "The middle one"


def test_a_variant_has_its_own_published_figures_beside_those_of_all() -> None:
    assert [each.quantity for each in archscope.read(FAMILY, variant="L").published] == ["output", "parameters"]
    assert [each.quantity for each in archscope.read(FAMILY, variant="S").published] == ["output"]


@pytest.mark.parametrize(
    ("variant", "says"),
    [
        (None, "f is a family of networks; name one of f@S, f@M, f@L"),
        ("XL", "f has no variant `XL`; did you mean `f@L`"),
    ],
)
def test_a_member_of_a_family_is_named_and_never_guessed(variant: str | None, says: str) -> None:
    with pytest.raises(NotFound) as caught:
        archscope.read(FAMILY, name="f", variant=variant)
    assert says in str(caught.value)


def test_a_member_is_found_whether_its_letters_are_large_or_small(tmp_path: Path) -> None:
    path = tmp_path / "family.yaml"
    path.write_text(FAMILY, encoding="utf-8")
    network = archscope.load(f"{path}@m")
    assert (network.name, network.path) == ("family@M", f"{path}@M")
    assert archscope.load("gpt2@XL").name == "gpt2@xl"
    # Where two differ in that alone, neither is meant by a third.
    two = FAMILY.replace("variants:", "variants:\n  s: {}", 1)
    assert archscope.read(two, name="f", variant="s").name == "f@s"
    three = two.replace("  s: {}", "  s: {}\n  xL: {}\n  Xl: {}", 1)
    with pytest.raises(NotFound, match="f has no variant `XL`"):
        archscope.read(three, name="f", variant="XL")


def test_a_spec_without_variants_has_none() -> None:
    with pytest.raises(NotFound, match="lenet5 has no variants, so there is no `lenet5@S`"):
        archscope.load("lenet5@S")


def test_a_variant_is_named_behind_the_path(tmp_path: Path) -> None:
    path = tmp_path / "family.yaml"
    path.write_text(FAMILY, encoding="utf-8")
    network = archscope.load(f"{path}@M")
    assert (network.name, network.path) == ("family@M", f"{path}@M")
    assert variants_of(path) == ["S", "M", "L"]
    assert archscope.load(network.path).nodes == network.nodes


def test_a_file_with_the_sign_in_its_name_is_that_file(tmp_path: Path) -> None:
    path = tmp_path / "family.yaml@M"
    path.write_text("input: [4]\nlayers: {a: {type: relu}}\n", encoding="utf-8")
    assert [node.name for node in archscope.load(str(path)).nodes] == ["a"]


def test_what_belongs_to_the_whole_file_is_no_part_of_a_variant() -> None:
    with pytest.raises(SpecError, match="`name` belongs to the whole file"):
        archscope.read(FAMILY.replace("title: The middle one", "name: g"), variant="M")


def test_options_inside_of_blocks_can_be_changed_by_their_full_names() -> None:
    changes = {"conv3.1.b.conv.kernel_size": 5, "conv3.1.b.conv.padding": 2, "conv4.2.a.k": 3, "conv5.repeat": 1}
    plain, changed = archscope.read(RESNET50), archscope.read(RESNET50, changes=changes)
    assert changed.by_name["conv3.1.b.conv"].layer.kernel_size == (5, 5)
    assert changed.by_name["conv3.2.b.conv"].layer == plain.by_name["conv3.2.b.conv"].layer
    assert changed.by_name["conv4.2.a.conv"].layer.kernel_size == (3, 3)
    assert "conv5.1.sum" not in changed.by_name
    assert "conv5.1.sum" in plain.by_name


def test_a_name_of_let_can_be_changed() -> None:
    network = archscope.read(FAMILY, variant="S", changes=["let.n=4"])
    assert [node.name for node in network.nodes][:4] == ["a.0", "a.1", "a.2", "a.3"]


def test_a_name_or_a_block_that_only_a_changed_line_uses_is_used() -> None:
    text = """
        input: [$c, 8, 8]
        let: {c: 3, d: 5}
        blocks: {twice: {layers: {one: {type: relu}}}}
        layers: {a: {type: twice}, b: {type: conv2d, out_channels: $d, kernel_size: 1}}
    """
    changes = {"a.type": "tanh", "b.out_channels": 7}
    found = archscope.analyze(archscope.read(dedent(text), changes=changes, input=(2, 8, 8)))
    assert found.totals.parameters == (2 + 1) * 7
    with pytest.raises(archscope.SpecError, match="the name `e` is never used"):
        archscope.read(dedent(text).replace("d: 5", "d: 5, e: 1"), changes=changes, input=(2, 8, 8))


def test_a_change_of_what_is_not_there_offers_the_near_name() -> None:
    with pytest.raises(SpecError, match=r"did you mean `conv3\.3\.b\.conv`"):
        archscope.read(RESNET50, changes=["conv3.9.b.conv.kernel_size=5"])


def test_a_wrong_option_of_a_stage_is_told_once_for_all_of_its_copies() -> None:
    with pytest.raises(SpecError) as caught:
        archscope.read(RESNET50, changes=["conv5.repaet=1"])
    assert str(caught.value).count("unknown option `repaet`") == 1
    assert "did you mean `repeat`?" in str(caught.value)


def test_a_figure_can_be_stated_for_a_stage_and_for_changes_inside_of_blocks() -> None:
    text = RESNET50 + (
        "sources: {he2015: 'He et al.'}\n"
        "published:\n"
        "  - {layer: conv2, quantity: parameters, value: 215808, source: he2015}\n"
        "  - {quantity: parameters, value: 1, source: he2015, set: {conv5.repeat: 1, conv3.0.s: 1}, why: a test}\n"
    )
    stage, whole = archscope.read(text).published
    assert (stage.layer, dict(whole.changes)) == ("conv2", {"conv5.repeat": 1, "conv3.0.s": 1})
    with pytest.raises(SpecError, match="there is no layer `conv7`"):
        archscope.read(text.replace("layer: conv2", "layer: conv7"))


def test_a_block_and_a_group_can_have_a_title() -> None:
    text = RESNET50.replace("c: 64, repeat: 3", "c: 64, repeat: 3, title: Stage 1") + "titles: {conv1: Stem}\n"
    network = archscope.read(text)
    assert (network.groups["conv2",].title, network.groups["conv1",].title) == ("Stage 1", "Stem")
    assert network.groups["conv2",].copies == 3
    assert network.groups["conv2", "1"].block == "bottleneck"
    with pytest.raises(SpecError, match="there is no group `conv7`"):
        archscope.read(text.replace("titles: {conv1", "titles: {conv7"))


def test_merge_keys_take_in_what_is_not_written_beside_them() -> None:
    network = archscope.read(
        "x-parts:\n  - &c {type: conv2d, out_channels: 8, kernel_size: 3, padding: 1}\n  - &relu {activation: relu}\n"
        "input: [8, 32, 32]\nlayers:\n"
        "  a: {<<: [*c, *relu], kernel_size: 5, padding: 2}\n  b: {kernel_size: 1, padding: 0, <<: *c}\n"
    )
    layers = [node.layer for node in network.nodes]
    assert [layer.type for layer in layers] == ["conv2d", "relu", "conv2d"]
    assert [layers[0].kernel_size, layers[2].kernel_size] == [(5, 5), (1, 1)]
    assert network.by_name["b"].inputs == (Ref("a.relu"),)


def test_of_several_merged_mappings_the_first_goes_before() -> None:
    network = archscope.read(
        "x-a: &a {out_features: 1}\nx-b: &b {type: linear, out_features: 2, bias: false}\n"
        "input: [4]\nlayers:\n  l: {<<: [*a, *b]}\n"
    )
    assert (network.nodes[0].layer.out_features, network.nodes[0].layer.bias) == (1, False)


def test_only_a_mapping_can_be_taken_in() -> None:
    with pytest.raises(SpecError, match="takes in a mapping"):
        archscope.read("x-a: &a 3\ninput: [4]\nlayers:\n  l: {<<: *a, type: relu}\n")


def test_the_index_of_the_specs_is_what_the_specs_have() -> None:
    assert archscope.reader.index_file().read_text(encoding="utf-8") == index(), "python tasks.py index"


def test_every_variant_that_comes_along_is_loaded_and_has_figures_of_its_own_name() -> None:
    for name in archscope.reader.spec_names(variants=True):
        assert archscope.load(name).name == name


# Table 1 of He et al. 2015, Table 2 of Simonyan and Zisserman 2014, recomputed.
FAMILIES = {
    "resnet@18": (11_689_512, 1_814_073_344),
    "resnet@34": (21_797_672, 3_663_761_408),
    "resnet@50": (25_557_032, 3_857_973_248),
    "resnet@101": (44_549_160, 7_570_194_432),
    "resnet@152": (60_192_808, 11_282_415_616),
    "vgg@A": (132_863_336, 7_609_090_048),
    "vgg@B": (133_047_848, 11_308_466_176),
    "vgg@C": (133_638_952, 11_770_888_192),
    "vgg@D": (138_357_544, 15_470_264_320),
    "vgg@E": (143_667_240, 19_632_062_464),
    "densenet@121": (7_978_856, 2_834_161_664),
    "densenet@201": (20_013_928, 4_291_365_888),
    "mobilenet-v2": (3_504_872, 300_774_272),
    "googlenet": (6_998_552, 1_582_671_872),
}


@pytest.mark.parametrize("name", FAMILIES)
def test_a_network_of_the_field_has_its_parameters_and_macs(name: str) -> None:
    totals = archscope.analyze(archscope.load(name)).totals
    assert (totals.parameters, totals.macs) == FAMILIES[name]


CHANGED = """
input: [3, 32, 32]
blocks:
  conv:
    options: {c: , k: 3}
    layers:
      conv: {type: conv2d, out_channels: $c, kernel_size: $k, padding: $k//2}
layers:
  a: {type: conv, c: 8}
variants:
  S: {}
"""


@pytest.mark.parametrize(
    ("variant", "said"),
    [
        ("{layers: {a: {kk: 9}}}", "the variant `L`: `a` (conv): unknown option `kk`"),
        ("{layers: {aa: {c: 9}}}", "the variant `L`: layer `aa`: `type` is missing"),
        ("{layers: {b: }}", "the variant `L`: there is no layer `b` to take away"),
        ("{layers: {a: {type: conv3}}}", "the variant `L`: layer `a`: there is no layer type `conv3`"),
        ("{layers: {b: {type: linear, out_features: many}}}",
         "the variant `L`: `b` (linear): `out_features`: expected a positive integer, got 'many'"),
        ("{layers: {b: {type: linear, units: 3}}}", "the variant `L`: `b` (linear): unknown option `units`"),
        ("{layers: {a: {c: $e}}}", "the variant `L`: `a`: there is no name `$e`"),
        ("{let: {d: 4}}", "the variant `L`: the name `d` is never used"),
        ("{layer: {a: {c: 4}}}", "the variant `L`: unknown key `layer`"),
        ("{layers: {a: {first: {s: 2}, repeat: 2}}}", "the variant `L`: `a` (conv): unknown option `s`"),
        ("{layers: {a: {columns: [c, k], rows: [[8, 3], [8]]}}}",
         "the variant `L`: `a`: a row has an entry for each of the 2 columns, got 1"),
        ("3", "the variant `L` must be a mapping, got 3"),
    ],
)  # fmt: skip
def test_a_mistake_in_one_variant_is_told_to_who_reads_another(variant: str, said: str) -> None:
    with pytest.raises(SpecError) as caught:
        read(f"{CHANGED}  L: {variant}\n", variant="S")
    assert [each.message for each in caught.value.diagnostics] == [said]


def test_a_mistake_that_shows_in_shapes_alone_is_told_to_who_names_the_family_or_the_variant(tmp_path: Path) -> None:
    path = tmp_path / "family.yaml"
    path.write_text(f"{CHANGED}  L: {{layers: {{b: {{type: linear, out_features: 3}}}}}}\n", encoding="utf-8")
    archscope.load(f"{path}@S")
    for spec in (path, f"{path}@L"):
        with pytest.raises(SpecError, match="`b` \\(linear\\): takes a vector"):
            archscope.load(spec)
