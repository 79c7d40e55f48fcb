"""Worksheets, their variations and their keys."""

import html
import io
import json
import zipfile
from itertools import pairwise

import pytest

import archscope
from archscope.classroom import sheet_of, vary
from archscope.classroom.sheet import QUANTITIES
from archscope.classroom.variation import seeds_in
from archscope.classroom.writers import FORMATS, write
from archscope.cli import main
from archscope.errors import NotFound, UsageError


def the_sheet(spec="lenet5", **asked):
    return sheet_of(archscope.analyze(archscope.load(spec)), spec=spec, **asked)


def texts_of(content, suffix):
    """All that a file says."""
    if suffix in ("docx", "xlsx"):
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            return html.unescape(
                "\n".join(archive.read(name).decode() for name in archive.namelist() if name.endswith(".xml"))
            )
    return content if isinstance(content, str) else content.decode("latin-1")


def test_a_sheet_asks_for_every_number_that_is_worth_asking_for():
    sheet = the_sheet()
    assert len(sheet.questions) == 8 + 3 * 7 + 3  # 8 shapes; three counts of all but `flatten`; three totals
    assert sheet.answers["C3", "parameters"].right == 1516
    assert ("flatten", "parameters") not in sheet.answers
    assert sheet.answers["total", "connections"].right == 340_918


def test_layers_are_named_as_ranges_and_lists():
    assert [row.name for row in the_sheet(layers="C1..C3").rows] == ["C1", "S2", "C3"]
    assert [row.name for row in the_sheet(layers="F6, C1").rows] == ["C1", "F6"]
    assert the_sheet(layers="C1..OUTPUT").lines[-1] == "OUTPUT"


@pytest.mark.parametrize(
    ("asked", "error", "says"),
    [
        ({"blank": ""}, UsageError, "leaves nothing blank"),
        ({"blank": " , "}, UsageError, "leaves nothing blank"),
        ({"layers": "flatten", "blank": "parameters"}, UsageError, "leaves nothing blank"),
        ({"blank": "fixed", "layers": "flatten"}, UsageError, "leaves nothing blank"),
        ({"blank": "paramters"}, NotFound, "did you mean `parameters`?"),
        ({"layers": "C9"}, NotFound, "has no layer `C9`"),
        ({"layers": "F6..C1"}, UsageError, "`C1` stands before `F6`"),
    ],
)
def test_a_sheet_that_cannot_be_is_refused(asked, error, says):
    with pytest.raises(error) as caught:
        the_sheet(**asked)
    assert says in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("quantity", QUANTITIES)
def test_every_quantity_can_be_left_blank(quantity):
    spec = "lenet5-1998" if quantity == "fixed" else "lenet5"
    sheet = the_sheet(spec, blank=quantity)
    assert {each.quantity for each in sheet.questions} == {quantity}


def test_a_hundred_seeds_of_lenet5_are_a_hundred_valid_networks_and_neighbours_differ_in_the_first_layers():
    varied = [vary("lenet5", seed) for seed in range(1, 101)]
    numbers = [tuple(row.parameters for row in archscope.analyze(each.network).rows) for each in varied]
    assert len({tuple(each.changes.items()) for each in varied}) == 100
    assert len(set(numbers)) > 80
    for one, other in pairwise(numbers):
        assert sum(a != b for a, b in zip(one, other, strict=True)) >= 2
    assert all(not each.network.doubts for each in varied)


def test_the_windows_of_sub_sampling_are_varied_and_whatever_follows_still_fits():
    """A window of 3 leaves 5×5 of S2's 28×28 for C5: too few as the network stands, enough behind wider paddings."""
    varied = [vary("lenet5", seed) for seed in range(1, 41)]
    windows = {(each.changes.get("S2.kernel_size", 2), each.changes.get("S4.kernel_size", 2)) for each in varied}
    assert {(2, 2), (3, 2), (2, 3)} <= windows
    assert {each.network.shape_of(each.network.outputs[0]) for each in varied} == {(10,)}


def test_no_two_neighbours_have_the_same_convolutions_as_a_rule():
    kept = ("C1.kernel_size", "C1.padding", "C3.kernel_size", "C3.padding")
    firsts = [tuple(vary("lenet5", seed).changes.get(name) for name in kept) for seed in range(1, 21)]
    assert sum(one == other for one, other in pairwise(firsts)) <= 2


