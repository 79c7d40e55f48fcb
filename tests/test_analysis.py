"""Whole networks: every number of the facts about LeNet-5 and AlexNet, and what only whole networks have."""

from __future__ import annotations

import pytest

from archscope import analyze
from archscope.analysis import COUNTS
from archscope.layers import (
    LSTM,
    Add,
    Concat,
    Conv2d,
    Embedding,
    Flatten,
    Linear,
    MaxPool2d,
    ReLU,
    ZeroPad2d,
)
from archscope.network import Network, Node, Ref, ShapeError
from archscope.reader import spec_names
from tests.small import chain, of

# Layer: parameters, connections (lecun1998 and dlip2023, both checked by hand).
LENET5 = {
    "C1": (156, 122_304), "S2": (12, 5_880), "C3": (1_516, 151_600), "S4": (32, 2_000), "C5": (48_120, 48_120),
    "F6": (10_164, 10_164), "OUTPUT": (850, 850),
}  # fmt: skip

# Layer: parameters, MACs, MACs in bounds, units (of both towers together).
ALEXNET = {
    "conv1": (34_944, 105_415_200, 105_415_200, 290_400),
    "conv2": (307_456, 223_948_800, 204_484_608, 186_624),
    "conv3": (885_120, 149_520_384, 134_578_176, 64_896),
    "conv4": (663_936, 112_140_288, 100_933_632, 64_896),
    "conv5": (442_624, 74_760_192, 67_289_088, 43_264),
    "fc6": (37_752_832, 37_748_736, 37_748_736, 4_096),
    "fc7": (16_781_312, 16_777_216, 16_777_216, 4_096),
    "fc8": (4_097_000, 4_096_000, 4_096_000, 1_000),
}

# Layer: output, parameters, fixed, MACs.
ALEXNET_KERAS = {
    "conv1": ((96, 8, 8), 34_944, 0, 2_230_272), "bn1": ((96, 8, 8), 192, 192, 0), "pool1": ((96, 4, 4), 0, 0, 0),
    "conv2": ((256, 4, 4), 614_656, 0, 9_830_400), "bn2": ((256, 4, 4), 512, 512, 0),
    "pool2": ((256, 2, 2), 0, 0, 0), "conv3": ((384, 2, 2), 885_120, 0, 3_538_944),
    "bn3": ((384, 2, 2), 768, 768, 0), "conv4": ((384, 2, 2), 1_327_488, 0, 5_308_416),
    "bn4": ((384, 2, 2), 768, 768, 0), "conv5": ((256, 2, 2), 884_992, 0, 3_538_944),
    "bn5": ((256, 2, 2), 512, 512, 0), "pool5": ((256, 1, 1), 0, 0, 0), "flatten": ((256,), 0, 0, 0),
    "fc6": ((4096,), 1_052_672, 0, 1_048_576), "bn6": ((4096,), 8_192, 8_192, 0),
    "fc7": ((4096,), 16_781_312, 0, 16_777_216), "bn7": ((4096,), 8_192, 8_192, 0),
    "fc8": ((1000,), 4_097_000, 0, 4_096_000), "bn8": ((1000,), 2_000, 2_000, 0),
    "fc9": ((10,), 10_010, 0, 10_000), "bn9": ((10,), 20, 20, 0),
}  # fmt: skip

