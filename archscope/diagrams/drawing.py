"""`Drawing`: a picture that can be written in every format.

What each style and format is stands in `STYLES` and `FORMATS`, by the name of the function that makes it, so
that Graphviz and the like are imported when they are needed:

* a style is ``(analysis, request) -> Scene``;
* a format is ``(drawing) -> str`` or ``bytes``. It reads ``drawing.scene``, or ``drawing.analysis`` and
  ``drawing.request`` if it is no picture but a graph for another program.
"""

from __future__ import annotations

import importlib
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any, Final, cast

from archscope import files
from archscope.analysis import Analysis
from archscope.diagrams import boxes, cost, dressing, placing, transformer, volumes
from archscope.diagrams.choosing import Choice, choose
from archscope.diagrams.refusal import NotShownError
from archscope.diagrams.request import Request
from archscope.diagrams.scale import SMALLER_LETTERS, TooSmallError
from archscope.diagrams.scene import Scene
from archscope.diagrams.steps import steps_of
from archscope.errors import NotFound, UsageError
from archscope.patience import without_collector

_STYLES: Final[Mapping[str, str]] = {
    "planes": "archscope.diagrams.planes:scene",
    "boxes": "archscope.diagrams.boxes:scene",
    "neurons": "archscope.diagrams.neurons:scene",
    "transformer": "archscope.diagrams.transformer:scene",
    "unrolled": "archscope.diagrams.unrolled:scene",
    "graph": "archscope.diagrams.graph:scene",
}


@dataclass(frozen=True, slots=True)
class Format:
    """A kind of file: its suffixes, the function that makes it, and the style it is for, if only for one."""

    suffixes: tuple[str, ...]
    maker: str
    style: str | None = None


FORMATS: Final[Mapping[str, Format]] = {
    "svg": Format((".svg",), "archscope.diagrams.writers.svg:write"),
    "png": Format((".png",), "archscope.diagrams.writers.png:write"),
    "pdf": Format((".pdf",), "archscope.diagrams.writers.pdf:write"),
    "tikz": Format((".tikz", ".tex"), "archscope.diagrams.writers.tikz:write"),
    "dot": Format((".dot", ".gv"), "archscope.diagrams.graph:dot", "graph"),
    "mermaid": Format((".mmd", ".mermaid"), "archscope.diagrams.graph:mermaid", "graph"),
    "pptx": Format((".pptx",), "archscope.diagrams.writers.pptx:write"),
    "drawio": Format((".drawio",), "archscope.diagrams.writers.drawio:write"),
    "html": Format((".html", ".htm"), "archscope.diagrams.html:page"),
}
"""Every format by name."""

STILL: Final = ("svg", "png", "pdf", "tikz", "drawio")
"""Formats of one picture, which take a file for each step of a build-up."""

NOTEBOOK: Final = 720.0
"""As wide as a picture stands in a notebook without being made smaller, in points."""


@dataclass(frozen=True, slots=True)
class _Still:
    """One step of a build-up, as a writer takes it."""

    scene: Scene


