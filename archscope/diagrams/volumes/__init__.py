"""Style `boxes` for a convolutional network of any form: skips, branches and joins, and the U of an encoder-decoder.

From an analysis to a picture, each step a module:

* `stages`: blocks in series that do the same, as one with ``×N``, and what is open at a depth;
* `forming`: the `form`, which is solids, arrows and stages; `cells`: how much room each takes;
* `series` and `rows`: from left to right, branches below one another; `levels`: the U;
* `paint` and `legend`: the display list.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import cache
from typing import Final

from archscope.analysis import Analysis
from archscope.diagrams import words
from archscope.diagrams.chain import (
    BOXES,
    Chain,
    NotAChainError,
    called,
    chain,
    fold,
    has_weights,
    is_grid,
)
from archscope.diagrams.interest import TRIES
from archscope.diagrams.refusal import NotShownError
from archscope.diagrams.request import Request
from archscope.diagrams.scale import TIGHT, Page, Plan, TooSmallError, fit, require_room
from archscope.diagrams.scene import Item, Scene
from archscope.diagrams.towers import split_towers
from archscope.diagrams.volumes.cells import USUAL, Cells
from archscope.diagrams.volumes.form import Form, Solid
from archscope.diagrams.volumes.forming import Former, former_of
from archscope.diagrams.volumes.legend import entries, legend, reach, widest
from archscope.diagrams.volumes.levels import Levels, comes_back
from archscope.diagrams.volumes.outputs import holds, plain
from archscope.diagrams.volumes.paint import Paint
from archscope.diagrams.volumes.rows import Rows
from archscope.errors import UsageError
from archscope.layers.base import spell_shape

MOST_SOLIDS: Final = 32
"""Depth `auto` opens blocks as far as this many solids allow."""

WIDEST: Final = 3.6
"""A figure that is more times as wide as high goes on in another row, where nobody says how wide it may be."""

NATURAL: Final = 9.0
MOST: Final = 14.0
"""The height of the tallest box, and where a page is to be filled, in parts of the font."""


MOST_COLUMNS: Final = 12
"""A longer chain has its equal neighbours folded; if it is longer still, it is drawn as a network with branches is."""


def columns(analysis: Analysis, request: Request) -> Chain | None:
    """A chain, or towers, whose boxes stand beside one another; None where `scene` draws the network.

    Raises:
        NotAChainError: it is neither, and no convolutional network.
    """
    try:
        whole = chain(analysis, has_weights)
    except NotAChainError:
        if request.towers or not slides_windows(analysis):
            raise
        return None
    if request.towers:
        whole = split_towers(whole, analysis.title)
    if len(whole.columns) > MOST_COLUMNS:
        whole = fold(whole)
    long = len(whole.columns) > MOST_COLUMNS or request.instead == "boxes"
    too_long = long and not whole.towers and slides_windows(analysis)
    return None if too_long else called(whole, analysis.network.figure.get("labels", {}))


def scene(analysis: Analysis, request: Request) -> Scene:
    """The figure.

    Raises:
        NotShownError: it has more than three axes somewhere.
        UsageError: the page cannot hold the figure.
    """
    former = former_of(analysis).asked(request.expand, request.collapse)
    wanted = _depth(former, request)
    depths = range(wanted, 0, -1) if request.depth == "auto" else (wanted,)
    errors: list[TooSmallError] = []
    for depth in depths:
        try:
            found = _fitted(former.form(depth), request)
            if request.depth == "auto" and request.height is not None:
                found = _all_alike(former, depth, request, found)
        except TooSmallError as error:
            errors.append(error)
        except NotShownError:
            if not errors:
                raise
        else:
            return found()
    raise _refused(former, wanted, request, errors) from None


Fitted = Callable[[], Scene]
"""A figure that its page has room for, yet to be drawn."""


def _all_alike(former: Former, depth: int, request: Request, found: Fitted) -> Fitted:
    """The same with more blocks open as far as the page holds them, and those that hold the same all open or closed."""
    more, found = _opened(former, depth, request, found)
    named = request.expand or request.collapse
    # What is closed leaves room for others, which may be like what is closed.
    while not named and (some := more.unequal(depth)):
        former = former.asked(former.expand, (*former.collapse, *some))
        more, found = _opened(former, depth, request, _fitted(former.form(depth), request))
    return found


def _opened(former: Former, depth: int, request: Request, found: Fitted) -> tuple[Former, Fitted]:
    """The same with more blocks open, those of most interest first, as far as the page holds them."""
    tried: set[tuple[str, ...]] = set()
    while len(tried) < TRIES:
        kin = next((each for each in former.closed(depth) if each.paths not in tried), None)
        if kin is None:
            break
        tried.add(kin.paths)
        wider = former.asked((*former.expand, *kin.patterns), former.collapse)
        if not wider.is_within(depth, MOST_SOLIDS):
            continue
        try:
            found, former = _fitted(wider.form(depth), request), wider
        except TooSmallError:
            continue
    return former, found


def slides_windows(analysis: Analysis) -> bool:
    """Whether it is a convolutional network: layers with weights slide windows over maps."""
    return any(holds(row) and row.kernel and is_grid(plain(row.output)) for row in analysis.nodes)


def branches(analysis: Analysis) -> bool:
    """Whether a network is no chain and no towers."""
    try:
        chain(analysis, has_weights)
    except NotAChainError:
        return True
    return False


def against(analysis: Analysis) -> str | None:
    """Why boxes do not show a network well: little of it is maps, or it takes too many; None if they do."""
    if not slides_windows(analysis):
        bare = next((row for row in analysis.nodes if row.weights and row.node.layer.family == "function"), None)
        if bare is not None:
            return f"`{bare.name}` ({bare.node.layer.label}) is known by its shapes alone, and not by its window"
        return "no layer with weights slides a window over maps"
    former = former_of(analysis)
    form = former.form(_auto(former))
    drawn = [each for each in form.solids if not each.sign]
    hidden = _hidden(form)
    if hidden is not None:
        return hidden
    odd = next((each for each in drawn if len(each.shape) not in BOXES), None)
    if odd is not None:
        return f"`{odd.id}` gives {spell_shape(odd.shape)}, and a box has three axes at most"
    if len(drawn) > MOST_SOLIDS:
        return f"it takes {len(drawn)}, and {MOST_SOLIDS} read well"
    maps = [each.id for each in drawn if _is_map(each)]
    weighing = _on_the_way(form)
    enough = 2 * len(maps) >= len([each for each in drawn if each.id not in weighing])
    return None if enough else f"of its {len(drawn)} values only {len(maps)} are maps"


def _is_map(solid: Solid) -> bool:
    return len(solid.shape) == 3 and is_grid(solid.shape)


def _on_the_way(form: Form) -> set[str]:
    """The vectors that maps come of: what weighs their channels, and what a generator begins with."""
    targets: dict[str, list[str]] = {}
    for arrow in form.arrows:
        targets.setdefault(arrow.source, []).append(arrow.target)
    leading: set[str] = set()
    for solid in reversed(form.solids):
        if _is_map(solid) or any(target in leading for target in targets.get(solid.id, ())):
            leading.add(solid.id)
    return {solid.id for solid in form.solids if solid.id in leading and not is_grid(solid.shape)}


def _hidden(form: Form) -> str | None:
    """Why a join would look as if it read one value: its ways are parts of one box, such as activations."""
    made = form.analysis.network.by_name
    joined = {arrow.target for arrow in form.arrows if arrow.ways > 1}
    for solid in form.solids:
        side_by_side = solid.parts and not solid.is_block and solid.id in joined
        if side_by_side:
            return f"`{solid.id}` joins ways that have no boxes of their own"
        if solid.sign and len({each.source for each in form.arrows if each.target == solid.id}) == 1:
            read = {ref.node for row in solid.rows[:1] for ref in row.node.inputs}
            if sum(name not in made or bool(made[name].inputs) for name in read) > 1:
                return f"`{solid.id}` joins ways that have no boxes of their own"
    return None


def _depth(former: Former, request: Request) -> int:
    if request.depth == "auto":
        return _auto(former)
    if request.depth == "full":
        return former.deepest
    if request.depth < 1:
        raise UsageError(f"a depth of {request.depth} shows nothing; use 1 or more, or `full`")
    return min(request.depth, former.deepest)


def _auto(former: Former) -> int:
    """As deep as reads well."""
    return next((depth for depth in range(former.deepest, 1, -1) if former.is_within(depth, MOST_SOLIDS)), 1)


def _refused(former: Former, wanted: int, request: Request, errors: Sequence[TooSmallError]) -> UsageError:
    """What fits instead: less depth, or the least size."""
    if request.depth != "auto":
        for depth in range(wanted - 1, 0, -1):
            try:
                _fitted(former.form(depth), request)
            except TooSmallError:
                continue
            return UsageError(f"{errors[0]}; or --depth {depth}, which fits")
    return min(errors, key=lambda error: error.room[0] * error.room[1])


def _fitted(form: Form, request: Request) -> Fitted:
    """The figure of a form; where a page is too small for a U with names, the U of the paper, which has none.

    Raises:
        TooSmallError: the page has no room for it.
        NotShownError: boxes do not show it.
    """
    try:
        return _laid_out(form, request, named=True)
    except TooSmallError:
        if request.show is not None or not comes_back(form):
            raise
        return _laid_out(form, request, named=False)


def _laid_out(form: Form, request: Request, *, named: bool) -> Fitted:
    odd = next((each for each in form.solids if len(each.shape) not in BOXES), None)
    if odd is not None:
        raise NotShownError(f"style boxes draws at most three axes, and `{odd.id}` gives {spell_shape(odd.shape)}")
    hidden = _hidden(form)
    if hidden is not None:
        raise NotShownError(f"in style boxes {hidden}")
    back = comes_back(form)
    series = None if back else form.series
    cells = Cells(form, request, levels=back, named=named, arcs=series.arcs if series else frozenset())
    placing = Rows(form, cells, series) if series else Levels(form, cells)
    paint = Paint(form, cells, request, colored=back)
    families = request.keys and request.color == "family"
    told = entries(form, colored=back, windows=request.shows("op", *USUAL)) if back or families else []
    size = request.font_size

    @cache
    def plan(height: float, gaps: float, rows: int = 1) -> Plan:
        layout = placing.layout(height, gaps, rows)
        left, _, right, bottom = layout.bounds()

        def items() -> list[Item]:
            return [*paint.items(layout), *legend(paint, told, left, right, bottom + 1.6 * size)]

        def upright() -> tuple[float, float]:
            top, end = paint.reach(layout)
            return top, max(end, *reach(paint, told, left, right, bottom + 1.6 * size)) if told else end

        return Plan(left, max(right, left + widest(told, cells.small)), items, upright)

    page = Page(form.analysis.title, request.width, size, request.theme.background, request.height)
    rows = _rows(placing, plan, page, cells.least, NATURAL * size)

    def in_rows(height: float, gaps: float) -> Plan:
        return plan(height, gaps, rows)

    def drawn() -> Scene:
        found = fit(in_rows, page=page, natural=NATURAL * size, least=cells.least, most=MOST * size)
        return replace(page.scene(found, _description(form, cells, back=back)), folded=form.folded)

    require_room(in_rows, page=page, least=cells.least)
    return drawn


def _rows(
    placing: Levels | Rows, plan: Callable[[float, float, int], Plan], page: Page, least: float, natural: float
) -> int:
    """How many rows a figure takes: one where it can, as many as it needs where the page is narrow."""
    most = placing.most_rows if isinstance(placing, Rows) else 1

    def held(height: float, gaps: float) -> int | None:
        """The fewest rows that a page holds; those that are too large whatever else is there are not laid out."""
        for rows in range(1, most + 1):
            least = placing.at_least(height, gaps, rows) if isinstance(placing, Rows) and most > 1 else (0.0, 0.0)
            if page.may_hold(*least) and page.holds(plan(height, gaps, rows)):
                return rows
        return None

    if page.width is not None:
        return held(natural, 1.0) or held(least, TIGHT) or most
    if page.height is None:
        for rows in range(1, most + 1):
            tried = plan(natural, 1.0, rows)
            top, bottom = tried.upright()
            if tried.right - tried.left <= WIDEST * (bottom - top):
                return rows
    return held(least, TIGHT) or most


def _description(form: Form, cells: Cells, *, back: bool) -> str:
    """All of a figure in words."""
    analysis = form.analysis
    inputs = ", ".join(f"{name} of {spell_shape(shape)}" for name, shape in analysis.network.inputs.items())
    steps = "; ".join(words.step(row) for row in analysis.rows)
    way = "Each level down is a smaller size of maps" if back else "Branches stand below one another"
    return ". ".join((f"{analysis.title} takes {inputs}", f"Its layers, in order: {steps}", way, *cells.laws)) + "."
