"""``python -m tools.index`` writes ``specs/index.json``: the lines of ``archscope list``, worked out beforehand."""

from __future__ import annotations

import archscope
from archscope.formats.catalogue import line_of, write_index
from archscope.reader import index_file, spec_names


def index() -> str:
    """The text of the index as the specs have it now."""
    return write_index(line_of(archscope.analyze(archscope.load(name))) for name in spec_names(variants=True))


if __name__ == "__main__":
    index_file().write_text(index(), encoding="utf-8")
