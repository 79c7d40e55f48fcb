import re
import subprocess
import sys
from pathlib import Path

import pytest

from archscope.cli import main
from archscope.diagrams.html import packed_in
from archscope.reader import load, spec_names
from archscope.site.page import slug
from tests.cli.test_process import on_a_terminal

BROKEN = "input: [1, 8, 8]\nlayers:\n  conv: {type: conv2d, out_channels: 2, kernel_size: 9}\n  b: {type: convv}\n"
TINY = "name: tiny\ninput: [1, 8, 8]\nlayers:\n  conv: {type: conv2d, out_channels: 2, kernel_size: 3}\n"


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_every_spec_has_a_page_and_an_entry(site):
    index = (site / "index.html").read_text()
    for name in spec_names():
        assert (site / slug(name) / "index.html").is_file()
        assert f'href="{slug(name)}/index.html"' in index


def test_every_download_is_there(site):
    for page in site.glob("*/index.html"):
        names = re.findall(r'<a href="([^"/#]+)" download', page.read_text())
        assert {Path(name).suffix for name in names} >= {".svg", ".pdf", ".tikz", ".tex", ".json", ".bib"}
        for name in names:
            assert (page.parent / name).stat().st_size > 0


def test_every_network_has_a_page_to_explore_whose_blocks_open_and_whose_colours_say_costs(site):
    for name in spec_names():
        explored = f"{slug(name)}-explore.html"
        assert f'<a href="{explored}">explore it</a>' in (site / slug(name) / "index.html").read_text()
        packed = packed_in((site / slug(name) / explored).read_text())
        assert packed["graph"]["parts"]
        assert {"macs", "parameters", "activation_bytes"} <= {each["name"] for each in packed["colours"]["quantities"]}


def test_every_link_leads_somewhere(site):
    for page in site.rglob("*.html"):
        text = page.read_text()
        ids = set(re.findall(r'\bid="([^"]+)"', text))
        for link in re.findall(r'href="([^"]+)"', text):
            if link.startswith(("data:",)):
                continue
            path, _, anchor = link.partition("#")
            if path:
                assert (page.parent / path).exists(), f"{page}: {link}"
            else:
                assert anchor in ids, f"{page}: {link}"


def test_identifiers_are_used_once_a_page(site):
    for page in site.rglob("*.html"):
        ids = re.findall(r'\bid="([^"]+)"', page.read_text())
        assert len(ids) == len(set(ids))


def test_a_page_is_lighter_than_500_kilobytes_or_than_five_a_layer(site):
    for name in spec_names():
        rows = {node.row for node in load(name).nodes}
        assert (site / slug(name) / "index.html").stat().st_size < max(500_000, 5_000 * len(rows))
    assert (site / "index.html").stat().st_size < 500_000


def test_a_page_asks_for_nothing(site):
    for page in site.rglob("*.html"):
        assert not re.search(r'\bsrc="|@import|url\(|https?://(?!www\.w3\.org)', page.read_text())


def test_every_layer_has_a_card_and_stands_in_the_picture(site):
    for name in spec_names():
        text = (site / slug(name) / "index.html").read_text()
        drawn = {row for rows in re.findall(r'data-rows="([^"]+)"', text) for row in rows.split()}
        rows = {node.row for node in load(name).nodes}
        assert set(re.findall(r'id="layer-([^"]+)"', text)) == rows
        assert drawn == rows


def test_the_card_of_c3_has_its_connection_table_as_it_stands_on_a_worksheet(site):
    text = (site / "lenet5" / "index.html").read_text()
    card = re.search(r'<article[^>]*id="layer-C3".*?</article>', text, re.DOTALL)[0]
    table = re.search(r'<table class="crossed">.*?</table>', card, re.DOTALL)[0]
    assert table.count("<td>X</td>") == 60  # the pairs of the paper's Table I
    lines = re.findall(r'<tr><th scope="row">(\d)</th>(.*?)</tr>', table)
    # The first line of Table I: map 0 is seen by 0, 4, 5, 6, 9, 10, 11, 12, 14 and 15.
    assert [at for at, cell in enumerate(re.findall("<td>(X?)</td>", lines[0][1])) if cell] == [
        0, 4, 5, 6, 9, 10, 11, 12, 14, 15]  # fmt: skip
    assert len(lines) == 6
    assert text.count('class="crossed"') == 1


