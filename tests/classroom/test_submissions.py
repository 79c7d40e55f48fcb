"""Files with answers: every format read back, broken and hostile ones named, the others marked all the same."""

import csv
import io
import json
import zipfile

import pytest

import archscope
from archscope.classroom import mark, report, sheet_of
from archscope.classroom.submissions import LARGEST, read_answers
from archscope.classroom.writers import write
from archscope.cli import main
from archscope.errors import UsageError

LAYERS = ("C1", "S2", "C3", "total")
HEAD = "layer,output,parameters,connections,macs\n"


def answers_of(tmp_path, name, content):
    path = tmp_path / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return read_answers(path, LAYERS)


def filled(suffix, tmp_path, seed=10):
    """The form or sheet as archscope writes it, with 150 and a shape written into it, and a name."""
    sheet = sheet_of(archscope.analyze(archscope.load("lenet5")), spec="lenet5", seed=seed, layers="C1..C3")
    made = write(sheet, suffix)
    path = tmp_path / f"ada.{suffix}"
    if suffix == "xlsx":
        import openpyxl

        book = openpyxl.load_workbook(io.BytesIO(made))
        page = book.active
        page["B3"] = "Ada"
        page["B5"], page["C5"], page["D5"] = "6@28×28", "=5*5*6", 122304.0
        book.save(path)
        return path
    text = str(made)
    if suffix == "csv":
        text = text.replace("pupil,", "pupil,Ada").replace("C1,,,,", 'C1,6@28×28,=5*5*6,"122,304",')
    elif suffix == "md":
        line = next(each for each in text.splitlines() if each.startswith("| C1"))
        cells = line.split("|")
        cells[3:6] = [" 6@28×28 ", r" =5\*5\*6 ", " 122,304 "]
        text = text.replace(line, "|".join(cells)).replace("Pupil: ", "Pupil: Ada")
    else:
        book = json.loads(text)
        source = book["cells"][1]["source"].replace('pupil = ""', 'pupil = "Ada"')
        blank = '"C1": {"output": ..., "parameters": ..., "connections": ...'
        source = source.replace(blank, '"C1": {"output": (6, 28, 28), "parameters": 5*5*6, "connections": "122,304"')
        book["cells"][1]["source"] = source.splitlines(keepends=True)
        text = json.dumps(book)
    path.write_text(text)
    return path


@pytest.mark.parametrize("suffix", ["csv", "xlsx", "md", "ipynb"])
def test_a_sheet_of_every_format_is_filled_in_and_read_back(suffix, tmp_path):
    if suffix == "xlsx":
        pytest.importorskip("openpyxl")
    found = read_answers(filled(suffix, tmp_path), ("C1", "S2", "C3"))
    assert (found.pupil, found.seed) == ("Ada", 10)
    assert found.answers["C1", "parameters"].lstrip("=") == "5*5*6"
    assert found.answers["C1", "connections"].replace(",", "") == "122304"
    assert found.answers["C3", "macs"] == ""
    assert found.quantities == ("output", "parameters", "connections", "macs")


