"""A picture that answers: every layer in it is a link to what is known about the layer, in light and dark at once.

The picture is drawn in both themes. The two differ in colours alone, so one of them is written, with a CSS
variable wherever the colours differ, and `Palette` holds the values.

>>> palette = Palette()
>>> palette.color("#ffffff", "#14171c"), palette.color("#000000", "#000000")
('var(--p0)', '#000000')
>>> palette.css("light"), palette.css("dark")
('--p0:#ffffff', '--p0:#14171c')
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal

from archscope.analysis import Analysis, Row
from archscope.diagrams.scene import Group, Item, Path, Polygon, Scene, Text, walk
from archscope.diagrams.writers.svg import elements, number
from archscope.layers.base import spell_count, spell_shapes
from archscope.site.markup import Markup, tag


@dataclass
class Palette:
    """The colours of the pictures on one page, as CSS variables."""

    pairs: dict[tuple[str, str], str] = field(default_factory=dict)

    def color(self, light: str, dark: str) -> str:
        """What to write for a colour: itself where both themes have the same."""
        if light == dark:
            return light
        return f"var({self.pairs.setdefault((light, dark), f'--p{len(self.pairs)}')})"

    def css(self, theme: Literal["light", "dark"]) -> str:
        """The declarations of a theme."""
        return ";".join(f"{name}:{pair[theme == 'dark']}" for pair, name in self.pairs.items())


@dataclass(frozen=True)
class Picture:
    """One picture in both themes."""

    light: Scene
    dark: Scene

    @property
    def width(self) -> float:
        """In points."""
        return self.light.width


def live(picture: Picture, analysis: Analysis, palette: Palette, prefix: str) -> Markup:
    """A picture whose layers are links to ``#layer-NAME``; ``prefix`` keeps its titles apart from another's."""
    items = recolored(picture, palette)
    return _svg(picture.light, "\n".join(_Links(analysis).written(items)), prefix)


def recolored(picture: Picture, palette: Palette) -> tuple[Item, ...]:
    """The items of a picture with a CSS variable wherever the themes differ."""
    return _recolored(picture.light.items, picture.dark.items, palette)


def _svg(scene: Scene, body: str, prefix: str) -> Markup:
    # A listener hears the title alone: the description names every layer, and each of them is a link here.
    labelled = f"{prefix}-title"
    width = number(scene.width * 4 / 3)
    return tag(
        "svg",
        tag("title", scene.title, id=labelled),
        Markup(f"\n{body}\n"),
        role="group",
        aria_labelledby=labelled,
        viewBox=f"0 0 {number(scene.width)} {number(scene.height)}",
        width=width,
        height=number(scene.height * 4 / 3),
        # The style sheet keeps a small picture from being blown up until it fills the page.
        style=f"--drawn:{width}px",
        font_family="Liberation Sans, Arimo, Arial, Helvetica, sans-serif",
        stroke_linejoin="round",
    )


class _Links:
    """Writes items, every group of a layer as a link; the first of a row is a stop of the Tab key."""

    def __init__(self, analysis: Analysis) -> None:
        self.analysis = analysis
        self.stops: set[str] = set()

    def written(self, items: Iterable[Item]) -> Iterator[str]:
        for item in items:
            if not isinstance(item, Group):
                yield from elements((item,))
                continue
            rows = self._rows(item)
            if item.kind == "layer" and rows:
                yield self._link(item, rows)
            else:
                heads = self._rows(replace(item, layers=(item.target,))) if item.kind == "edge" else []
                inner = "\n".join(self.written(item.items))
                yield tag("g", Markup(inner), class_=item.kind, data_into=heads[0].name if heads else None)

    def _rows(self, group: Group) -> list[Row]:
        nodes = self.analysis.network.by_name
        names = dict.fromkeys(nodes[name].row for name in group.layers if name in nodes)
        return [self.analysis[name] for name in names]

    def _link(self, group: Group, rows: Sequence[Row]) -> str:
        first = rows[0]
        again = first.name in self.stops
        self.stops.add(first.name)
        return tag(
            "a",
            Markup("\n".join(self.written(group.items))),
            href=f"#layer-{first.name}",
            class_="layer",
            data_rows=" ".join(row.name for row in rows),
            aria_label=_spoken(first, group),
            tabindex="-1" if again else None,
        )


def _spoken(row: Row, group: Group) -> str:
    """A layer in one line, for a listener: what is written on it, so that it can be called by that, and the rest."""
    written = " ".join(item.string for item in walk(group.items) if isinstance(item, Text))
    shapes = spell_shapes(row.outputs, " and ")
    words = [row.name, row.node.layer.label, f"output {shapes}"]
    if row.parameters:
        words.append(spell_count(int(row.parameters), "parameter"))
    return ", ".join([written, *words] if written else words)


def _recolored(light: Sequence[Item], dark: Sequence[Item], palette: Palette) -> tuple[Item, ...]:
    """Items of both themes, drawn alike, as one."""
    return tuple(_merged(one, two, palette) for one, two in zip(light, dark, strict=True))


def _merged(light: Item, dark: Item, palette: Palette) -> Item:
    if isinstance(light, Group) and isinstance(dark, Group):
        return replace(light, title="", items=_recolored(light.items, dark.items, palette))
    if isinstance(light, Text) and isinstance(dark, Text):
        return replace(light, fill=palette.color(light.fill, dark.fill))
    if isinstance(light, Path | Polygon) and isinstance(dark, Path | Polygon):
        fill = _both(light.fill, dark.fill, palette)
        return replace(light, fill=fill, stroke=_both(light.stroke, dark.stroke, palette))
    raise TypeError(f"a picture is drawn differently in two themes: {light} and {dark}")


def _both(light: str | None, dark: str | None, palette: Palette) -> str | None:
    return light if light is None or dark is None else palette.color(light, dark)
