"""The page of all networks: small figures, what was printed wrong, how networks grew."""

from __future__ import annotations

import re
from itertools import combinations

import pytest

import archscope
from archscope.site.audit import audit
from archscope.site.build import gather
from archscope.site.growth import Point, growth, width_of
from archscope.site.live import Palette
from archscope.site.markdown import index
from archscope.site.search import entries
from archscope.site.slips import first_slip
from archscope.site.thumbnail import thumbnail

WRONG = (
    "name: wrong\ninput: [4]\nsources: {own: 'A. B. Own. 1999.', other: 'C. D. Other. 2000.'}\n"
    "layers: {fc: {type: linear, out_features: 2}}\npublished:\n"
    "  - {quantity: parameters, value: 11, source: other, where: Tab. 9, why: It is not.}\n"
    "  - {claim: it is small, source: own, why: It is not. Nor was it ever.}\n"
    "  - {layer: fc, quantity: macs, value: 9, source: own, where: Tab. 1, why: 'Four, not 4.5. Twice.'}\n"
)


def analysis(text: str) -> archscope.Analysis:
    return archscope.analyze(archscope.read(text))


def test_the_slip_of_a_card_is_a_number_of_the_networks_own_paper() -> None:
    slip = first_slip(analysis(WRONG))
    assert slip is not None
    assert slip.text == "Tab. 1: MACs of fc 9; 8 come out"
    assert (slip.command, slip.why, slip.place, slip.more) == ("archscope explain wrong fc", "Four, not 4.5", 2, 2)


def test_words_that_do_not_hold_are_given_with_the_first_sentence_of_why() -> None:
    text = (
        WRONG[: WRONG.index("  - {layer: fc")].replace("value: 11", "value: 10").replace(", why: It is not.}", "}", 1)
    )
    slip = first_slip(analysis(text))
    assert slip is not None
    assert slip.text == "“it is small”. It is not"


def test_a_network_whose_figures_hold_has_no_slip() -> None:
    assert first_slip(archscope.analyze(archscope.load("zfnet"))) is None


def test_the_command_of_a_slip_shows_the_figure_and_why_it_does_not_hold(capsys: pytest.CaptureFixture[str]) -> None:
    from archscope.cli import main

    slip = first_slip(archscope.analyze(archscope.load("gpt2@small")))
    assert slip is not None
    assert main(slip.command.split()[1:]) == 0
    shown = capsys.readouterr().out
    assert "117M parameters (radford2019, Table 2)" in shown
    assert "  = 124,439,808" in shown


@pytest.mark.parametrize("name", archscope.reader.spec_names())
def test_each_slip_that_the_museum_names_is_checked_by_its_command(
    name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    from archscope.cli import main

    found = audit(archscope.analyze(archscope.load(name)))
    slip = first_slip(archscope.analyze(archscope.load(name)), found)
    if slip is None:
        assert not any(each.figure.why for each in found)
        return
    assert main(slip.command.split()[1:]) == 0
    shown = capsys.readouterr().out
    figure, why = found[slip.place].figure, " ".join((found[slip.place].figure.why or "").split())
    assert why in " ".join(shown.split())
    assert figure.cited in shown
    if figure.quantity is not None:
        assert found[slip.place].recomputed in shown


@pytest.mark.parametrize("name", ["lenet5", "alexnet", "unet", "gpt2@small"])
def test_a_small_figure_is_a_few_kilobytes_of_shapes(name: str) -> None:
    page = gather(archscope.analyze(archscope.load(name)))
    small = thumbnail(page.small, Palette())
    assert 500 < len(small) < 4_000
    width, height = map(int, re.search(r'viewBox="0 0 (\d+) (\d+)"', small).groups())  # type: ignore[union-attr]
    assert max(width, height) == 400
    assert "<text" not in small
    for x, y in re.findall(r"M(\d+) (\d+)", small):
        assert int(x) <= width
        assert int(y) <= height


def point(name: str, parameters: int, macs: int, **other: object) -> Point:
    about = {"family": name, "year": 2000, "task": "vision", "href": f"{name}/index.html", **other}
    return Point(name=name, parameters=parameters, macs=macs, **about)  # type: ignore[arg-type]


def test_a_picture_of_growth_needs_two_families_and_known_numbers() -> None:
    one, other = point("a", 1000, 10), point("b", 10, 0)
    assert growth([one], Palette()) is None
    assert growth([one, other], Palette()) is None
    assert growth([one, point("c", 10, 1000)], Palette()) is not None


def test_ten_times_the_parameters_is_a_step_of_the_same_length_everywhere() -> None:
    drawn = growth([point("a", 10, 10), point("b", 100, 10), point("c", 1000, 1000)], Palette())
    assert drawn is not None
    a, b, c = (float(x) for x in re.findall(r'<circle cx="([\d.]+)" cy="[\d.]+" r="4.6"', drawn))
    assert b - a == pytest.approx(c - b, abs=0.11)


def test_names_in_the_picture_are_apart() -> None:
    points = [point(f"network{place}", 1000 + 7 * place, 1000 + 9 * place) for place in range(12)]
    drawn = growth([*points, point("far", 10**9, 10**9)], Palette())
    assert drawn is not None
    names = re.findall(r'<text x="([\d.]+)" y="([\d.]+)" text-anchor="(\w+)" class="name">(\w+)<', drawn)
    assert 1 <= len(names) < 12
    boxes = []
    for x, y, anchor, name in names:
        left = float(x) - {"start": 0, "middle": 0.5, "end": 1}[anchor] * width_of(name)
        boxes.append((left, float(y) - 10.5, left + width_of(name), float(y) + 3))
    for (a, b, c, d), (e, f, g, h) in combinations(boxes, 2):
        assert c <= e or g <= a or d <= f or h <= b


def test_the_search_has_a_layer_of_equal_blocks_once() -> None:
    blocks = "blocks: {b: {layers: {a: {type: linear, out_features: 4}}}}\n"
    text = f"name: deep\ninput: [4]\n{blocks}layers: {{x: {{type: b, repeat: 3}}}}\n"
    page = gather(analysis(text))
    assert [each.n for each in entries([page]) if each.k == "layer"] == ["x.0.a"]


def test_the_index_in_markdown_goes_by_year_and_tells_the_slips() -> None:
    pages = [gather(analysis(text)) for text in (WRONG, f"year: 1990\n{WRONG.replace('wrong', 'older')}")]
    text = index(pages)
    assert text.index("## [older]") < text.index("## [wrong]")
    assert "| Tab. 1: MACs of fc 9; 8 come out. | `archscope explain wrong fc` |" in text
