"""What a notebook and a prompt show of each thing: a short line, and a view."""

from __future__ import annotations

import html
import re
from pathlib import Path
from typing import Any

import pytest

import archscope
from archscope.diagrams.drawing import NOTEBOOK
from archscope.diagrams.html import packed_in
from archscope.diagrams.side_by_side import SideBySide
from archscope.difference import difference
from archscope.formats import write
from archscope.oracles import Verification, verify
from archscope.oracles.findings import Finding, Verdict
from archscope.oracles.report import write_matrix
from tests.diagrams.branching import Builder, unlike

LENET = archscope.load("lenet5")
ANALYSIS = archscope.analyze(LENET)


@pytest.mark.parametrize(
    ("thing", "line"),
    [
        (LENET, "<archscope network lenet5: 14 nodes, given input 1×32×32>"),
        (ANALYSIS, "<archscope analysis of lenet5: 8 rows, 60,850 parameters>"),
        (ANALYSIS.totals, "<archscope totals: 60,850 parameters, 326,520 MACs>"),
        (
            SideBySide(difference(LENET, archscope.load("lenet4"))),
            "<archscope drawing of lenet5 and lenet4 side by side>",
        ),
        (ANALYSIS["C1"], "<archscope row C1: conv 5×5, output 6×28×28, 156 parameters>"),
    ],
)
def test_a_prompt_shows_one_line(thing: Any, line: str) -> None:
    assert repr(thing) == line


def test_a_verification_is_one_line_and_a_matrix_that_scrolls() -> None:
    verification = verify(LENET, ["published"])
    assert repr(verification).startswith("<archscope verification of lenet5: ")
    assert "\n" not in repr(verification)
    assert verification._repr_html_().startswith('<pre style="overflow-x: auto; white-space: pre; font-family: mono')
    assert "C3" in verification._repr_html_()


def test_a_verification_has_the_colours_of_the_page_it_is_put_into() -> None:
    shown = verify(LENET, ["published"])._repr_html_()
    assert "color: inherit; background: transparent" in shown.partition(">")[0]


@pytest.mark.parametrize(
    "shown", [LENET, ANALYSIS, ANALYSIS["C1"], ANALYSIS.totals, ANALYSIS.symbolic("C1.out_channels")["C1"]]
)
def test_a_table_has_the_colours_of_the_page_it_is_put_into(shown: Any) -> None:
    """A notebook is light or dark, and nothing tells which: no ink and no ground is named but what both can show."""
    named = re.findall(r"(?:color|background|fill|stroke): *([^;}\"]+)", shown._repr_html_())
    assert set(named) == {"currentColor", "rgb(128 128 128 / .14)"}


def test_in_jupyter_a_verification_is_shown_once_and_by_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    """There, a console of rich's shows each line as a cell's output of its own, and writes nothing."""
    verification = verify(LENET, ["published"])
    elsewhere = verification._repr_html_()
    monkeypatch.setattr("rich.console._is_jupyter", lambda: True)
    assert verification._repr_html_() == elsewhere


def test_a_long_table_is_shown_in_groups_as_deep_as_there_is_room_and_says_so() -> None:
    """10,000 rows were 2.6 MB in the file of a notebook, at every run."""
    long = archscope.analyze(unlike(5, 40, 5))
    shown = long._repr_html_()
    assert (len(long.at(1)), len(long.at(2)), len(long.rows)) == (5, 200, 1000)
    assert shown.count("<tr>") == 200 + 2
    assert '1,000 layers, in groups, to depth 2; all: <code>archscope.formats.write(analysis, "html")</code>' in shown
    assert f'<td class="n">{long.totals.parameters:,}</td>' in shown, "the total is of all"
    assert "to depth" not in ANALYSIS._repr_html_()


def test_of_a_long_table_without_groups_the_first_and_the_last_are_shown() -> None:
    b = Builder("long", input=(8,))
    last = "input"
    for number in range(701):
        last = b.add(f"fc{number}", "linear", last, out_features=8)
    long = archscope.analyze(b.network())
    shown = long._repr_html_()
    assert "701 layers, of which 500 are here; all: " in shown
    assert "… 201 more …" in shown
    named = [f"fc{number}" for number in range(701) if f">fc{number}<" in shown]
    assert named == [f"fc{number}" for number in (*range(250), *range(451, 701))]
    everything = write(long, "html")
    assert all(f">fc{number}<" in everything for number in range(701))


def test_of_a_long_verification_what_differs_is_shown_too() -> None:
    b = Builder("long", input=(8,))
    last = "input"
    for number in range(701):
        last = b.add(f"fc{number}", "linear", last, out_features=8)
    layers = (*(f"fc{number}" for number in range(701)), None)
    wrong = Finding("published", "fc400", "parameters", Verdict.DIFFERS, 72, 71)
    right = [Finding("published", each, "parameters", Verdict.AGREES, 72, 72) for each in layers if each != "fc400"]
    verification = Verification(archscope.analyze(b.network()), ("published",), (wrong, *right))
    lines = verification._repr_html_().splitlines()
    start = lines.index(next(each for each in lines if each.startswith("fc249")))
    assert lines[start + 1] == "… 150 more, none of which differs"
    assert lines[start + 2].split() == ["fc400", "DIFFERS"]
    assert lines[start + 3] == "… 50 more, none of which differs"
    assert lines[start + 4].startswith("fc451")
    assert "fc300" in write_matrix([verification]), "in a terminal all are shown"