# Network: parameters, fixed, connections, connections in bounds, MACs, MACs in bounds, units; None where the facts
# state no figure.
TOTALS = {
    "lenet5": (60_850, 0, 340_918, 340_918, 326_520, 326_520, 8_094),
    "lenet5-1998": (60_000, 840, 340_908, 340_908, 326_520, 326_520, 8_094),
    "lenet5-pytorch": (61_706, 0, 423_038, 423_038, 416_520, 416_520, 6_518),
    "lenet5-keras": (61_706, 0, 423_038, 423_038, 416_520, 416_520, 6_518),
    "lecun1989": (9_760, 0, 64_660, 64_660, 63_660, 63_660, 1_000),
    "lenet1": (2_578, 0, 98_442, 98_442, None, None, None),
    "alexnet": (60_965_224, 0, 725_066_088, 671_981_928, 724_406_816, 671_322_656, 659_272),
    "alexnet-pytorch": (60_965_224, 0, 725_066_088, 671_981_928, 724_406_816, 671_322_656, 659_272),
    "alexnet-keras": (25_709_350, 21_156, None, None, 46_378_768, None, None),
    "alexnet-torchvision": (61_100_840, 0, 714_682_664, None, 714_188_480, None, 494_184),
    "vgg@A": (132_863_336, 0, None, None, 7_609_090_048, None, None),
    "resnet@18": (11_689_512, 9_600, None, None, 1_814_073_344, None, None),
    "densenet@121": (7_978_856, 83_648, None, None, 2_834_161_664, None, None),
    "mobilenet-v2": (3_504_872, 34_112, None, None, 300_774_272, None, None),
    "googlenet": (6_998_552, 0, None, None, 1_582_671_872, None, None),
    "autoencoder@mnist": (2_837_314, 0, None, None, 2_833_000, None, None),
    "convnext@T": (28_589_128, 0, None, None, 4_455_531_264, None, None),
    "dcgan@generator": (18_855_043, 3_840, None, None, 640_614_400, None, None),
    "efficientnet-b0": (5_288_548, 42_016, None, None, 385_814_752, None, None),
    "inception-v3": (23_834_568, 34_432, None, None, 5_713_216_096, None, None),
    "lenet4": (50_698, 0, None, None, 247_600, None, None),
    "mobilenet-v1@1.0-224": (4_231_976, 21_888, None, None, 568_740_352, None, None),
    "mobilenet-v3@large": (5_483_032, 24_400, None, None, 216_589_760, None, None),
    "nin@cifar10": (966_986, 0, None, None, 222_486_528, None, None),
    "resnet-cifar@20": (269_722, 1_376, None, None, 40_551_040, None, None),
    "shufflenet-v1@g3": (1_865_728, 24_480, None, None, 137_460_672, None, None),
    "shufflenet-v2@1.0": (2_279_760, 16_180, None, None, 145_814_296, None, None),
    "squeezenet@1.0": (1_248_424, 0, None, None, 832_667_936, None, None),
    "unet": (31_030_658, 0, None, None, 150_428_424_448, None, None),
    "zfnet": (62_357_608, 0, None, None, 1_168_032_896, None, None),
    # 12·(12·768² + 13·768) + (50,257 + 1,024)·768 + 2·768; 12·(12·768²·1024 + 2·1024²·768) + 50,257·768·1024.
    "gpt2@small": (124_439_808, 0, None, None, 145_824_153_600, None, None),
    # Without biases in attention: 6·(12·512² + …) and 6·(16·512² + …) over 100 positions, and the head.
    "transformer@base": (63_045_632, 102_400, None, None, 6_482_739_200, None, None),
    # 12·(12·768² + 13·768) + (30,522 + 512 + 2)·768 + 2·768 + (768 + 1)·768 in the pooler.
    "bert@base": (109_482_240, 0, None, None, 48_318_971_904, None, None),
    "llama2@7b": (6_738_415_616, 0, None, None, 31_460_635_443_200, None, None),
    "mixtral": (46_702_792_704, 0, None, None, 699_220_675_788_800, None, None),
    # 10,000·200 + 2·(8·200² + 8·200) + 201·10,000, and of each of 20 words the products.
    "lstm-lm@small": (4_653_200, 0, None, None, 52_800_000, None, None),
    # 196·16·16·3·768 + 12·(12·768²·197 + 2·197²·768) + 768·1,000.
    "vit@b16": (86_567_656, 0, None, None, 17_563_828_224, None, None),
}

QUANTITIES = ("parameters", "fixed", "connections", "connections_in_bounds", "macs", "macs_in_bounds", "units")


def test_every_shipped_spec_has_its_totals_here() -> None:
    assert set(TOTALS) == set(spec_names())


@pytest.mark.parametrize("name", TOTALS)
def test_the_totals_are_those_of_the_facts(name: str) -> None:
    totals = of(name).totals
    for quantity, stated in zip(QUANTITIES, TOTALS[name], strict=True):
        if stated is not None:
            assert totals.count_of(quantity) == stated, quantity
    assert totals.macs is not None
    assert totals.flops == 2 * totals.macs


@pytest.mark.parametrize(("layer", "stated"), LENET5.items(), ids=LENET5)
def test_lenet5_has_its_published_figures(layer: str, stated: tuple[int, int]) -> None:
    row = of("lenet5")[layer]
    assert (row.parameters, row.connections) == stated


def test_lenet5_of_1998_ends_in_fixed_codes() -> None:
    row = of("lenet5-1998")["OUTPUT"]
    assert (row.parameters, row.fixed, row.connections, row.units) == (0, 840, 840, 10)