def test_the_same_bytes_come_out_of_another_process(tmp_path):
    for seed in ("1", "2"):
        command = [sys.executable, "-m", "archscope", "docs", "lenet5", "alexnet", "-o", str(tmp_path / seed)]
        subprocess.run(command, check=True, env={"PYTHONHASHSEED": seed, "LC_ALL": "C"}, capture_output=True)
    assert contents(tmp_path / "1") == contents(tmp_path / "2")


def test_pages_need_no_pytorch(tmp_path):
    program = (
        "import sys; from archscope.cli import main; "
        f"assert main(['docs', 'lenet5', '-o', {str(tmp_path / 'site')!r}]) == 0; assert 'torch' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", program], check=True, capture_output=True)


def test_check_passes_on_what_was_written_and_names_what_differs(tmp_path, capsys):
    assert main(["docs", "lenet5", "-o", str(tmp_path)]) == 0
    assert main(["docs", "lenet5", "-o", str(tmp_path), "--check"]) == 0
    capsys.readouterr()
    (tmp_path / "lenet5" / "index.html").write_text("edited")
    (tmp_path / "lenet5" / "lenet5.bib").unlink()
    assert main(["docs", "lenet5", "-o", str(tmp_path), "--check"]) == 1
    said = capsys.readouterr().out.splitlines()
    assert said == [
        f"{tmp_path}/lenet5/index.html: differs",
        f"{tmp_path}/lenet5/lenet5.bib: is missing",
    ]
    assert (tmp_path / "lenet5" / "index.html").read_text() == "edited"


def test_a_broken_spec_is_one_line_and_the_other_pages_are_made(tmp_path, capsys):
    spec = tmp_path / "broken.yaml"
    spec.write_text(BROKEN)
    assert main(["docs", str(spec), "lenet5", "nothing-like-it", "-o", str(tmp_path / "site")]) == 2
    errors = capsys.readouterr().err.splitlines()
    assert len(errors) == 2
    assert errors[0] == (
        f"error: {spec}:3:54: `conv` (conv2d): a kernel of 9 is larger than the input's height of 8; "
        "use a kernel of at most 8, more padding, or a larger input (and 1 more)"
    )
    assert errors[1].startswith("error: no spec is called `nothing-like-it`; specs: ")
    assert (tmp_path / "site" / "lenet5" / "index.html").is_file()


def test_a_folder_of_one_network_that_cannot_be_is_one_line_and_the_other_pages_are_made(tmp_path, capsys):
    (tmp_path / "lenet5").write_text("mine")
    assert main(["docs", "lenet5", "lenet1", "-o", str(tmp_path)]) == 2
    said = capsys.readouterr()
    assert said.err.splitlines() == [f"error: cannot write to {tmp_path / 'lenet5'}: it is a file; name a folder"]
    assert said.out == ""
    assert (tmp_path / "lenet1" / "index.html").is_file()
    assert (tmp_path / "lenet5").read_text() == "mine"


def test_a_terminal_is_shown_how_far_it_is_and_a_pipe_is_not(tmp_path, capfd):
    shown = on_a_terminal("docs", "lenet1", "lenet5", "-o", str(tmp_path))
    assert "lenet5" in shown
    assert "1/2" in shown
    assert main(["docs", "lenet1", "-o", str(tmp_path)]) == 0
    assert capfd.readouterr().err == ""


def test_what_is_not_covered_is_said_in_prose_and_a_vector_has_no_channels(tmp_path):
    spec = tmp_path / "words.yaml"
    spec.write_text("input: [16]\nlayers:\n  words: {type: embedding, num_embeddings: 100, embedding_dim: 8}\n")
    assert main(["docs", str(spec), "-o", str(tmp_path / "site")]) == 0
    text = (tmp_path / "site" / "words" / "index.html").read_text()
    assert "<li><code>words</code> is not covered: a look-up selects weights" in text
    assert "channels first" not in text


def test_two_specs_of_one_name_do_not_overwrite_each_other(tmp_path, capsys):
    for name in ("a", "b"):
        (tmp_path / f"{name}.yaml").write_text(TINY)
    assert main(["docs", f"{tmp_path}/a.yaml", f"{tmp_path}/b.yaml", "-o", str(tmp_path / "site")]) == 2
    assert "another spec is called `tiny` as well" in capsys.readouterr().err


