"""The pictures on the pages that are not those of the gallery, drawn from the specs."""

from __future__ import annotations

import archscope
from archscope.classroom import sheet_of
from archscope.classroom.writers.pdf import scenes
from archscope.diagrams.writers.svg import svg


def pages() -> dict[str, str]:
    lenet5 = archscope.analyze("lenet5")
    return {"assets/figures/worksheet.svg": svg(scenes(sheet_of(lenet5, spec="lenet5"))[0])}