def test_the_whole_difference_between_the_two_totals_of_lenet5_is_the_output_layer() -> None:
    slides, paper = of("lenet5"), of("lenet5-1998")
    assert {row.name: row.parameters for row in slides.rows if row.name != "OUTPUT"} == {
        row.name: row.parameters for row in paper.rows if row.name != "OUTPUT"
    }


def test_c1_with_zero_padding_has_159744_connections_of_which_148440_meet_pixels() -> None:
    row = of("lenet5", changes={"C1.padding": 2}, input=(1, 28, 28))["C1"]
    assert row.connections == 122_304
    row = analyze(Network("C1", {"input": (1, 32, 32)}, chain(Conv2d(out_channels=6, kernel_size=5, padding=2)))).nodes[
        0
    ]
    assert (row.connections, row.connections_in_bounds) == (159_744, 148_440)


def test_a_dense_layer_instead_of_c1_would_have_4821600_connections() -> None:
    row = of("lenet5")["C1"]
    assert row.dense_equivalent == 4_821_600
    assert row.working("dense_equivalent") == "(32·32·1 + 1)·28·28·6"


@pytest.mark.parametrize("name", ["alexnet", "alexnet-pytorch"])
@pytest.mark.parametrize(("layer", "stated"), ALEXNET.items(), ids=ALEXNET)
def test_alexnet_has_its_figures_in_towers_and_in_groups(name: str, layer: str, stated: tuple[int, ...]) -> None:
    row = of(name)[layer]
    assert (row.parameters, row.macs, row.macs_in_bounds, row.units) == stated


@pytest.mark.parametrize("name", ["alexnet", "alexnet-pytorch"])
def test_alexnet_has_the_shapes_of_its_paper(name: str) -> None:
    analysis = of(name)
    stated = {
        "conv1": (96, 55, 55), "pool1": (96, 27, 27), "conv2": (256, 27, 27), "pool2": (256, 13, 13),
        "conv3": (384, 13, 13), "conv4": (384, 13, 13), "conv5": (256, 13, 13), "pool5": (256, 6, 6),
        "fc6": (4096,), "fc7": (4096,), "fc8": (1000,),
    }  # fmt: skip
    assert {layer: analysis[layer].output for layer in stated} == stated


def test_alexnet_without_groups_is_larger() -> None:
    totals = of("alexnet-pytorch", changes={f"conv{n}.groups": 1 for n in (2, 4, 5)}).totals
    assert (totals.parameters, totals.macs) == (62_378_344, 1_135_256_096)


@pytest.mark.parametrize(("layer", "stated"), ALEXNET_KERAS.items(), ids=ALEXNET_KERAS)
def test_the_keras_variant_has_its_figures(layer: str, stated: tuple[object, ...]) -> None:
    row = of("alexnet-keras")[layer]
    assert (row.output, row.parameters, row.fixed, row.macs) == stated


def test_lenet5_in_pytorch_has_900_more_for_c3_and_44_fewer_for_the_pools() -> None:
    paper, course = of("lenet5"), of("lenet5-pytorch")
    assert course["conv2"].parameters - paper["C3"].parameters == 900
    assert paper["S2"].parameters + paper["S4"].parameters == 44
    assert course.totals.parameters - paper.totals.parameters == 900 - 44


def test_lenet1_adds_up_by_hand() -> None:
    analysis = of("lenet1")
    assert {row.name: (row.parameters, row.connections) for row in analysis.rows if row.parameters} == {
        "H1": (104, 59_904),  # (5·5 + 1)·4, at 24·24 positions
        "H2": (8, 2_880),  # (1 + 1)·4; (2·2 + 1)·12·12·4
        "H3": (512, 32_768),  # 5·5·20 + 12, at 8·8 positions
        "H4": (24, 960),  # (1 + 1)·12; (2·2 + 1)·4·4·12
        "OUTPUT": (1_930, 1_930),  # (12·4·4 + 1)·10
    }


# ── receptive fields ──────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("name", "stated"),
    [
        ("lenet5", {"C1": (5, 1), "S2": (6, 2), "C3": (14, 2), "S4": (16, 4), "C5": (32, 4)}),
        ("alexnet", {"conv1": (11, 4), "pool1": (19, 8), "conv2": (51, 8), "pool2": (67, 16), "conv3": (99, 16),
                     "conv4": (131, 16), "conv5": (163, 16), "pool5": (195, 32)}),
    ],
    ids=["lenet5", "alexnet"],
)  # fmt: skip
def test_receptive_field_and_jump_are_those_of_the_literature(name: str, stated: dict[str, tuple[int, int]]) -> None:
    analysis = of(name)
    for layer, (field, jump) in stated.items():
        assert analysis[layer].receptive_field == (field, field), layer
        assert analysis[layer].jump == (jump, jump), layer