@pytest.mark.parametrize("spec", ["alexnet", "alexnet-pytorch", "lenet5-pytorch", "lenet5-1998"])
def test_other_networks_are_varied_too(spec):
    first, second = vary(spec, 1), vary(spec, 2)
    assert first.changes == vary(spec, 1).changes
    assert first.changes != second.changes


@pytest.mark.parametrize(
    ("spec", "varied"),
    [
        ("resnet@18", {"conv1.k", "conv1.c", "conv2.c", "conv3.c", "conv4.c", "conv5.c", "pool1.kernel_size"}),
        ("vgg@A", {"let.k", "conv1.k", "conv2.k", *(f"conv{at}.c" for at in range(1, 6)),
                   *(f"conv{at}.pool.kernel_size" for at in range(1, 6))}),
        ("alexnet", {"conv1.kernel_size", "conv2.padding", "conv5.out_channels", "fc6.out_features",
                     *(f"pool{at}.kernel_size" for at in (1, 2, 5))}),
    ],
)  # fmt: skip
def test_twenty_seeds_vary_blocks_and_pools_into_valid_networks_and_neighbours_differ(spec, varied):
    found = [vary(spec, seed) for seed in range(1, 21)]
    assert len({tuple(each.changes.items()) for each in found}) == 20
    assert varied <= {name for each in found for name in each.changes}
    own = archscope.load(spec)
    for each in found:
        assert not each.network.doubts
        assert each.network.shape_of(each.network.outputs[0]) == own.shape_of(own.outputs[0])
        assert each.network == archscope.load(spec, changes=each.changes)
    for one, other in pairwise(found):
        shapes = [[facts.output for facts in each.network.facts.values()] for each in (one, other)]
        assert shapes[0] != shapes[1]


def test_forty_sheets_of_lenet5_are_one_command(tmp_path, capsys):
    assert main(["worksheet", "lenet5", "--vary", "1..40", "-o", str(tmp_path / "{seed}.csv")]) == 0
    sheets = [(tmp_path / f"{seed}.csv").read_text() for seed in range(1, 41)]
    assert all(f"sheet,{seed}\n" in text for seed, text in enumerate(sheets, 1))
    assert main(["worksheet", "lenet5", "--vary", "1..40", "--key", "-o", str(tmp_path / "key{seed}.csv")]) == 0
    assert len({(tmp_path / f"key{seed}.csv").read_text().partition("layer")[2] for seed in range(1, 41)}) == 40
    assert "40 sheets of lenet5, 1 to 40" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["lenet5", "--vary", "1..3", "-o", "a.pdf"], "write {seed} where its number shall stand"),
        (["lenet5", "--vary", "x"], "write a seed, such as 7"),
        (["lenet5", "--vary", "3..1"], "from a seed to a larger one"),
        (["lenet5", "--vary", "1..100000"], "1,000 sheets at most"),
        (["lenet5", "-o", "sheet.bmp"], "no worksheet has the suffix `.bmp`"),
        (["lenet5", "--blank", ""], "leaves nothing blank"),
        (["torch.nn:Identity@3,8,8", "--vary", "1"], "only a spec can be varied"),
        (["-", "--vary", "1"], "the standard input is read once"),
    ],
)
def test_a_wrong_request_is_one_line_and_leaves_with_2(arguments, says, capsys):
    assert main(["worksheet", *arguments]) == 2
    error = capsys.readouterr().err
    assert says in error
    assert error.count("\n") == 1


def test_a_network_with_nothing_to_vary_or_no_valid_variation_says_so(tmp_path, capsys):
    (tmp_path / "flat.yaml").write_text("input: [8]\nlayers:\n  a: {type: relu}\n")
    assert main(["worksheet", str(tmp_path / "flat.yaml"), "--vary", "1"]) == 2
    assert "has nothing to vary" in capsys.readouterr().err
    # Seven values have to come out, and no other kernel with padding on both sides makes one position of 4×4.
    (tmp_path / "tight.yaml").write_text(
        "input: [8, 4, 4]\nlayers:\n"
        "  a: {type: conv2d, out_channels: 7, kernel_size: 4, padding: 0}\n"
        "  b: {type: reshape, shape: [7]}\n"
    )
    assert main(["worksheet", str(tmp_path / "tight.yaml"), "--vary", "1"]) == 2
    error = capsys.readouterr().err
    assert "no variation of tight makes a valid network" in error
    assert error.count("\n") == 1


