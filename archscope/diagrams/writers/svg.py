"""A scene as SVG: plain shapes and text that any program opens, with a title on every layer.

The file holds no script, style sheet, reference or identifier, so two of them on one page cannot disturb each
other. What a program may want to know stands in ``data-`` attributes: ``data-layers`` on the group of a layer,
``data-source`` and ``data-target`` on that of an edge, and the latter on what is said of a way to a layer.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from archscope.diagrams import fonts
from archscope.diagrams.scene import Group, Item, Path, Polygon, Scene, Text
from archscope.escaping import xml

if TYPE_CHECKING:
    from archscope.diagrams.drawing import Drawing

_POINTS_A_MM = 72 / 25.4


def write(drawing: Drawing) -> str:
    """A drawing as SVG."""
    return svg(drawing.scene)


def svg(scene: Scene, *, size: str | None = None, font: str = fonts.STACK) -> str:
    """The text of the file; ``size`` is other attributes for its size than millimetres.

    >>> from archscope.diagrams.scene import Text
    >>> print(svg(Scene(72, 36, "tiny", "one word", (Text(3, 20, "word", 8),))))
    <svg xmlns="http://www.w3.org/2000/svg" role="img" width="25.4mm" height="12.7mm" viewBox="0 0 72 36" \
font-family="Liberation Sans, Arimo, Arial, Helvetica, sans-serif" stroke-linejoin="round">
    <title>tiny</title>
    <desc>one word</desc>
    <text x="3" y="20" font-size="8">word</text>
    </svg>
    <BLANKLINE>
    """
    width, height = number(scene.width), number(scene.height)
    size = size or f'width="{number(scene.width / _POINTS_A_MM)}mm" height="{number(scene.height / _POINTS_A_MM)}mm"'
    inherited = f'font-family="{font}" stroke-linejoin="round"'
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" role="img" {size} viewBox="0 0 {width} {height}" {inherited}>',
        f"<title>{xml(scene.title)}</title>",
        f"<desc>{xml(scene.description)}</desc>",
    ]
    if scene.background is not None:
        lines.append(f'<rect width="{width}" height="{height}" fill="{scene.background}"/>')
    return "\n".join((*lines, *elements(scene.items), "</svg>")) + "\n"


def elements(items: Iterable[Item]) -> Iterator[str]:
    """One line of markup for each thing drawn."""
    for item in items:
        if isinstance(item, Group):
            yield f"<g{_group_attributes(item)}>"
            if item.title:
                yield f"<title>{xml(item.title)}</title>"
            yield from elements(item.items)
            yield "</g>"
        else:
            yield _element(item)


def number(value: float) -> str:
    """A length to a hundredth of a point, as short as it can be written.

    >>> number(3.0), number(2.504), number(-0.001)
    ('3', '2.5', '0')
    """
    short = f"{value:.2f}".rstrip("0").rstrip(".")
    return "0" if short == "-0" else short


def _element(item: Path | Polygon | Text) -> str:
    if isinstance(item, Text):
        attributes = {
            "x": number(item.x),
            "y": number(item.y),
            "font-size": number(item.size),
            "font-weight": "bold" if item.bold else None,
            "text-anchor": None if item.anchor == "start" else item.anchor,
            "fill": None if item.fill == "#000000" else item.fill,
        }
        return f"<text{_written(attributes)}>{xml(item.string)}</text>"
    paint = {
        "fill": item.fill or "none",
        "stroke": item.stroke,
        "stroke-width": number(item.width) if item.stroke else None,
    }
    if isinstance(item, Polygon):
        points = " ".join(f"{number(x)},{number(y)}" for x, y in item.points)
        return f"<polygon{_written({'points': points, **paint})}/>"
    return f"<path{_written({'d': commands(item), **paint, 'stroke-dasharray': _dash(item)})}/>"


def commands(path: Path) -> str:
    """The ``d`` of a path.

    >>> from archscope.diagrams.scene import line
    >>> commands(line((0, 0), (2, 3.5), stroke="#000000"))
    'M0 0L2 3.5'
    """
    return "".join(verb + " ".join(f"{number(x)} {number(y)}" for x, y in points) for verb, points in path.commands)


def _dash(path: Path) -> str | None:
    return " ".join(number(each) for each in path.dash) or None


def _group_attributes(group: Group) -> str:
    return _written(
        {
            "class": group.kind,
            "data-layers": " ".join(group.layers) or None,
            "data-source": group.source or None,
            "data-target": group.target or None,
        }
    )


def _written(attributes: dict[str, str | None]) -> str:
    return "".join(f' {name}="{xml(value)}"' for name, value in attributes.items() if value is not None)
