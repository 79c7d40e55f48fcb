"""A layer asked for in a terminal or a pipe, and derivations as slides."""

import io
import sys

import pytest

import archscope
from archscope.classroom.asking import ask
from archscope.classroom.slides import slides, write
from archscope.cli import main
from archscope.errors import NotFound, UsageError
from archscope.files import is_there


def asked(monkeypatch, capsys, typed, *arguments):
    monkeypatch.setattr(sys, "stdin", io.StringIO(typed))
    status = main(["explain", "lenet5", *arguments, "--ask"])
    return status, capsys.readouterr().out


def test_a_layer_is_asked_for_through_a_pipe(monkeypatch, capsys):
    status, out = asked(monkeypatch, capsys, "6x28x28\n150\n?\n(5*5+1)*6\n122304\n117600\n", "C1")
    assert status == 0
    assert "Not yet: you have 150 = 5·5·1·6: the 6 biases are missing." in out
    assert "(k·k·c + 1)·n" in out
    assert out.endswith("4 of 4 right.\n")
    assert max(map(len, out.splitlines())) <= 80


def test_the_first_wrong_answer_is_explained_without_the_right_one_and_the_second_with_it(monkeypatch, capsys):
    out = asked(monkeypatch, capsys, "6x28x28\n150\n150\n", "C1")[1]
    assert "156" not in out.partition("> 150")[2].partition("> 150")[0]
    assert "156 = (5·5·1 + 1)·6; you have 150" in out


def test_an_empty_line_tells_the_answer_and_the_end_of_input_ends_it(monkeypatch, capsys):
    status, out = asked(monkeypatch, capsys, "\n", "C1")
    assert status == 0
    assert "6×28×28 with 32 − 5 + 1 = 28." in out
    assert out.endswith("0 of 4 right.\n")
    assert asked(monkeypatch, capsys, "", "C1")[1].endswith("0 of 4 right.\n")


def test_what_is_typed_is_never_obeyed_by_the_terminal(monkeypatch, capsys):
    out = asked(monkeypatch, capsys, "\x1b[2J\n" + "9" * 30_000 + "\n__import__('os')\n", "C1")[1]
    assert "\x1b" not in out


def test_the_whole_network_is_asked_for_as_total(monkeypatch, capsys):
    assert asked(monkeypatch, capsys, "60850\n340918\n326520\n", "total")[1].endswith("3 of 3 right.\n")


def test_wrong_requests_are_one_line(monkeypatch, capsys):
    for arguments, says in ((["C9", "--ask"], "has no layer `C9`"), (["C1", "--ask", "-o", "x"], "writes no file")):
        assert main(["explain", "lenet5", *arguments]) == 2
        error = capsys.readouterr().err
        assert says in error
        assert error.count("\n") == 1


@pytest.mark.parametrize("layer", ["C1", "S2", "C3", "flatten", "F6", "OUTPUT"])
def test_right_answers_are_all_right(layer):
    analysis = archscope.analyze(archscope.load("lenet5"))
    row = analysis[layer]
    answers = iter(["×".join(str(int(each)) for each in row.output),
                    *(str(int(row.count_of(each))) for each in ("parameters", "connections", "macs"))])  # fmt: skip
    right, many = ask(analysis, layer, lambda: next(answers, None), lambda text: None)
    assert right == many


def test_a_derivation_is_a_step_a_slide():
    analysis = archscope.analyze(archscope.load("lenet5"))
    told = [each.lines for each in slides(analysis, "C1") if "Parameters" in each.heading]
    assert [len(lines) for lines in told] == [1, 2, 3]
    assert told[-1][1:] == ("= (5·5·1 + 1)·6", "= 156")
    whole = slides(analysis, "total")
    assert {"C1", "S2", "C3", "S4", "C5", "F6", "OUTPUT"} <= {each.heading.partition(" ")[0] for each in whole}
    assert any("60,850" in line for each in whole for line in each.lines)
    with pytest.raises(NotFound):
        slides(analysis, "C9")
    with pytest.raises(UsageError, match="more than 400 slides"):
        slides(archscope.analyze(archscope.load("resnet@152")), "total")


def test_slides_are_native_text_that_powerpoint_reads(tmp_path):
    pptx = pytest.importorskip("pptx")
    output = tmp_path / "c3.pptx"
    assert main(["explain", "lenet5", "C3", "-o", str(output)]) == 0
    show = pptx.Presentation(output)
    texts = [shape.text_frame.text for slide in show.slides for shape in slide.shapes if shape.has_text_frame]
    assert any("= (5·5·60 + 16)·10·10" in text for text in texts)
    assert texts[0] == "C3 of LeNet-5"
    for slide in show.slides:
        for shape in slide.shapes:
            assert shape.left >= 0
            assert shape.left + shape.width <= show.slide_width
            assert shape.top + shape.height <= show.slide_height
    analysis = archscope.analyze(archscope.load("lenet5"))
    assert write(analysis, "C3")[:2] == b"PK"


def test_slides_without_their_package_say_which_it_is(monkeypatch, capsys, tmp_path):
    monkeypatch.setitem(sys.modules, "pptx", None)
    assert main(["explain", "lenet5", "C1", "-o", str(tmp_path / "a.pptx")]) == 3
    assert "pip install 'archscope[classroom]'" in capsys.readouterr().err
    assert not is_there(tmp_path / "a.pptx")