def test_a_network_is_shown_as_its_table() -> None:
    assert LENET._repr_html_() == ANALYSIS._repr_html_()


def test_a_row_is_shown_with_its_working() -> None:
    shown = ANALYSIS["C1"]._repr_html_()
    assert '<th scope="row">parameters</th><td class="n">156</td><td>(5·5·1 + 1)·6</td>' in shown
    assert '<th scope="row">receptive field</th><td class="n">5×5</td>' in shown


def test_a_row_says_why_a_number_is_not_covered() -> None:
    shown = archscope.analyze("transformer@base").rows[0]._repr_html_()
    assert '<th scope="row">connections</th><td class="n">–</td><td>a look-up selects weights' in shown


def test_totals_are_shown_as_a_list() -> None:
    shown = ANALYSIS.totals._repr_html_()
    assert '<th scope="row">parameters</th><td class="n">60,850</td>' in shown
    assert '<th scope="row">FLOPs</th><td class="n">653,040</td>' in shown


def test_totals_say_why_a_number_is_not_covered_and_what_is_known() -> None:
    import torch

    class Strange(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.fc = torch.nn.Linear(4, 4)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return torch.linalg.matrix_exp(self.fc(x))

    totals = archscope.analyze(Strange(), (4, 4)).totals
    assert repr(totals) == "<archscope totals: 20 parameters, MACs not covered>"
    shown = totals._repr_html_()
    assert '<th scope="row">MACs</th><td class="n">at least 64</td><td>' + html.escape(totals.reasons["macs"]) in shown
    assert '<th scope="row">FLOPs</th><td class="n">at least 128</td>' in shown


def test_two_networks_side_by_side_scroll_where_they_are_wide() -> None:
    pairs = (("lenet5", "lenet4"), ("unet", "resnet@18"))
    one, wide = (SideBySide(difference(archscope.load(a), archscope.load(b))) for a, b in pairs)
    assert one._repr_mimebundle_() == {"image/svg+xml": one.write("svg")}
    assert one.scene.width <= NOTEBOOK < wide.scene.width
    assert wide._repr_mimebundle_()["text/html"].startswith(
        '<div style="overflow-x: auto"><svg style="max-width: none" '
    )


def test_a_symbolic_row_is_shown_too() -> None:
    opened = ANALYSIS.symbolic("C1.out_channels")
    assert "26·C1.out_channels parameters>" in repr(opened["C1"])
    assert "26·C1.out_channels" in opened["C1"]._repr_html_()


def test_a_name_a_path_and_a_module_are_taken_where_a_network_is(tmp_path: Path) -> None:
    import torch

    path = tmp_path / "tiny.yaml"
    path.write_text("input: [4]\nlayers:\n  fc: {type: linear, out_features: 2}\n")
    assert archscope.analyze("lenet5") == ANALYSIS
    assert archscope.analyze(ANALYSIS) is ANALYSIS
    assert archscope.analyze(path).totals.parameters == 10
    assert verify("lenet5", ["published"]) == verify(ANALYSIS, ["published"])
    assert archscope.draw("lenet5").svg == archscope.draw(ANALYSIS).svg == archscope.draw(LENET).svg
    assert "fc" in archscope.draw(path).svg
    assert "8×4×4" in archscope.draw(torch.nn.Conv2d(3, 8, 3), (3, 6, 6), style="graph").svg


@pytest.mark.parametrize("take", [archscope.analyze, archscope.draw, archscope.verify])
def test_what_is_no_network_is_refused_at_once(take: Any) -> None:
    with pytest.raises(archscope.NotFound, match="lenet55"):
        take("lenet55")
    with pytest.raises(archscope.UsageError):
        take(17)


@pytest.mark.parametrize("take", [archscope.analyze, archscope.draw])
def test_a_spec_takes_no_inputs_beside_it(take: Any) -> None:
    with pytest.raises(archscope.UsageError, match="inputs are for a module"):
        take("lenet5", (1, 32, 32))


def test_all_public_names_can_be_completed() -> None:
    assert set(archscope.__all__) <= set(dir(archscope))


def test_a_depthwise_convolution_is_called_so_wherever_it_is_told_of() -> None:
    """Boxes said it, and tables, what a page tells of the box, and what a listener hears said ``conv 3×3 g32``."""
    b = Builder("deep", input=(32, 8, 8))
    b.add("own", "conv2d", b.add("deep", "conv2d", "input", out_channels=32, kernel_size=3, groups=32), out_channels=32,
          kernel_size=3, groups=4)  # fmt: skip
    analysis = archscope.analyze(b.network())
    assert [row.label for row in analysis.rows] == ["depthwise conv 3×3", "conv 3×3 g4"]
    drawn = [archscope.draw(analysis, style=style) for style in ("graph", "boxes")]
    told = [write(analysis), analysis._repr_html_(), repr(analysis["deep"]), *(each.svg for each in drawn)]
    told += [str(packed_in(str(each.write("html")))) for each in drawn]
    for each in told:
        assert "depthwise" in each
        assert "g32" not in each
