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
from typing import Final

from archscope.analysis import Analysis
from archscope.diagrams import dressing
from archscope.diagrams.request import Request
from archscope.diagrams.scale import Page, Plan, TooSmallError, fit
from archscope.diagrams.scene import Scene
from archscope.diagrams.themes import Theme
from archscope.diagrams.transformer.model import Model
from archscope.diagrams.transformer.paint import Figure
from archscope.diagrams.transformer.parts import model_of
from archscope.diagrams.transformer.roles import attends, tables_of
from archscope.diagrams.transformer.shapes import NAMES, shade_of
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
    model = model_of(analysis)
    page = Page(analysis.title, request.width, request.font_size, request.theme.background, request.height)
    plan = _planned(model, request, page)
    made = page.scene(plan, _description(analysis, model))
    return Scene(made.width, made.height, made.title, made.description, made.items, made.background, model.folded)


def _planned(model: Model, request: Request, page: Page) -> Plan:
    """Upward, or on a page that is wide and low with rows: of long lines, or else of lines that are not so long."""
    width, height = request.width, request.height
    wide = _WIDE if width is not None and height is not None and width > height else ()
    errors: list[TooSmallError] = []
    for each in (None, *wide):
        try:
            return fit(Figure(model, request, wide=each).plan, page=page, natural=1.0, least=0.45, most=1.0)
        except TooSmallError as error:
            errors.append(error)
    room = (width or math.inf, height or math.inf)
    raise min(errors, key=lambda error: max(need / has for need, has in zip(error.room, room, strict=True))) from None


def legend(analysis: Analysis, theme: Theme) -> dressing.Legend:
    """What the colours of the blocks are called."""
    parts = model_of(analysis).parts
    roles = ["learned" if part.role == "positions" and tables_of(part.head) else part.role for part in parts]
    return dressing.merged((NAMES[role], shade_of(role, theme)) for role in roles if role in NAMES)


def _description(analysis: Analysis, model: Model) -> str:
    ends = ", ".join(f"{name} of {spell_shape(shape)}" for name, shape in analysis.network.inputs.items())
    steps = "; ".join(f"{row.name}, {row.node.layer.label}, to {spell_shape(row.output)}" for row in analysis.rows)
    folded = ", equal blocks drawn once" if model.folded else ""
    beside = ", the encoder beside the decoder" if len(model.stacks) > 1 else ""
    return f"{analysis.title} as blocks stacked upward{beside}{folded}. It takes {ends}. Its layers, in order: {steps}."