@dataclass(frozen=True)
class Drawing:
    """A picture of a network; `archscope.draw` makes it.

    In a notebook it shows itself.
    """

    analysis: Analysis
    request: Request

    @cached_property
    def style(self) -> str:
        """The style it is drawn in, also where ``auto`` was asked for."""
        return self.choice.style

    @cached_property
    def choice(self) -> Choice:
        """The style, with the reason for it and those against others."""
        if self.request.style != "auto":
            return Choice(self.request.style, "as asked for")
        if self.request.instead:
            first = replace(self, request=replace(self.request, instead="")).choice
            better = "boxes in rows fit" if self.request.instead == "boxes" else f"a {self.request.instead} fits"
            worse = "one row of them" if first.style == "boxes" else first.style
            return Choice(self.request.instead, f"{better} the page better than {worse}", first.refused)
        if self.request.glue:
            return Choice("graph", "the one that draws permutations, splits and the like")
        return Choice("boxes", "the one that has towers") if self.request.towers else choose(self.analysis)

    @cached_property
    def scene(self) -> Scene:
        """The picture as a display list.

        Raises:
            UsageError: it cannot be drawn so, or a label that was asked for has no place on it. Where it does not fit,
                it is said which style does, if one does.
        """
        try:
            return self.tried
        except TooSmallError as error:
            style: str | None = call("archscope.diagrams.paging:style_that_fits")(self)
            if style is not None:
                raise UsageError(f"{error}; or {style}, which fits") from None
            letters: float | None = call("archscope.diagrams.paging:letters_that_fit")(self)
            least: str | None = call("archscope.diagrams.paging:least_letters")(self) if letters is None else None
            smaller = least or SMALLER_LETTERS if letters is None else f"--font-size {letters:g}"
            raise UsageError(str(error).replace(SMALLER_LETTERS, smaller)) from None

    @cached_property
    @without_collector()
    def tried(self) -> Scene:
        """The picture; where it does not fit, nothing is looked for that does.

        Raises:
            TooSmallError: it does not fit.
            UsageError: it cannot be drawn so, or a label that was asked for has no place on it.
        """
        drawn = self._dressed
        if placing.absent(drawn, self.analysis, "labels", self.request.labelled):
            labels = placing.with_namesakes(self.request.labelled, drawn, self.analysis)
            drawn = self.redrawn(labels=labels)._dressed
        for key, said in (("labels", self.request.labelled), ("highlight", self.request.highlighted)):
            for name in placing.absent(drawn, self.analysis, key, said):
                raise UsageError(placing.mistake(self, key, name))
        return drawn

    def redrawn(self, *, labels: Mapping[str, str] | None = None, **asked: Any) -> Drawing:
        """The same drawn otherwise, whatever then has no place."""
        analysis, network = self.analysis, self.analysis.network
        if labels is not None:
            analysis = analysis.replace(network=network.replace(figure={**network.figure, "labels": labels}))
        return Drawing(analysis, replace(self.request, labelled=(), highlighted=(), **asked))

    @property
    def left_out(self) -> tuple[str, ...]:
        """What the spec's ``figure:`` says of layers that have no place on this picture."""
        figure, now = self.analysis.network.figure, {*self.request.labelled, *self.request.highlighted}
        return tuple(
            f"the {word} of `{name}`"
            for key, word in placing.WORDS.items()
            for name in placing.absent(
                self.scene, self.analysis, key, (each for each in figure.get(key, ()) if each not in now)
            )
        )

    @cached_property
    def _dressed(self) -> Scene:
        """The picture with its colours and what is said on it."""
        drawn = self.plain
        if self.coloring is not None:
            drawn = cost.coloured(drawn, self.analysis, self.coloring, self.request)
        return dressing.dressed(drawn, self.analysis, self.request, dressing.shown(drawn, self._legend))

    @cached_property
    def plain(self) -> Scene:
        """The picture in the colours of the families, and nothing said on it."""
        asked = self.request
        try:
            if asked.height is not None:
                below = 0.0 if self.coloring is None else cost.legend_height(self.coloring, asked)
                below += dressing.room_for(self.analysis, asked, self._legend)
                asked = replace(asked, height=asked.height - below)
            return cast(Scene, call(_STYLES[self.style])(self.analysis, asked))
        except NotShownError as error:
            better = choose(self.analysis).style
            raise UsageError(f"{error}; use style {'graph' if better == self.style else better}") from None

    @cached_property
    def _legend(self) -> dressing.Legend:
        """The colours that are in it; those of a cost have a legend of their own."""
        if self.coloring is not None:
            return ()
        if self.style == "boxes":
            return boxes.legend(self.analysis, self.request)
        theme, style = self.request.theme, self.style
        if style == "transformer":
            return transformer.legend(self.analysis, self.request)
        # The input of planes is white paper.
        return dressing.families(self.analysis, theme, inputs=style != "planes", blocks=style == "graph")

    @cached_property
    def coloring(self) -> cost.Coloring | None:
        """What its colours say of the layers' cost; None where they are those of the families.

        Raises:
            NotFound: there is no such color or scale.
            UsageError: nobody measured what it shall show.
        """
        asked = self.request
        return cost.coloring(self.analysis, asked.color, asked.color_scale, asked.theme, asked.latency, asked.device)

    def to_explore(self) -> Drawing:
        """The drawing for a page to explore: the graph where `auto` would fold a network with branches to boxes."""
        if self.request.style == "auto" and self.style == "boxes" and volumes.branches(self.analysis):
            return Drawing(self.analysis, replace(self.request, style="graph"))
        return self

    def chosen_for(self, format: str) -> Choice:
        """The style in a format, and why; a few formats have but one.

        Raises:
            NotFound: there is no such format.
        """
        only = _known(format).style
        if only is not None:
            return Choice(only, f"the one that {format} is written for")
        if format == "html" and not self.request.steps and self.to_explore() is not self:
            return Choice("graph", "the one whose blocks a page opens and closes; --style boxes draws it as boxes")
        return self.choice

    def laid_out_elsewhere(self, format: str) -> bool:
        """Whether a format hands a graph on for another to lay out, which no width and no height reaches."""
        return (
            self.chosen_for(format).style == "graph" and format in ("dot", "mermaid", "html") and not self.request.steps
        )

    @cached_property
    def svg(self) -> str:
        """The picture as SVG."""
        return str(self.write("svg"))

    @without_collector()
    def write(self, format: str) -> str | bytes:
        """The picture in one of `FORMATS`: text, or bytes for ``png``, ``pdf`` and ``pptx``.

        Raises:
            NotFound: there is no such format.
            UsageError: the format shows only another style.
            MissingExtra: a package it needs is not installed.
        """
        only = _known(format).style
        if only is not None and self.request.style not in ("auto", only):
            raise UsageError(f"format {format} is written for style {only}, not for {self.request.style}")
        if self.request.steps and format not in ("pptx", "html"):
            several = f"steps in {format} are several files; write them with --output, or pptx or html in one"
            raise UsageError(several if format in STILL else f"format {format} has no steps; use pptx, html or svg")
        return cast("str | bytes", call(FORMATS[format].maker)(self))

    def save(self, path: str | os.PathLike[str], format: str | None = None) -> None:
        """Write a file, whole or not at all; the format follows the suffix.

        Raises:
            NotFound: no format has this suffix.
            UsageError: the file cannot be written, or the picture not be drawn.
        """
        chosen = format or format_of(path)
        if self.request.steps and chosen in STILL:
            self._save_steps(Path(path), chosen)
            return
        made = self.write(chosen)
        files.write_bytes(path, made if isinstance(made, bytes) else made.encode())

    def _save_steps(self, path: Path, format: str) -> None:
        """A file for each step: ``net-01.svg``, ``net-02.svg``."""
        shown = list(steps_of(self.scene))
        for number, scene in enumerate(shown, start=1):
            made = call(FORMATS[format].maker)(_Still(scene))
            name = path.with_name(f"{path.stem}-{number:0{len(str(len(shown)))}}{path.suffix}")
            files.write_bytes(name, made if isinstance(made, bytes) else made.encode())

    def _repr_mimebundle_(self, **_: object) -> dict[str, str]:
        """What a notebook shows."""
        return in_notebook(self.svg, self.scene.width)

    def __repr__(self) -> str:
        return f"<archscope drawing of {self.analysis.name}, style {self.style}>"


