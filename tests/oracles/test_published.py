"""Every figure that is known to be in print is in a spec, and is judged as it was by hand."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import archscope
from archscope.errors import Rejects
from archscope.oracles import Verdict, verify
from archscope.oracles.published import matches
from archscope.printed import read_printed

HOLDS, ROUNDED, DIFFERS = "holds", "in fewer digits", "differs, and the spec says why"

LENET = [
    # Layer, free parameters, connections: printed by both sources.
    ("C1", 156, 122_304), ("S2", 12, 5_880), ("C3", 1_516, 151_600), ("S4", 32, 2_000), ("C5", 48_120, 48_120),
    ("F6", 10_164, 10_164),
]  # fmt: skip
LAYERS = [(layer, quantity, value, HOLDS) for layer, *both in LENET
          for quantity, value in zip(("parameters", "connections"), both, strict=True)]  # fmt: skip
SIZES = [("conv1", 96, 55), ("pool1", 96, 27), ("conv2", 256, 27), ("pool2", 256, 13), ("conv3", 384, 13),
         ("conv4", 384, 13), ("conv5", 256, 13), ("pool5", 256, 6)]  # fmt: skip

PRINTED: dict[tuple[str, str], list[tuple[str | None, str, Any, str]]] = {
    ("lenet5", "dlip2023"): [
        *LAYERS,
        ("OUTPUT", "parameters", 850, HOLDS), ("OUTPUT", "connections", 850, HOLDS),
        (None, "parameters", 60_850, HOLDS), (None, "connections", 340_918, HOLDS),
        (None, "parameters", 60_000, ROUNDED),
        ("C1", "dense_equivalent", 4_821_600, HOLDS),  # (32·32 + 1)·28·28·6
        ("C1", "connections", 159_744, HOLDS),  # with zero padding: 26·32·32·6
        (None, "claim", "2 CONV layers + 3 F.C layers", DIFFERS),
        (None, "claim", "C2→S3: convolution kernel (5x5)", DIFFERS),
    ],
    ("lenet5-1998", "lecun1998"): [
        *LAYERS,
        ("OUTPUT", "parameters", 0, HOLDS), ("OUTPUT", "fixed", 840, HOLDS), ("OUTPUT", "connections", 840, HOLDS),
        (None, "parameters", 60_000, HOLDS), (None, "connections", 340_908, HOLDS),
        (None, "parameters", 60_000, HOLDS),  # Fig. 12: 60 thousand variables
        (None, "macs", 401_000, DIFFERS),  # Fig. 11; 326,520
    ],
    ("lenet5-keras", "dlip2023"): [(None, "parameters", 61_706, HOLDS)],
    ("lenet5-pytorch", "dlip2023"): [(None, "parameters", 61_706, HOLDS)],
    ("lenet1", "lecun1990"): [
        (None, "parameters", 2_578, HOLDS), (None, "connections", 98_442, HOLDS),
        (None, "units", 4_635, DIFFERS),  # 28·28 pixels and one that is always 1 are none here: 3,850
    ],
    ("alexnet", "krizhevsky2012"): [
        (None, "parameters", 60_000_000, ROUNDED),
        (None, "units", 650_000, ROUNDED),  # 659,272: cut off, not rounded
        (None, "input", (3, 224, 224), DIFFERS),  # 150,528-dimensional
        ("conv1", "units", 253_440, DIFFERS),  # 55·55·96 = 290,400
        ("conv2", "units", 186_624, HOLDS), ("conv3", "units", 64_896, HOLDS), ("conv4", "units", 64_896, HOLDS),
        ("conv5", "units", 43_264, HOLDS), ("fc6", "units", 4_096, HOLDS), ("fc7", "units", 4_096, HOLDS),
        ("fc8", "units", 1_000, HOLDS),
        ("conv1", "output", (96, 55, 55), DIFFERS),  # of an input of 224: ⌊213/4⌋ + 1 = 54
        (None, "claim", "training set grows by a factor of 2048", DIFFERS),  # 33·33·2 = 2,178
    ],
    ("alexnet", "dlip2023"): [
        (None, "claim", "top-5 test error 15.4%", DIFFERS),
        ("conv2", "weight", (128, 48, 5, 5), HOLDS),
        ("conv3", "weight", (192, 128, 3, 3), DIFFERS),  # each GPU's half of 384 of 3×3×128
        (None, "claim", "kernels divided by 2 from the 2nd layer on", DIFFERS),
    ],
    ("alexnet-pytorch", "dlip2023"): [
        *((layer, "output", (maps, side, side), HOLDS) for layer, maps, side in SIZES),
        (None, "input", (3, 227, 227), HOLDS), (None, "input", (3, 224, 224), DIFFERS),
        ("conv2", "weight", (256, 48, 5, 5), HOLDS), ("conv3", "weight", (384, 128, 3, 3), DIFFERS),
        (None, "claim", "6 FC 9216", DIFFERS),
        (None, "claim", "LRN size 5, α 1e-4, β 0.75 in PyTorch", DIFFERS),
    ],
    ("alexnet-keras", "dlip2023"): [
        (None, "parameters", 25_709_350, HOLDS), (None, "fixed", 21_156, HOLDS),  # 25,730,506 in all
        ("conv1", "output", (96, 55, 55), DIFFERS),
    ],
    ("alexnet-torchvision", "torchvision"): [
        (None, "parameters", 61_100_840, HOLDS), (None, "macs", 714_188_480, HOLDS),
    ],
    ("alexnet-torchvision", "krizhevsky2014"): [
        (None, "claim", "0.2% more parameters than the two-tower network, with 384 filters in conv4", DIFFERS),
    ],
}  # fmt: skip


@pytest.mark.parametrize(("spec", "source"), PRINTED)
def test_every_figure_in_print_is_judged(spec: str, source: str) -> None:
    found = [each for each in verify(archscope.load(spec), ["published"]).findings if each.source == source]
    words = {Verdict.AGREES: HOLDS, Verdict.EXPLAINED: DIFFERS}
    judged = [(each.layer, each.quantity, each.theirs,
               ROUNDED if each.verdict is Verdict.AGREES and each.why else words[each.verdict])
              for each in found]  # fmt: skip
    missing = [each for each in PRINTED[spec, source] if each not in judged]
    assert missing == []
    assert len(judged) >= len(PRINTED[spec, source])


COURSE = ("alexnet", "lenet1", "lenet5")
"""Networks whose figures are told above; those of the others are in their specs alone."""


def test_no_source_is_left_out() -> None:
    cited = {(name, each.source) for name in archscope.reader.spec_names() for each in archscope.load(name).published}
    told = {(name, source) for name, source in cited if not name.startswith(COURSE)}
    assert cited - {*PRINTED} - told == {("lenet5", "lecun1998")}, "the same figures as of lenet5-1998"


@pytest.mark.parametrize("spec", archscope.reader.spec_names(variants=True))
def test_no_figure_of_a_network_that_comes_along_differs_without_a_reason(spec: str) -> None:
    found = verify(archscope.load(spec), ["published"]).findings
    assert [each for each in found if each.verdict is Verdict.DIFFERS] == []


@pytest.mark.parametrize(
    ("ours", "printed", "how"),
    [
        (60_965_224, 60_000_000, "rounded to its 1 significant digit"),
        (659_272, 650_000, "truncated to its 2 significant digits"),
        (659_272, 660_000, "rounded to its 2 significant digits"),
        (659_272, 659_000, "rounded to its 3 significant digits"),
        (659_272, 658_000, None),
        (659_272, 670_000, None),
        (156, 160, "rounded to its 2 significant digits"),
        (156, 150, "truncated to its 2 significant digits"),
        (156, 157, None),
        (138_357_544, 138_000_000, "rounded to its 3 significant digits"),  # VGG-16
        (568_740_352, 569_000_000, "rounded to its 3 significant digits"),  # MobileNet
        (86_704_128, 87e6, "rounded to its 2 significant digits"),
        (86_704_128, 86_700_000, "rounded to its 3 significant digits"),
        (1_792, 1_800, "rounded to its 2 significant digits"),
        (1_792, 1_700, "truncated to its 2 significant digits"),
        (0, 0, ""),
        (1, 0, None),
        (290_400, 253_440, None),
        ((96, 54, 54), (96, 55, 55), None),
        (((256, 48, 5, 5), (256,)), (256, 48, 5, 5), ""),
        (((256, 48, 5, 5), (256,)), (256, 96, 5, 5), None),
    ],
)
def test_a_round_figure_holds_in_its_digits_alone(ours: Any, printed: Any, how: str | None) -> None:
    assert matches(ours, printed) == how


def test_a_figure_for_another_input_is_held_against_that_input() -> None:
    figure = next(each for each in archscope.load("alexnet").published if each.input is not None)
    found = verify(archscope.load("alexnet"), ["published"])
    (finding,) = [each for each in found.findings if (each.layer, each.quantity) == ("conv1", "output")]
    assert figure.input == (3, 224, 224)
    assert (finding.ours, finding.theirs) == ((96, 54, 54), (96, 55, 55))


NOTATIONS = [
    # What was printed, a number that it stands for to the last digit, the place of its last digit.
    ("138M", 138 * 10**6, 10**6), ("138 M", 138 * 10**6, 10**6), ("138.0M", 138 * 10**6, 10**5),
    ("1.5G", 15 * 10**8, 10**8), ("0.57B", 57 * 10**7, 10**7), ("60.9K", 60_900, 100), ("60k", 60_000, 1000),
    ("87e6", 87 * 10**6, 10**6), ("87.0e6", 87 * 10**6, 10**5), ("8.67e+07", 867 * 10**5, 10**5),
    ("8.7×10^7", 87 * 10**6, 10**6), ("8.7 · 10⁷", 87 * 10**6, 10**6), ("60 million", 60 * 10**6, 10**6),
    ("62.3 million parameters", 623 * 10**5, 10**5), ("60,000", 60_000, 10_000), ("60 850", 60_850, 10),
    ("1_792", 1_792, 1), ("86700000", 867 * 10**5, 10**5), ("3 Ki", 3 * 1024, 1024),
]  # fmt: skip


@pytest.mark.parametrize(("text", "value", "place"), NOTATIONS)
def test_a_figure_is_as_precise_as_it_is_printed(text: str, value: int, place: int) -> None:
    figure = read_printed(text)
    assert figure.value == value
    digits = value // place
    many = f"its {len(str(digits))} significant digit{'s' if digits > 9 else ''}"
    for ours in (value - place, value - place // 2 - 1, value - place // 2, value, value + place // 2,
                 value + place // 2 + 1, value + place - 1, value + place):  # fmt: skip
        nearest = 2 * abs(ours - value) <= place
        expected = "" if ours == value else f"rounded to {many}" if nearest else (
            f"truncated to {many}" if ours // place == digits else None)  # fmt: skip
        assert figure.match(ours) == expected, (text, ours)
    about = read_printed(f"about {text}")
    assert [about.match(value + off) is not None for off in (-place, 1 - place, 0, place - 1, place)] == [
        False, True, True, True, False,
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("text", "holds"),
    [
        (">25M", (False, False, True)), ("over 25M", (False, False, True)),
        ("more than 25 million", (False, False, True)),
        ("≥25M", (False, True, True)), ("at least 25M", (False, True, True)), ("25M+", (False, True, True)),
        ("<25M", (True, False, False)), ("fewer than 25M", (True, False, False)), ("under 25e6", (True, False, False)),
        ("up to 25M", (True, True, False)), ("≤ 25,000,000", (True, True, False)),
        ("~25M", (True, True, True)), ("≈ 25M", (True, True, True)), ("ca. 25M", (True, True, True)),
        ("nearly 25M", (True, True, False)), ("exactly 25M", (False, True, False)), ("=25000000", (False, True, False)),
    ],
)  # fmt: skip
def test_a_figure_that_is_said_to_be_about_or_a_bound_holds_on_its_side(text: str, holds: tuple[bool, ...]) -> None:
    figure = read_printed(text)
    assert tuple(figure.match(25_000_000 + off) is not None for off in (-1, 0, 1)) == holds
    assert (figure.match(61_000_000) is not None) is (holds[2] and text[0] in ">om≥a2")


def test_k_is_1000_or_1024_where_the_spec_says_so() -> None:
    assert read_printed("64K").value == 64_000
    assert read_printed("64K", kilo=1024).value == 65_536
    assert read_printed("1.5M", kilo=1024).value == 1_572_864
    assert read_printed("2B", kilo=1024).value == 2 * 10**9, "a billion is a billion"


@pytest.mark.parametrize(
    "text", ["", "K", "many", "-5", "60 bananas", "1,80", "1e999", "6 FC 9216", "9" * 61, "1.5.2M"]
)
def test_what_is_no_figure_is_refused_with_the_notations_that_are_read(text: str) -> None:
    with pytest.raises(Rejects) as caught:
        read_printed(text)
    assert "138M" in str(caught.value.help)
    assert len(str(caught.value)) < 300


def test_figures_are_read_from_a_spec_in_the_notation_of_their_source(tmp_path: Path) -> None:
    spec = tmp_path / "one.yaml"
    figures = ["87000000", "87e6", "87.0e6", '"about 90M"', '">50M"', "86.7M", "{kilo: 1024, value: 83M}", "86M", "85M"]
    lines = [f"  - {{quantity: macs, source: p, {each.strip('{}') if each[0] == '{' else f'value: {each}'}}}"
             for each in figures]  # fmt: skip
    spec.write_text(
        "input: [3, 224, 224]\nsources: {p: A paper.}\nlayers:\n"
        "  c: {type: conv2d, out_channels: 64, kernel_size: 3, padding: 1}\npublished:\n" + "\n".join(lines) + "\n",
        encoding="utf-8",
    )
    found = verify(archscope.load(spec), ["published"]).findings
    assert [(each.verdict is Verdict.AGREES, each.why) for each in found] == [
        (True, "rounded to its 2 significant digits"),
        (True, "rounded to its 2 significant digits"),
        (False, ""),  # 87.0e6 says hundred thousands: 86,700,000 is printed 86.7e6
        (False, ""),  # about 90M is 89 to 91
        (True, "more than it, as printed"),
        (True, "rounded to its 3 significant digits"),
        (True, "rounded to its 2 significant digits"),  # 83 · 1,024² = 87,031,808
        (True, "truncated to its 2 significant digits"),
        (False, ""),
    ]
    assert found[1].theirs == "87e6"
    assert "macs is 86,704,128; p printed 85M" in found[-1].sentence