def test_an_unknown_format_and_a_folder_that_cannot_be_are_one_line(tmp_path, capsys):
    (tmp_path / "file").write_text("")
    assert main(["docs", "lenet5", "-o", str(tmp_path / "x"), "--format", "pdf"]) == 2
    assert main(["docs", "lenet5", "-o", str(tmp_path / "file" / "x")]) == 2
    errors = capsys.readouterr().err.splitlines()
    assert errors[0] == "error: no format `pdf`; formats: html, markdown"
    assert len(errors) == 2
    assert not (tmp_path / "x").exists()


def test_what_a_spec_says_cannot_become_markup(tmp_path):
    spec = tmp_path / "sly.yaml"
    sly = "<script>alert(1)</script> & </script>"
    spec.write_text(TINY + f"title: '{sly}'\nsummary: '{sly} \"quoted\"'\nsources: {{a: '{sly}'}}\n")
    assert main(["docs", str(spec), "-o", str(tmp_path / "site")]) == 0
    for page in (tmp_path / "site").rglob("*.html"):
        assert "<script>alert" not in page.read_text()


def test_a_page_gives_a_command_that_works_for_its_network(tmp_path):
    spec = tmp_path / "own.yaml"
    spec.write_text(TINY + "sources: {me2026: 'A. Author. A paper. 2026.'}\n")
    assert main(["docs", str(spec), "lenet5", "-o", str(tmp_path / "site")]) == 0
    assert "<code>archscope table lenet5</code>" in (tmp_path / "site" / "lenet5" / "index.html").read_text()
    own = (tmp_path / "site" / "tiny" / "index.html").read_text()
    assert "me2026" in own
    assert "archscope table" not in own


def test_a_site_generator_takes_the_markdown_pages_without_a_complaint(tmp_path):
    pytest.importorskip("mkdocs")
    (tmp_path / "own.yaml").write_text(TINY)
    result = str(Path(__file__).parent / "lenet5-bench.json")
    pages = ["lenet5", "alexnet", str(tmp_path / "own.yaml"), "--bench", result, "--format", "markdown"]
    assert main(["docs", *pages, "-o", str(tmp_path / "docs")]) == 0
    (tmp_path / "mkdocs.yml").write_text("site_name: networks\n")
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "-f", str(tmp_path / "mkdocs.yml")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    html = (tmp_path / "site" / "lenet5" / "index.html").read_text()
    assert re.search(r"<td[^>]*>1,516</td>", html)
    assert (tmp_path / "site" / "lenet5" / "lenet5-roofline-1.svg").is_file()


@pytest.mark.parametrize("name", ["lenet5", "alexnet"])
def test_markdown_pages_hold_the_figure_the_table_and_the_working(tmp_path, name):
    assert main(["docs", name, "-o", str(tmp_path), "--format", "markdown"]) == 0
    text = (tmp_path / name / "index.md").read_text()
    assert f"({name}.svg)" in text
    assert (tmp_path / name / f"{name}.svg").is_file()
    parameters = {"lenet5": ("5·5·60 + 16", "60,850"), "alexnet": ("2·(11·11·3 + 1)·48", "60,965,224")}
    for number in parameters[name]:
        assert number in text
    assert (tmp_path / "index.md").is_file()


def test_letters_that_no_font_has_cost_a_page_one_file_with_a_line_and_no_more(tmp_path, capsys):
    spec = tmp_path / "hebrew.yaml"
    spec.write_text("input: [4]\nlayers: {fc: {type: linear, out_features: 2, group: שכבה}}\n", encoding="utf-8")
    assert main(["docs", str(spec), "-o", str(tmp_path / "site")]) == 0
    captured = capsys.readouterr()
    made = {path.name for path in (tmp_path / "site" / "hebrew").iterdir()}
    left_out = [line for line in captured.err.splitlines() if line.startswith("note: hebrew/")]
    assert left_out
    assert all(".pdf is left out: the font of format pdf has no " in line for line in left_out)
    assert "index.html" in made
    assert not any(name.endswith(".pdf") and name in line for name in made for line in left_out)