def in_notebook(svg: str, width: float) -> dict[str, str]:
    """What a notebook shows of a picture: itself, with a bar to scroll it where it is wider than a page."""
    if width <= NOTEBOOK:
        return {"image/svg+xml": svg}
    # Jupyter makes pictures as narrow as its page, with letters that nobody reads.
    wide = svg.replace("<svg ", '<svg style="max-width: none" ', 1)
    return {"text/html": f'<div style="overflow-x: auto">{wide}</div>'}


def _known(format: str) -> Format:
    if format not in FORMATS:
        raise NotFound(f"no format `{format}`; formats: {', '.join(FORMATS)}")
    return FORMATS[format]


def format_of(path: str | os.PathLike[str]) -> str:
    """The format of a file, by its suffix.

    >>> format_of("figures/lenet5.PDF")
    'pdf'
    >>> format_of("lenet5.bmp")
    Traceback (most recent call last):
        ...
    archscope.errors.NotFound: no format has the suffix `.bmp`; suffixes: .svg, .png, .pdf, .tikz, .tex, .dot, .gv, \
.mmd, .mermaid, .pptx, .drawio, .html, .htm
    """
    suffix = Path(path).suffix
    for name, each in FORMATS.items():
        if suffix.lower() in each.suffixes:
            return name
    known = ", ".join(suffix for each in FORMATS.values() for suffix in each.suffixes)
    wrong = f"no format has the suffix `{suffix}`" if suffix else f"`{Path(path)}` has no suffix to tell the format"
    raise NotFound(f"{wrong}; suffixes: {known}")


def call(name: str) -> Callable[..., Any]:
    """A function by the name of its module and its own."""
    module, function = name.split(":")
    return cast("Callable[..., Any]", getattr(importlib.import_module(module), function))