def test_a_class_in_four_formats_is_marked_and_a_broken_file_holds_nobody_up(tmp_path, capsys):
    pytest.importorskip("openpyxl")
    for suffix in ("csv", "xlsx", "md", "ipynb"):
        filled(suffix, tmp_path).rename(tmp_path / f"{suffix}.{suffix}")
    (tmp_path / "broken.csv").write_text("layer,paramters\nC1,156\n")
    (tmp_path / "letters.csv").write_text("sheet,10\nlayer,parameters\nC1,lots of them\n")
    (tmp_path / "ignored.pdf").write_text("%PDF")
    output = tmp_path / "class.csv.out"
    assert main(["mark", "lenet5", str(tmp_path), "--layers", "C1..C3", "-f", "csv", "-o", str(output)]) == 2
    rows = list(csv.DictReader(io.StringIO(output.read_text())))
    assert [row["pupil"] for row in rows] == ["Ada", "Ada", "letters", "Ada", "Ada"]
    assert [row["wrong"] for row in rows] == ["3", "3", "0", "3", "3"]  # sheet 10 is another network
    errors = capsys.readouterr().err.splitlines()
    assert len(errors) == 2
    assert "broken.csv: row 1, column 2: `paramters` is no quantity; did you mean `parameters`?" in errors[0]
    assert "letters.csv: row 3, column parameters: `lots of them`: `l` is no part" in errors[1]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "no row begins with `layer`"),
        ("a,b\n1,2\n", "no row begins with `layer`"),
        ("layer\nC1\n", "has no column to answer in"),
        ("layer,parameters,parameters\n", "row 1, column 3: `parameters` stands there a second time"),
        ("layer,paramters\n", "row 1, column 2: `paramters` is no quantity"),
        (HEAD + "C9,,,,\n", "row 2, column layer: there is no layer `C9`"),
        (HEAD + "C1,,1,,\nC1,,2,,\n", "row 3: `C1` stands there a second time"),
        (HEAD + "C1,6x28x28,156,122,304,117,600\n", "row 2 has 7 cells, its head 5; put a number with commas"),
        ("sheet,seven\n" + HEAD, "row 1: `seven` is no number of a sheet"),
        ("sheet,99999999999999\n" + HEAD, "is no number of a sheet"),
        ("layer,quantity,answer\nC1,weights,5\n", "row 2, column quantity: `weights` is none"),
        (HEAD + "C1," + "9" * 20_000 + ",,,\n", "row 2, column output: 20,000 characters are too many"),
    ],
)
def test_a_broken_file_is_named_with_its_row_and_column_in_one_line(text, says, tmp_path):
    with pytest.raises(UsageError) as caught:
        answers_of(tmp_path, "a.csv", text)
    assert says in str(caught.value)
    assert "a.csv" in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("sign", [",", ";", "\t"])
def test_csv_is_read_as_every_spreadsheet_saves_it(sign, tmp_path):
    rows = [["sheet", "3"], ["layer", "output", "Parameters"], ["c1", "'=6@28x28", "156.0"], ["Total", "", "60 850"]]
    text = "\ufeff" + "\r\n".join(sign.join(row) for row in rows)
    found = answers_of(tmp_path, "bo.csv", text)
    assert found.seed == 3
    assert found.answers == {("C1", "output"): "=6@28x28", ("C1", "parameters"): "156.0",
                             ("total", "output"): "", ("total", "parameters"): "60 850"}  # fmt: skip


def test_a_row_for_each_answer_is_read_too(tmp_path):
    found = answers_of(tmp_path, "a.csv", "layer,quantity,answer\nC1,parameters,156\nC1,MACs,117600\n")
    assert found.answers == {("C1", "parameters"): "156", ("C1", "macs"): "117600"}


@pytest.mark.parametrize(
    ("name", "content", "says"),
    [
        ("a.csv", b"layer,parameters\nC1,\xff\n", "row 2 is not UTF-8"),
        ("a.csv", b"x" * (LARGEST + 1), "bytes are too many"),
        ("a.csv", b'layer,parameters\nC1,"' + b"9" * 200_000, "row 2"),
        ("a.csv", b"layer,parameters\n" + b"\n" * 3000, "rows are no sheet"),
        ("a.ipynb", b"{", "it is no notebook"),
        ("a.ipynb", b"[" * 100_000, "it is no notebook"),
        ("a.ipynb", b'{"cells": [{"cell_type": "code", "source": "answers = 1 +"}]}', "line 1: it is no Python"),
        ("a.ipynb", b'{"cells": [{"cell_type": "code", "source": "answers = 1"}]}', "write a dictionary"),
        ("a.ipynb", b'{"cells": [{"cell_type": "code", "source": "answers = {1: 2}"}]}', "a name in quotes"),
        ("a.ipynb", b'{"cells": [{"cell_type": "code", "source": "answers = {\\"C9\\": {}}"}]}', "no layer `C9`"),
        ("a.ipynb", b'{"cells": []}', "no cell says `answers"),
        ("a.pdf", b"%PDF", "answers are read from .csv, .xlsx, .md, .ipynb files"),
    ],
)
def test_a_hostile_file_is_refused_in_one_line(name, content, says, tmp_path):
    with pytest.raises(UsageError) as caught:
        answers_of(tmp_path, name, content)
    assert says in str(caught.value)
    assert "\n" not in str(caught.value)


def zipped(**parts):
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in parts.items():
            archive.writestr(name, content)
    return out.getvalue()


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"not a zip", "it is no spreadsheet"),
        (zipped(a="x"), "it is no spreadsheet that can be read"),
        (zipped(bomb=b"0" * (21 * 1024 * 1024)), "unpacked it would be 22,020,096 bytes"),
        (zipped(**{f"part{at}": "" for at in range(600)}), "in 600 parts"),
    ],
)
def test_an_archive_that_swells_or_is_none_is_refused_before_it_is_unpacked(content, says, tmp_path):
    pytest.importorskip("openpyxl")
    with pytest.raises(UsageError) as caught:
        answers_of(tmp_path, "a.xlsx", content)
    assert says in str(caught.value)


