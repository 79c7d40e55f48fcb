"""Every mistake that can be read off a spec: ``tests/broken/<mistake>.yaml`` beside its exact message.

``python -m tests.test_mistakes`` writes the messages anew; read the difference before you commit it.
"""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import archscope
from archscope.errors import NotFound, SpecError, UsageError

BROKEN = Path(__file__).parent / "broken"
SPECS = sorted(BROKEN.glob("*.yaml"))


def message(path: Path) -> str:
    """What the reader says of a spec, with the spec's bare name for its place."""
    with pytest.raises(SpecError) as caught:
        archscope.load(path)
    return str(caught.value).replace(f"{path.parent}/", "").replace("tests/broken/", "") + "\n"


@pytest.mark.parametrize("path", SPECS, ids=lambda path: path.stem)
def test_a_mistake_is_reported_where_it_is_written_with_what_to_write_instead(path: Path) -> None:
    assert message(path) == path.with_suffix(".txt").read_text(encoding="utf-8")


@pytest.mark.parametrize("path", SPECS, ids=lambda path: path.stem)
def test_every_mistake_has_a_place(path: Path) -> None:
    with pytest.raises(SpecError) as caught:
        archscope.load(path)
    assert all(diagnostic.span is not None for diagnostic in caught.value.diagnostics)


@pytest.mark.parametrize("path", SPECS, ids=lambda path: path.stem)
def test_a_shape_is_told_as_a_table_tells_it_and_not_as_python_does(path: Path) -> None:
    with pytest.raises(SpecError) as caught:
        archscope.load(path)
    told = [
        text for each in caught.value.diagnostics for text in (each.message, *(note.message for note in each.notes))
    ]
    assert [text for text in told if re.search(r"\(\d+,", text)] == []


def test_all_mistakes_of_a_file_are_in_one_report_and_cause_no_second_one() -> None:
    with pytest.raises(SpecError) as caught:
        archscope.load(BROKEN / "mistakes-everywhere.yaml")
    assert [diagnostic.name for diagnostic in caught.value.diagnostics] == [
        "wrong-value",
        "unknown-option",
        "unknown-activation",
        "wrong-value",
        "unknown-type",
        "unknown-layer",
    ]


def test_a_missing_file_is_offered_its_neighbour(tmp_path: Path) -> None:
    (tmp_path / "my_net.yaml").write_text("input: [1]\n", encoding="utf-8")
    with pytest.raises(NotFound, match=r"did you mean .*my_net\.yaml"):
        archscope.load(tmp_path / "mynet.yaml")


def test_an_unknown_name_is_offered_the_nearest_spec() -> None:
    with pytest.raises(NotFound, match="did you mean `lenet5`"):
        archscope.load("lenet-5")


def test_a_directory_is_no_spec(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="is a directory"):
        archscope.load(tmp_path)


def test_a_missing_folder_is_named(tmp_path: Path) -> None:
    with pytest.raises(NotFound, match="there is no directory"):
        archscope.load(tmp_path / "nowhere" / "net.yaml")


def test_a_number_of_a_million_digits_is_a_mistake_and_not_a_wait() -> None:
    with pytest.raises(SpecError, match="a number of 1,000,000 characters"):
        archscope.read(f"input: [1, 8, 8]\nlayers:\n  C1: {{type: relu}}\nfoo: {'9' * 1_000_000}\n")


def test_the_excerpt_of_a_long_line_is_cut_around_the_mark() -> None:
    with pytest.raises(SpecError) as caught:
        archscope.read(f"input: [1, 8, 8]\nlayers:\n  C1: {{type: relu, {'x' * 500}: 1}}\n")
    assert max(len(line) for line in str(caught.value.diagnostics[0].span.excerpt()).splitlines()) < 700
    assert all(len(line) < 120 for line in caught.value.diagnostics[0].span.excerpt())


@pytest.mark.parametrize("change", ["C1", "C1.padding", "padding=2", "=2", "C1.padding="])
def test_a_change_that_is_not_written_layer_option_value_is_refused(change: str) -> None:
    with pytest.raises(UsageError, match="write layer"):
        archscope.load("lenet5", changes=[change])


def test_a_change_of_an_unknown_layer_points_at_it() -> None:
    with pytest.raises(SpecError) as caught:
        archscope.load("lenet5", changes=["C9.padding=2"])
    assert str(caught.value) == (
        "error[unknown-layer]: there is no layer `C9` to change\n"
        " --> --set:1:1\n  |\n1 | C9.padding=2\n  | ^^\nhelp: layers: C1, S2, C3, S4, C5, flatten, F6, OUTPUT"
    )


def test_a_change_of_an_unknown_option_points_at_it() -> None:
    with pytest.raises(SpecError) as caught:
        archscope.load("lenet5", changes=["C1.pading=2"])
    assert "1 | C1.pading=2\n  |    ^^^^^^\nhelp: did you mean `padding`?" in str(caught.value)


@pytest.mark.parametrize("shape", ["", "a,b", "1,28,", "[1", "1,-28,28", "1;28", "1.5,3"])
def test_an_input_that_is_no_shape_is_refused(shape: str) -> None:
    with pytest.raises((SpecError, UsageError)):
        archscope.load("lenet5", input=shape)


if __name__ == "__main__":
    for each in SPECS:
        each.with_suffix(".txt").write_text(message(each), encoding="utf-8")