def test_padding_moves_the_first_window_out_of_the_image() -> None:
    analysis = of("alexnet")
    # conv2 pads by 2 positions of 8 pixels each, conv3 by 1 of 16.
    assert analysis["conv2"].start == (-16, -16)
    assert analysis["conv3"].start == (-32, -32)


def test_two_branches_see_together_what_either_sees() -> None:
    nodes = [
        Node("wide", Conv2d(out_channels=2, kernel_size=5, padding=2), (Ref("input"),), "wide"),
        Node("low", Conv2d(out_channels=2, kernel_size=3, padding=[1, 1, 0, 2]), (Ref("input"),), "low"),
        Node("sum", Add(), (Ref("wide"), Ref("low")), "sum"),
    ]
    row = analyze(Network("branches", {"input": (1, 9, 9)}, nodes))["sum"]
    # Rows: −2..2 and 0..2; columns: −2..2 and −1..1.
    assert (row.receptive_field, row.start) == ((5, 5), (-2, -2))
    nodes[1] = Node("low", Conv2d(out_channels=2, kernel_size=3, padding=[1, 1, -0, 2]), (Ref("input"),), "low")
    nodes[0] = Node("wide", ZeroPad2d(padding=[2, 0, 0, 2]), (Ref("input"),), "wide")
    nodes[1] = Node("low", ZeroPad2d(padding=[0, 2, 0, 2]), (Ref("input"),), "low")
    row = analyze(Network("shifted", {"input": (1, 9, 9)}, nodes))["sum"]
    # The same values, two columns apart: together a window of 3 columns from −2 on.
    assert (row.receptive_field, row.start) == ((1, 3), (0, -2))


def test_branches_of_different_steps_have_no_common_grid_and_say_so() -> None:
    nodes = [
        Node("pool", MaxPool2d(kernel_size=2), (Ref("input"),), "pool"),
        Node("crop", Conv2d(out_channels=1, kernel_size=5), (Ref("input"),), "crop"),
        Node("join", Concat(), (Ref("pool"), Ref("crop")), "join"),
        Node("after", ReLU(), (Ref("join"),), "after"),
    ]
    analysis = analyze(Network("steps", {"input": (1, 8, 8)}, nodes))
    assert analysis["join"].receptive_field is None
    assert analysis["join"].reason("receptive_field") == "its inputs lie on grids of different steps"
    assert analysis["after"].reason("jump") == "lost at `join`: its inputs lie on grids of different steps"


@pytest.mark.parametrize("name", TOTALS)
def test_a_number_that_is_not_covered_has_a_reason(name: str) -> None:
    analysis = of(name)
    for row in (*analysis.rows, *analysis.nodes):
        for quantity in (*COUNTS, "receptive_field", "jump", "start"):
            if getattr(row, quantity) is None:
                assert row.reason(quantity), (row.name, quantity)


def test_a_total_that_is_not_covered_names_the_layer_and_the_reason() -> None:
    nodes = chain(Embedding(num_embeddings=100, embedding_dim=8), Linear(out_features=4))
    totals = analyze(
        Network("words", {"tokens": (6,)}, nodes, outputs=()),
    ).totals
    assert (totals.parameters, totals.macs) == (800 + 36, 8 * 4 * 6)
    assert totals.connections is None
    assert totals.reasons["connections"] == (
        "`embedding0` is not covered: a look-up selects weights; no input line carries one"
    )


# ── memory ────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_each_tower_of_alexnet_holds_28434112_parameters() -> None:
    towers = of("alexnet").towers
    assert towers is not None
    assert dict(towers.parameters) == {"GPU 0": 28_434_112, "GPU 1": 28_434_112}
    assert towers.shared_parameters == 4_097_000
    assert of("alexnet-pytorch").towers is None


def test_values_cross_between_the_towers_before_conv3_and_the_dense_layers() -> None:
    towers = of("alexnet").towers
    assert towers is not None
    # Each tower reads the other's half: 13·13·128, 6·6·128 and 2,048 values, both ways.
    assert dict(towers.crossing) == {"conv3": 2 * 21_632, "fc6": 2 * 4_608, "fc7": 2 * 2_048}


