"""Generated pages are what the generators write now."""

from __future__ import annotations

import importlib.util
import json
import re

import pytest

for module in ("jupytext", "mkdocs"):
    pytest.importorskip(module)

from archscope.cli import COMMANDS  # noqa: E402
from archscope.layers import TYPES  # noqa: E402
from tests.docs.blocks import ROOT  # noqa: E402
from tools.pages import markdown, notebooks  # noqa: E402
from tools.pages.__main__ import pages  # noqa: E402

DOCS = ROOT / "docs"


@pytest.fixture(scope="module")
def generated() -> dict:
    return pages()


def test_every_generated_page_is_up_to_date(generated):
    stale = [
        path.relative_to(DOCS).as_posix()
        for path, text in generated.items()
        if not path.exists() or path.read_text(encoding="utf-8") != text
    ]
    assert stale == [], "write them with `python -m tools.pages`"


def test_no_generated_page_is_left_over(generated):
    marked = {path for path in DOCS.rglob("*.md") if markdown.NOTICE in path.read_text(encoding="utf-8")}
    assert marked <= set(generated)


def test_every_page_begins_with_its_heading():
    """Else the site calls it after its file, on its tab and in its search: "Alexnet keras"."""
    texts = {path: path.read_text(encoding="utf-8") for path in DOCS.rglob("*.md")}
    bodies = {path: re.sub(r"\A---\n.*?\n---\n\s*", "", text, flags=re.DOTALL) for path, text in texts.items()}
    assert [path.name for path, body in bodies.items() if not body.startswith("# ")] == []


def test_no_year_at_the_head_of_a_paragraph_becomes_the_number_of_a_list():
    """Markdown takes "2015. A network" for the first of a list, and its reader sees 1."""
    texts = {path: path.read_text(encoding="utf-8") for path in DOCS.rglob("*.md")}
    assert [path.name for path, text in texts.items() if re.search(r"^\d{3,}\. ", text, re.MULTILINE)] == []


def test_every_layer_type_has_its_options_and_a_case_on_its_page(generated):
    text = "".join(text for path, text in generated.items() if path.parent.name == "layers")
    for name, kind in TYPES.items():
        _, _, section = text.partition(f"## {name} {{ #{name} }}")
        section = section.partition("\n## ")[0]
        assert section, name
        assert "Worked by hand:" in section, name
        for option in kind.options:
            assert f"| `{option}` |" in section, f"{name}.{option}"


def test_every_command_is_on_the_page_of_the_command_line(generated):
    text = generated[DOCS / "reference" / "command-line.md"]
    for name in COMMANDS:
        assert f"\n## archscope {name}\n" in text


def test_every_public_name_is_on_the_page_of_the_library(generated):
    import archscope

    text = generated[DOCS / "reference" / "library.md"]
    for name in archscope.__all__:
        assert any(line.endswith(f".{name}") for line in text.splitlines() if line.startswith("::: ")), name


def test_the_keys_of_a_data_format_are_all_explained(generated):
    text = generated[DOCS / "reference" / "data-formats.md"]
    assert "| `macs` | multiply-accumulates |" in text
    assert [line for line in text.splitlines() if line.startswith("| `") and line.endswith("|  |")] == []


def test_a_bar_in_a_cell_has_a_backslash_that_nobody_sees(generated):
    assert markdown.cell("`--direction tb|lr` or a|b") == "<code>--direction tb&#124;lr</code> or a\\|b"
    assert "--direction tb&#124;lr" in generated[DOCS / "reference" / "command-line.md"]


def test_a_notebook_has_the_code_of_its_page_and_none_of_its_output():
    page = '# One\n\n```python\nprint("two")\n```\n\n```text title="Output"\ntwo\n```\n\nSee [three](three.md).\n'
    cells = json.loads(notebooks.notebook(page))["cells"]
    assert [(cell["cell_type"], "".join(cell["source"])) for cell in cells] == [
        ("markdown", "# One"),
        ("code", 'print("two")'),
        ("markdown", "See three."),
    ]


def test_every_answer_of_a_session_is_a_cell_that_shows_it():
    page = "```pycon\n>>> a = 1\n>>> a\n1\n>>> b = [\n...     a,\n... ]\n>>> b\n[1]\n>>> del b\n```\n"
    cells = json.loads(notebooks.notebook(page))["cells"]
    assert ["".join(cell["source"]) for cell in cells] == ["a = 1\na", "b = [\n    a,\n]\nb", "del b"]


def test_a_command_is_a_shell_cell_of_a_notebook():
    cells = json.loads(notebooks.notebook("```console\n$ archscope list\nlenet5\n```\n"))["cells"]
    assert ["".join(cell["source"]) for cell in cells] == ["!archscope list"]


RUN = ("1-derive.ipynb", "2-build.ipynb", "5-misprints.ipynb")
"""Notebooks of every kind of cell. The code of each is the code of its page, which `test_pages` runs."""


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")  # of the kernel, which is another process
@pytest.mark.parametrize("name", RUN)
def test_a_notebook_runs_from_top_to_bottom(name, tmp_path, monkeypatch):
    for needed in ("nbclient", "ipykernel", "torch", "sklearn", "matplotlib"):
        if importlib.util.find_spec(needed) is None:
            pytest.skip(f"notebooks need {needed}")
    import nbformat
    from nbclient import NotebookClient

    from tests.docs.test_pages import environment

    for key, value in environment(tmp_path).items():
        monkeypatch.setenv(key, value)
    work = tmp_path / "work"
    work.mkdir()
    notebook = nbformat.read(DOCS / "course" / "notebooks" / name, as_version=4)
    NotebookClient(notebook, timeout=None, kernel_name="python3", resources={"metadata": {"path": str(work)}}).execute()
    assert all(cell.execution_count for cell in notebook.cells if cell.cell_type == "code")