def test_nothing_in_a_notebook_is_run(tmp_path):
    ran = tmp_path / "ran"
    source = f'answers = {{"C1": {{"parameters": open({str(ran)!r}, "w").write("x")}}}}'
    book = json.dumps({"cells": [{"cell_type": "code", "source": source}]})
    found = answers_of(tmp_path, "a.ipynb", book)
    assert found.answers["C1", "parameters"].startswith("open(")
    assert not ran.exists()
    assert main(["mark", "lenet5", str(tmp_path / "a.ipynb")]) == 2
    assert not ran.exists()


def test_a_formula_of_cells_is_no_answer_and_stays_text_in_every_report(tmp_path, capsys):
    (tmp_path / "=cmd.csv").write_text('pupil,"=HYPERLINK(""x"")"\nlayer,parameters\nC1,"=cmd|\' /C calc\'!A0"\n')
    for suffix in ("csv", "md", "html", "txt"):
        output = tmp_path / f"report.{suffix}.out"
        form = {"md": "markdown", "txt": "text"}.get(suffix, suffix)
        arguments = ["--blank", "parameters", "-f", form, "-o", str(output)]
        assert main(["mark", "lenet5", str(tmp_path / "=cmd.csv"), *arguments]) == 2
        text = output.read_text()
        if suffix == "csv":
            assert "\"'=HYPERLINK(" in text
    assert "\x1b" not in capsys.readouterr().err


def test_control_characters_and_markup_do_nothing_in_a_report(tmp_path, capsys):
    text = "pupil,<script>alert(1)</script>\x1b]0;x\x07\nlayer,parameters\nC1,\x1b[2J<b>\n"
    (tmp_path / "a.csv").write_text(text)
    for form in ("html", "markdown", "text"):
        main(["mark", "lenet5", str(tmp_path / "a.csv"), "--blank", "parameters", "-f", form])
        shown = capsys.readouterr()
        assert "\x1b" not in shown.out + shown.err
        if form != "text":
            assert "<script" not in shown.out
            assert "<b>" not in shown.out


def test_a_seed_that_is_said_twice_has_to_be_the_same(tmp_path, capsys):
    (tmp_path / "a.csv").write_text("sheet,7\n" + HEAD)
    assert main(["mark", "lenet5", str(tmp_path / "a.csv"), "--vary", "8"]) == 2
    assert "it answers sheet 7, and `--vary` says 8" in capsys.readouterr().err
    assert main(["mark", "lenet5", str(tmp_path / "a.csv"), "--vary", "7"]) == 0


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["nowhere.csv"], "there is no file nowhere.csv"),
        (["."], "holds no answers"),
        (["nowhere.csv", "-f", "bmp"], "no format `bmp`"),
        (["nowhere.csv", "--blank", ""], "leaves nothing blank"),
    ],
)
def test_a_wrong_request_is_one_line(arguments, says, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert main(["mark", "lenet5", *arguments]) == 2
    error = capsys.readouterr().err
    assert says in error
    assert error.count("\n") == 1


def test_a_column_that_is_not_there_counts_as_blank_and_is_told(tmp_path, capsys):
    (tmp_path / "a.csv").write_text("layer,parameters\nC1,156\n")
    assert main(["mark", "lenet5", str(tmp_path / "a.csv")]) == 0
    shown = capsys.readouterr().out
    assert "a: 1 of 32" in shown
    assert "no column for Output, Connections, MACs" in " ".join(shown.split())
    assert main(["mark", "lenet5", str(tmp_path / "a.csv"), "--blank", "parameters", "--layers", "C1"]) == 0
    assert "a: 1 of 1" in capsys.readouterr().out


def test_the_report_of_one_pupil_fits_a_terminal_of_80_columns():
    sheet = sheet_of(archscope.analyze(archscope.load("lenet5")))
    paper = mark(sheet, {("C1", "output"): "6x27x27", ("C3", "parameters"): "2400", ("C1", "macs"): "x" * 300})
    assert max(map(len, report.write([paper], width=80).splitlines())) <= 80
