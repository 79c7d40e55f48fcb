r"""A scene as TikZ, for a paper that sets its figures in its own fonts.

The file is one ``tikzpicture`` to ``\input``; it needs the package ``tikz`` and nothing else. Text is laid out
for Helvetica, of which a sans serif font of usual width takes no more room.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Final

from archscope.diagrams import fonts
from archscope.diagrams.scene import Group, Item, Path, Point, Polygon, Scene, Text
from archscope.diagrams.writers.svg import number
from archscope.escaping import latex, latex_needs, line

if TYPE_CHECKING:
    from archscope.diagrams.drawing import Drawing

_ANCHORS: Final = {"start": "base west", "middle": "base", "end": "base east"}


def write(drawing: Drawing) -> str:
    """A drawing as TikZ."""
    return tikz(drawing.scene)


def tikz(scene: Scene) -> str:
    """The text of the file.

    >>> from archscope.diagrams.scene import line
    >>> print(tikz(Scene(72, 36, "tiny", "one line", (line((0, 0), (9, 9), stroke="#ff0000"),))))
    % tiny. one line
    % In the preamble: \\usepackage{tikz}, and for the font that it was laid out for
    % \\usepackage[T1]{fontenc} and \\usepackage{helvet}. Then \\input this file in a figure.
    \\begin{tikzpicture}[x=1bp, y=-1bp, line join=round, every node/.style={inner sep=0pt, outer sep=0pt}]
    \\definecolor{archscope0}{HTML}{FF0000}
    \\useasboundingbox (0,0) rectangle (72,36);
    \\draw[archscope0, line width=0.6bp] (0,0) -- (9,9);
    \\end{tikzpicture}
    <BLANKLINE>
    """
    colors = _colors(scene)
    lines = [
        f"% {line(scene.title).rstrip('.')}. {line(scene.description).rstrip('.')}",
        r"% In the preamble: \usepackage{tikz}, and for the font that it was laid out for",
        r"% \usepackage[T1]{fontenc} and \usepackage{helvet}. Then \input this file in a figure.",
        *_needs(scene),
        r"\begin{tikzpicture}[x=1bp, y=-1bp, line join=round, every node/.style={inner sep=0pt, outer sep=0pt}]",
        *(rf"\definecolor{{{name}}}{{HTML}}{{{color[1:].upper()}}}" for color, name in colors.items()),
        rf"\useasboundingbox (0,0) rectangle {_point((scene.width, scene.height))};",
    ]
    if scene.background is not None:
        lines.append(rf"\fill[{colors[scene.background]}] (0,0) rectangle {_point((scene.width, scene.height))};")
    return "\n".join((*lines, *_commands(scene.items, colors), r"\end{tikzpicture}")) + "\n"


def _needs(scene: Scene) -> list[str]:
    """What to set it with, where the fonts of pdfLaTeX lack a letter."""
    if not latex_needs(" ".join(item.string for item in scene.walk() if isinstance(item, Text))):
        return []
    return ["% Has letters that the fonts of pdfLaTeX lack: set it with LuaLaTeX and a font that has them."]


def _commands(items: Iterable[Item], colors: dict[str, str]) -> Iterator[str]:
    for item in items:
        if isinstance(item, Group):
            if item.title:
                yield f"% {line(item.title).rstrip('.')}"
            yield from _commands(item.items, colors)
        elif isinstance(item, Text):
            font = rf"\fontsize{{{number(item.size)}bp}}{{{number(item.size * fonts.LEADING)}bp}}\selectfont"
            font += r"\sffamily" + (r"\bfseries" if item.bold else "")
            style = f"anchor={_ANCHORS[item.anchor]}, text={colors[item.fill]}, font={{{font}}}"
            yield rf"\node[{style}] at {_point((item.x, item.y))} {{{latex(item.string)}}};"
        else:
            yield rf"\{_verb(item)}[{', '.join(_paint(item, colors))}] {_way(item)};"


def _verb(item: Path | Polygon) -> str:
    return "path" if not (item.fill or item.stroke) else "fill" if not item.stroke else "draw"


def _paint(item: Path | Polygon, colors: dict[str, str]) -> Iterator[str]:
    if item.stroke is None:
        if item.fill is not None:
            yield colors[item.fill]
        return
    yield colors[item.stroke]
    if item.fill is not None:
        yield f"fill={colors[item.fill]}"
    yield f"line width={number(item.width)}bp"
    if isinstance(item, Path) and item.dash:
        lengths = (f"{'off' if place % 2 else 'on'} {number(each)}bp" for place, each in enumerate(item.dash))
        yield f"dash pattern={' '.join(lengths)}"


def _way(item: Path | Polygon) -> str:
    if isinstance(item, Polygon):
        return " -- ".join((*(_point(each) for each in item.points), "cycle"))
    parts = []
    for verb, points in item.commands:
        if verb == "M":
            parts.append(_point(points[0]))
        elif verb == "L":
            parts.append(f"-- {_point(points[0])}")
        elif verb == "C":
            parts.append(f".. controls {_point(points[0])} and {_point(points[1])} .. {_point(points[2])}")
        else:
            parts.append("-- cycle")
    return " ".join(parts)


def _point(point: Point) -> str:
    return f"({number(point[0])},{number(point[1])})"


def _colors(scene: Scene) -> dict[str, str]:
    """A name for each colour, in the order in which they come."""
    found = [scene.background] if scene.background else []
    for item in scene.walk():
        if isinstance(item, Text):
            found.append(item.fill)
        elif isinstance(item, Path | Polygon):
            found += [each for each in (item.fill, item.stroke) if each]
    return {color: f"archscope{place}" for place, color in enumerate(dict.fromkeys(found))}
