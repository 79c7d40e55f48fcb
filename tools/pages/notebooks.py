"""The pages of the course as notebooks: prose, code and commands as cells, without outputs."""

from __future__ import annotations

import doctest
import re
from collections.abc import Iterator
from pathlib import Path

import jupytext
import nbformat

COURSE = Path(__file__).parents[2] / "docs" / "course"
FENCE = re.compile(r"^```(\w*)([^\n]*)\n(.*?)^```$", re.DOTALL | re.MULTILINE)
HEADER = "# ---\n# jupyter:\n#   kernelspec: {display_name: Python 3, language: python, name: python3}\n# ---\n"


def pages() -> dict[str, str]:
    return {
        f"course/notebooks/{page.stem}.ipynb": notebook(page.read_text(encoding="utf-8"))
        for page in sorted(COURSE.glob("*.md"))
        if "```python" in page.read_text(encoding="utf-8")
    }


def notebook(markdown: str) -> str:
    """A page as a notebook. Outputs are left out: running it makes them."""
    text = markdown.split("\n---\n", 1)[1] if markdown.startswith("---\n") else markdown
    cells = [HEADER]
    position = 0
    for fence in FENCE.finditer(text):
        cells.append(_prose(text[position : fence.start()]))
        cells.append(_cell(fence))
        position = fence.end()
    cells.append(_prose(text[position:]))
    made = jupytext.reads("\n".join(cell for cell in cells if cell), fmt="py:percent")
    for number, cell in enumerate(made.cells):
        cell["id"] = f"cell-{number:03}"
    made.metadata.pop("jupytext", None)
    return nbformat.writes(made, version=4) + "\n"


def _cell(fence: re.Match[str]) -> str:
    language, rest, body = fence.groups()
    match language:
        case "python":
            return f"# %%\n{body}"
        case "pycon":
            return "\n".join(_session(body))
        case "console":
            lines = [line[2:] for line in body.splitlines() if line.startswith("$ ")]
            return "# %%\n" + "".join(f"# !{line}\n" for line in lines)
        case "text" if 'title="Output' in rest:
            return ""
        case _:
            return _prose(fence.group())


def _session(body: str) -> Iterator[str]:
    """A cell for every answer of a session: a cell shows only its last value."""
    asked = ""
    for example in doctest.DocTestParser().get_examples(body):
        asked += example.source
        if example.want:
            yield f"# %%\n{asked}"
            asked = ""
    if asked:
        yield f"# %%\n{asked}"


def _prose(text: str) -> str:
    # A link to another page works on the site; in a notebook it would lead nowhere.
    plain = re.sub(r"\[([^\]]+)\]\((?!https?:)[^)]+\)", r"\1", re.sub(r"!\[[^\]]*\]\([^)]*\)(\{[^}]*\})?", "", text))
    if not plain.strip():
        return ""
    return "# %% [markdown]\n" + "".join(f"# {line}\n" for line in plain.strip().splitlines())
