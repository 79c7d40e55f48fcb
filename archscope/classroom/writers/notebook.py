"""A sheet as a notebook: what is given in text, and one cell of answers that is read and never run."""

from __future__ import annotations

import base64
from typing import Any

from archscope.classroom import content
from archscope.classroom.sheet import TOTAL, Sheet
from archscope.classroom.writers import markdown
from archscope.escaping import json_text


def write(sheet: Sheet, *, key: bool = False) -> str:
    """The text of the file."""
    text = markdown.write(sheet, key=key, picture="attachment:figure.svg")
    intro = "\n\n".join(part for part in text.split("\n\n") if not part.startswith("Pupil:"))
    cells = [_markdown(intro, _picture(sheet))]
    if not key:
        cells.append(_code(_answers(sheet)))
    meta = {
        "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
        "language_info": {"name": "python"},
        "archscope": {"worksheet": sheet.spec, "sheet": sheet.seed},
    }
    return json_text({"cells": cells, "metadata": meta, "nbformat": 4, "nbformat_minor": 5}, indent=1)


def _picture(sheet: Sheet) -> dict[str, Any]:
    scene = content.figure(sheet)
    if scene is None:
        return {}
    from archscope.diagrams.writers.svg import svg

    return {"figure.svg": {"image/svg+xml": base64.b64encode(svg(scene).encode()).decode()}}


def _markdown(text: str, attachments: dict[str, Any]) -> dict[str, Any]:
    if not attachments:
        text = "\n\n".join(part for part in text.split("\n\n") if "(attachment:" not in part)
    return {"cell_type": "markdown", "id": "sheet", "metadata": {}, "source": text, "attachments": attachments}


def _code(text: str) -> dict[str, Any]:
    return {
        "cell_type": "code", "id": "answers", "metadata": {}, "execution_count": None, "outputs": [], "source": text,
    }  # fmt: skip


def _answers(sheet: Sheet) -> str:
    """A dictionary with a line a layer; ``...`` stands for what is to be answered."""
    lines = ["# Write numbers or arithmetic for each ... and shapes as (4, 30, 30).", 'pupil = ""']
    if sheet.seed is not None:
        lines.append(f"sheet = {sheet.seed}")
    lines.append("answers = {")
    for name in sheet.lines:
        asked = [each for each in sheet.blank if (name, each) in sheet.answers]
        if asked:
            cells = ", ".join(f'"{each}": ...' for each in asked)
            lines.append(f"    {json_text(TOTAL if name == TOTAL else name)}: {{{cells}}},")
    return "\n".join([*lines, "}"])
