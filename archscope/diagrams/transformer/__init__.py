"""The style ``transformer``: blocks stacked upward, as Vaswani et al. drew theirs in 2017.

From an analysis to a picture, each step a module:

* `pieces`: the layers of the network, equal blocks in series drawn once;
* `stream`: the residual stream from a network's input to its output, and what is added to it on the way;
* `heads`: where it parts for good, with a way to each output;
* `parts`: which layers stand together as one block: attention with its projections, a feed-forward layer;
* `wording`: what is written on a block;
* `rows`: what lies beside the stream instead of on it, where a page is wide and low, as a slide is;
* `measures`, `paint`: where everything stands, and the display list.

No layer is asked for its type: what attends, adds or normalizes is read off the words that a layer states of itself,
and the rest off the graph.

>>> import archscope
>>> archscope.draw("gpt2@small").style
'transformer'
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Final

from archscope.analysis import Analysis
from archscope.diagrams import dressing
from archscope.diagrams.request import Request
from archscope.diagrams.scale import Page, Plan, TooSmallError, fit
from archscope.diagrams.scene import Scene
from archscope.diagrams.transformer.columns import Columns
from archscope.diagrams.transformer.meeting import Towers
from archscope.diagrams.transformer.model import Model
from archscope.diagrams.transformer.paint import Figure
from archscope.diagrams.transformer.parts import model_of
from archscope.diagrams.transformer.roles import attends, tables_of
from archscope.diagrams.transformer.shapes import NAMES, shade_of
from archscope.diagrams.transformer.staged import Staged, staged
from archscope.diagrams.transformer.stream import NotATransformerError
from archscope.layers.base import spell_shape

_WIDE: Final = (math.inf, 13.0)
"""How long the smaller lines of a row may be, in parts of the font."""

__all__ = ["NotATransformerError", "attends", "is_one", "model_of", "scene"]


def is_one(analysis: Analysis) -> bool:
    """Whether blocks that attend are added to one stream, so that `scene` draws it.

    >>> import archscope
    >>> [is_one(archscope.analyze(name)) for name in ("vit@b16", "resnet@50")]
    [True, False]
    """
    if not attends([row.node.layer for row in analysis.nodes]):
        return False
    try:
        model_of(analysis)
    except NotATransformerError:
        return False
    return True


def scene(analysis: Analysis, request: Request) -> Scene:
    """The figure.

    Raises:
        NotATransformerError: the network is none; says where it stops being one.
        UsageError: the width cannot hold the figure.
    """
    whole = model_of(analysis)
    found = staged(whole, request)
    model = whole if found is None else found.model
    page = Page(analysis.title, request.width, request.font_size, request.theme.background, request.height)
    plan = _planned(whole, request, page) if found is None else _in_columns(found, request, page)
    made = page.scene(plan, _description(analysis, model))
    return Scene(made.width, made.height, made.title, made.description, made.items, made.background, model.folded)


def _planned(model: Model, request: Request, page: Page) -> Plan:
    """Upward, or on a page that is wide and low with rows: of long lines, or else of lines that are not so long."""
    width, height = request.width, request.height
    wide = _WIDE if width is not None and height is not None and width > height else ()
    errors: list[TooSmallError] = []
    for each in (None, *wide):
        try:
            figure = (Towers if model.towers else Figure)(model, request, wide=each)
            return fit(figure.plan, page=page, natural=1.0, least=0.45, most=1.0)
        except TooSmallError as error:
            errors.append(error)
    raise _nearest(errors, request)


def _in_columns(found: Staged, request: Request, page: Page) -> Plan:
    """Stages in columns, with what is in a block below them or else to their right."""
    errors: list[TooSmallError] = []
    for below in (True, False):
        try:
            return fit(Columns(found, request, below=below).plan, page=page, natural=1.0, least=0.45, most=1.0)
        except TooSmallError as error:
            errors.append(error)
    raise _nearest(errors, request)


def _nearest(errors: Sequence[TooSmallError], request: Request) -> TooSmallError:
    """That of the figure that lacks least of its page."""
    room = (request.width or math.inf, request.height or math.inf)
    return min(errors, key=lambda error: max(need / has for need, has in zip(error.room, room, strict=True)))


def legend(analysis: Analysis, request: Request) -> dressing.Legend:
    """What the colours of the blocks are called."""
    model, theme = model_of(analysis), request.theme
    found = staged(model, request)
    shown = [model] if found is None else [found.model, *(kind.model for kind in found.kinds)]
    parts = [part for each in shown for part in each.parts]
    roles = ["learned" if part.role == "positions" and tables_of(part.head) else part.role for part in parts]
    return dressing.merged((NAMES[role], shade_of(role, theme)) for role in roles if role in NAMES)


def _description(analysis: Analysis, model: Model) -> str:
    ends = ", ".join(f"{name} of {spell_shape(shape)}" for name, shape in analysis.network.inputs.items())
    steps = "; ".join(f"{row.name}, {row.label}, to {spell_shape(row.output)}" for row in analysis.rows)
    folded = ", equal blocks drawn once" if model.folded else ""
    pair = ", the encoder beside the decoder" if model.paired else ""
    beside = ", a tower for each input side by side" if model.towers else pair
    return f"{analysis.title} as blocks stacked upward{beside}{folded}. It takes {ends}. Its layers, in order: {steps}."