def test_a_row_on_two_towers_joins_their_outputs_and_writes_its_working_twice() -> None:
    row = of("alexnet")["conv1"]
    assert row.towers == ("GPU 0", "GPU 1")
    assert row.output == (96, 55, 55)
    assert row.working("parameters") == "2·(11·11·3 + 1)·48"


def test_tied_weights_are_counted_once_and_used_twice() -> None:
    nodes = [
        Node("one", Linear(out_features=8), (Ref("input"),), "one"),
        Node("two", Linear(out_features=8), (Ref("one"),), "two", shares="one"),
    ]
    analysis = analyze(Network("tied", {"input": (8,)}, nodes))
    assert (analysis["one"].parameters, analysis["two"].parameters) == (72, 0)
    assert (analysis["one"].macs, analysis["two"].macs) == (64, 64)
    assert analysis["two"].weights == ()
    assert (analysis.totals.parameters, analysis.totals.connections) == (72, 144)
    assert analysis.weight_bytes() == 72 * 4


def test_a_head_tied_to_an_embedding_holds_its_bias_alone() -> None:
    nodes = [
        Node("words", Embedding(num_embeddings=20, embedding_dim=4), (Ref("tokens"),), "words"),
        Node("head", Linear(out_features=20), (Ref("words"),), "head", shares="words"),
    ]
    analysis = analyze(Network("tied", {"tokens": (6,)}, nodes))
    assert (analysis["words"].parameters, analysis["head"].parameters) == (80, 20)
    assert [weight.name for _, weight in analysis["head"].weights] == ["bias"]
    assert analysis["head"].shares == ("words",)
    assert analysis["head"].connections == (4 + 1) * 20 * 6
    assert analysis.totals.parameters == 100


def test_every_output_of_an_lstm_can_be_read() -> None:
    nodes = [
        Node("lstm", LSTM(hidden_size=32, bidirectional=True), (Ref("input"),), "lstm"),
        Node("states", Concat(), (Ref("lstm", 1), Ref("lstm", 2)), "states"),
        Node("last", Flatten(), (Ref("states"),), "last"),
        Node("scores", Linear(out_features=5), (Ref("last"),), "scores"),
    ]
    analysis = analyze(Network("reader", {"input": (10, 16)}, nodes))
    assert analysis["lstm"].outputs == ((10, 64), (2, 32), (2, 32))
    assert analysis["states"].output == (4, 32)
    assert analysis["scores"].parameters == (4 * 32 + 1) * 5
    # The input, states and cells to begin with, those at the end of each direction, what each direction makes of every
    # position, both side by side, and the last states and cells put together.
    assert analysis.peak_activation_bytes("int8") == 160 + (64 + 64) + 4 * 32 + 2 * 320 + 640 + (64 + 64)


def test_an_activation_is_folded_into_its_layer_and_stands_alone_among_the_nodes() -> None:
    analysis = of("lenet5")
    assert [row.name for row in analysis.rows] == ["C1", "S2", "C3", "S4", "C5", "flatten", "F6", "OUTPUT"]
    assert analysis["C1"].activation == "scaled_tanh"
    assert analysis["C1.scaled_tanh"].parameters == 0
    assert analysis["S2"].inputs == ("C1",)


def test_totals_are_the_rows_added_up_and_the_nodes_added_up() -> None:
    for name in TOTALS:
        analysis = of(name)
        for quantity in COUNTS:
            total = analysis.totals.count_of(quantity)
            for rows in (analysis.rows, analysis.nodes):
                counts = [row.count_of(quantity) for row in rows]
                # What is not known of one row is not known of their sum.
                assert total == (None if None in counts else sum(map(int, counts))), (name, quantity)  # type: ignore[arg-type]


def test_a_network_that_does_not_fit_together_is_refused() -> None:
    with pytest.raises(ShapeError, match=r"`two` \(conv2d\): takes \(channels, height, width\), got 4"):
        Network("bad", {"input": (3,)}, [
            Node("one", Linear(out_features=4), (Ref("input"),), "one"),
            Node("two", Conv2d(out_channels=1, kernel_size=1), (Ref("one"),), "two"),
        ])  # fmt: skip
    with pytest.raises(ShapeError, match="`one` reads two, not all of which are above it"):
        Network("loop", {"input": (3,)}, [Node("one", ReLU(), (Ref("two"),), "one")])
