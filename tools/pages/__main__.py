"""Write the generated pages: ``python -m tools.pages``; ``--check`` only says which are out of date."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from archscope.files import write_text
from tools.pages import (
    commands,
    data_formats,
    figures,
    gallery,
    home,
    layer_types,
    library,
    modules,
    museum,
    networks,
    notebooks,
    spec_language,
    warnings,
)

DOCS = Path(__file__).parents[2] / "docs"
MAKERS = (
    commands, data_formats, figures, gallery, home, layer_types, library, modules, museum, networks, notebooks,
    spec_language, warnings,
)  # fmt: skip
MADE = "This page is generated"


def pages() -> dict[Path, str]:
    """Every generated page by its path."""
    return {DOCS / path: text for maker in MAKERS for path, text in maker.pages().items()}


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tools.pages", description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing; exit with 1 if a page is out of date")
    check = parser.parse_args().check
    wanted = pages()
    stale = [path for path, text in wanted.items() if not path.exists() or path.read_text(encoding="utf-8") != text]
    left = [path for path in DOCS.rglob("*.md") if path not in wanted and MADE in path.read_text(encoding="utf-8")]
    for path in (*stale, *left):
        print(f"{path.relative_to(DOCS.parent)} is out of date" if check else path.relative_to(DOCS.parent))
    if check:
        if stale or left:
            print("write them with `python -m tools.pages`", file=sys.stderr)
        return 1 if stale or left else 0
    for path in stale:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_text(path, wanted[path])
    for path in left:
        path.unlink()
    return 0


if __name__ == "__main__":
    sys.exit(main())