@pytest.mark.parametrize("suffix", FORMATS)
def test_no_sheet_tells_an_answer_and_each_key_tells_all(suffix):
    for package in {"docx": ["docx"], "xlsx": ["openpyxl"], "pdf": ["fpdf"]}.get(suffix, []):
        pytest.importorskip(package)
    sheet = the_sheet()
    blank, key = (texts_of(write(sheet, suffix, key=each), suffix) for each in (False, True))
    if suffix == "pdf":  # its text is compressed: see the test of its pages
        return
    for answer in ("122,304", "1,516", "340,918", "6×28×28", "16×10×10"):
        spelled = {answer, answer.replace("×", r"$\times$"), answer.replace("×", "\\u00d7")}
        assert not any(each in blank for each in spelled), answer
        assert any(each in key for each in spelled), answer
    if suffix not in ("csv", "xlsx"):
        assert any(each in key for each in ("(5·5·1 + 1)·6", r"(5$\cdot$5$\cdot$1 + 1)$\cdot$6"))


def test_a_sheet_of_lenet5_is_one_page_of_a4_and_its_pdf_is_the_same_bytes_each_time():
    pytest.importorskip("fpdf")
    from archscope.classroom.writers import pdf
    from archscope.diagrams.scene import Text, bounds

    pages = pdf.scenes(the_sheet())
    assert len(pages) == 1
    assert (round(pages[0].width), round(pages[0].height)) == (595, 842)
    left, top, right, bottom = bounds(pages[0].items)
    assert left >= 30
    assert top >= 30
    assert right <= 566
    assert bottom <= 830
    told = " ".join(item.string for item in pages[0].walk() if isinstance(item, Text))
    assert "6×28×28" not in told
    assert write(the_sheet(), "pdf") == write(the_sheet(), "pdf")


def test_a_long_sheet_goes_on_over_pages_with_its_head_on_each():
    from archscope.classroom.writers import pdf
    from archscope.diagrams.scene import Text

    pages = pdf.scenes(the_sheet("resnet@18", blank="parameters"))
    assert len(pages) == 3
    told = {item.string for page in pages for item in page.walk() if isinstance(item, Text)}
    assert "conv5.0.a.conv" in told  # a long name is not cut where there is room for it
    for page in pages:
        assert any(isinstance(item, Text) and item.string == "What it is" for item in page.walk())


def test_a_notebook_is_one_that_jupyter_reads_and_holds_the_figure():
    book = json.loads(write(the_sheet(seed=7), "ipynb"))
    assert (book["nbformat"], [cell["cell_type"] for cell in book["cells"]]) == (4, ["markdown", "code"])
    assert "figure.svg" in book["cells"][0]["attachments"]
    source = book["cells"][1]["source"]
    compile(source, "answers", "exec")
    assert '"C1": {"output": ..., "parameters": ..., "connections": ..., "macs": ...}' in source


def test_markdown_has_its_figure_beside_it(tmp_path):
    assert main(["worksheet", "lenet5", "-o", str(tmp_path / "my sheet.md")]) == 0
    assert "![LeNet-5](my%20sheet.svg)" in (tmp_path / "my sheet.md").read_text()
    picture = (tmp_path / "my sheet.svg").read_text()
    assert "28×28" not in picture
    assert "6×" not in picture


def test_a_missing_package_is_named_with_its_extra(monkeypatch, capsys, tmp_path):
    import sys

    for package, suffix in (("docx", "docx"), ("openpyxl", "xlsx"), ("fpdf", "pdf")):
        monkeypatch.setitem(sys.modules, package, None)
        assert main(["worksheet", "lenet5", "-o", str(tmp_path / f"sheet.{suffix}")]) == 3
        assert "pip install 'archscope[" in capsys.readouterr().err


def test_seeds_are_one_or_several():
    assert seeds_in("7") == (7,)
    assert seeds_in("1..3") == (1, 2, 3)
