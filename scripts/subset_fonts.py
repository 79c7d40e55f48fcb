"""Make the fonts in `archscope/diagrams/fonts` from Liberation Sans 2.1.5, and the widths of their characters.

    apt-get download fonts-liberation2 && dpkg-deb -x fonts-liberation2_*.deb fonts
    python scripts/subset_fonts.py fonts/usr/share/fonts/truetype/liberation2

Liberation Sans is under the SIL Open Font License, which reserves its name: a changed copy bears another.
The copies keep the shapes of the characters in `CHARACTERS` and nothing else, no hints and no kerning, so that
every program sets a line of text exactly as wide as `archscope.diagrams.fonts` says.
"""

from __future__ import annotations

import sys
import unicodedata
from pathlib import Path

from fontTools import subset
from fontTools.ttLib import TTFont

FAMILY = "Archscope Sans"
TARGET = Path(__file__).resolve().parent.parent / "archscope" / "diagrams" / "fonts"
CHARACTERS = "".join(
    (
        *(chr(code) for code in range(0x20, 0x7F)),
        *(chr(code) for code in range(0xA1, 0x180) if code != 0xAD),  # the letters of Europe that are written in Latin
        *(chr(code) for code in range(0x384, 0x3CF) if unicodedata.name(chr(code), "")),  # Greek
        *(chr(code) for code in range(0x400, 0x460)),  # Cyrillic
        "ҐґȘșȚț",
        "–—‘’‚“”„•…‹›€™−∑∞≈≤≥→←↑↓‖½√",
    )
)


def make(source: Path, style: str) -> dict[str, int]:
    """Write one style and return the advance of each character in font units."""
    options = subset.Options()
    options.hinting = False
    options.layout_features = []
    options.legacy_kern = False
    options.name_IDs = ["*"]
    options.glyph_names = False
    options.notdef_outline = True
    options.recalc_timestamp = False
    options.drop_tables += ["GPOS", "GSUB", "GDEF", "kern", "FFTM", "DSIG", "gasp", "PCLT", "VDMX", "LTSH", "hdmx"]
    font = TTFont(source / f"LiberationSans-{style}.ttf", recalcTimestamp=False)
    missing = [each for each in CHARACTERS if ord(each) not in font.getBestCmap()]
    if missing:
        sys.exit(f"{style} has no {' '.join(missing)}")
    subsetter = subset.Subsetter(options)
    subsetter.populate(text=CHARACTERS)
    subsetter.subset(font)
    copyright_, license_ = (font["name"].getDebugName(number) for number in (0, 13))
    font["name"].names = []
    for number, text in {
        0: copyright_,
        1: FAMILY,
        2: style,
        3: f"{FAMILY} {style}",
        4: f"{FAMILY} {style}",
        6: f"{FAMILY.replace(' ', '')}-{style}",
        13: license_,
        14: "https://openfontlicense.org",
    }.items():
        font["name"].setName(text, number, 3, 1, 0x409)
    font.save(TARGET / f"ArchscopeSans-{style}.ttf")
    cmap = font.getBestCmap()
    return {each: font["hmtx"][cmap[ord(each)]][0] for each in CHARACTERS}


def main() -> None:
    """Write the two fonts and `widths.py`."""
    source = Path(sys.argv[1])
    lines = [
        '"""Advances in 1/2048 of the font size, made by `scripts/subset_fonts.py`."""',
        "",
        "from __future__ import annotations",
        "",
        "# fmt: off",
    ]
    for style in ("Regular", "Bold"):
        widths = make(source, style)
        lines.append(f"{style.upper()}: dict[int, str] = {{")
        for advance in sorted(set(widths.values())):
            same = "".join(each for each in CHARACTERS if widths[each] == advance)
            lines.append(f"    {advance}: {same!r},")
        lines.append("}")
    lines.append("# fmt: on")
    (TARGET / "widths.py").write_text("\n".join(lines) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
