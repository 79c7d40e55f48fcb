"""What figures say of a layer: to a reader in captions, to a listener in titles and descriptions."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from archscope.analysis import Analysis, Row
from archscope.diagrams.chain import Chain, Column, Piece, Remark
from archscope.diagrams.request import Request
from archscope.layers.base import spell_count, spell_shape
from archscope.network import Network, Ref

FULL_CONNECTION = "Full connection"


def covers_all(row: Row) -> bool:
    """Whether a window with weights sees its whole input, so that the layer is a full connection.

    C5 of LeNet-5 is: its kernel is as large as the maps of S4.
    """
    kernel = row.node.layer.kernel
    if kernel is None or not row.weights:
        return False
    grid = tuple(int(each) for each in row.input_shapes[0][1:])
    return tuple(kernel) == grid and all(int(each) == 1 for each in row.output[1:])


def verb(row: Row) -> str:
    """What the step to a layer does, as LeCun's figure says it."""
    layer = row.node.layer
    if row.node.caption:
        return row.node.caption
    return FULL_CONNECTION if covers_all(row) else layer.verb or layer.label


def strides(row: Row) -> tuple[int, ...]:
    """The steps of a layer's window, an axis at a time."""
    return tuple(window.stride for window in row.facts[0].windows or ())


def kernel(row: Row, towers: int = 1) -> str | None:
    """The window of a layer, ``11×11, stride 4``; windows that lie side by side need no word of their stride, and
    groups that are drawn as towers none of themselves.
    """
    window = row.node.layer.kernel
    if window is None:
        return None
    steps = strides(row)
    size = spell_shape(window) if len(window) > 1 else f"kernel {window[0]}"
    if row.label.startswith("depthwise "):
        size = f"depthwise {size}"
    elif (groups := row.node.layer.stated().get("groups", 1)) not in (1, towers):
        size = f"{size}, {groups} groups"
    if all(step == 1 for step in steps) or steps == tuple(window):
        return size
    return f"{size}, stride {spell_shape(steps[:1] if len(set(steps)) == 1 else steps)}"


def opening(row: Row) -> str:
    """What a transposed convolution does: ``point to 5×5, stride 2``."""
    steps = row.node.layer.stated().get("stride", 1)
    each = tuple(steps) if isinstance(steps, Sequence) else (steps,)
    size = spell_shape(row.node.layer.kernel or ())
    if all(step == 1 for step in each):
        return f"point to {size}"
    return f"point to {size}, stride {spell_shape(each[:1] if len(set(each)) == 1 else each)}"


def without_a_window(row: Row) -> str:
    """What stands under the step to a layer that slides no window: ``dense``, as Krizhevsky has it, or its label."""
    layer = row.node.layer
    return layer.family if row.weights and layer.verb == FULL_CONNECTION else layer.label


def counts(
    parameters: int, macs: int | None, parts: Sequence[str], *, zeros: bool = False, copies: int = 1
) -> list[str]:
    """The numbers that a person asked to see; with ``zeros`` also where they are 0.

    >>> counts(1792, 0, ("parameters", "macs")), counts(0, None, ("parameters", "macs"), zeros=True, copies=2)
    (['1,792 par.'], ['0 par. in all', 'MACs not covered'])
    """
    lines = []
    among = " in all" if copies > 1 else ""
    if "parameters" in parts and (zeros or parameters):
        lines.append(f"{parameters:,} par.{among}")
    if "macs" in parts and (zeros or macs != 0):
        lines.append("MACs not covered" if macs is None else f"{macs:,} MACs{among}")
    return lines


def numbers(piece: Piece, request: Request, usual: Sequence[str]) -> list[str]:
    """What a shape costs, with what is drawn as part of it and all its copies."""
    zeros = piece.row is not None
    lines = counts(piece.parameters, piece.macs, request.shown(*usual), zeros=zeros, copies=piece.repeats)
    lines += request.price(piece.layers, piece.repeats)
    if lines and piece.parts > 1:
        lines.append("on both" if piece.parts == 2 else f"on all {piece.parts}")
    return lines


def remark(told: Remark, request: Request, usual: Sequence[str], *, named: bool = True) -> str:
    """What stands under a step for a layer that has no shape of its own; nothing where it costs nothing either."""
    costs = counts(told.parameters, told.macs, request.shown(*usual))
    return " · ".join((*([told.label] if named else ()), *costs, *request.price(told.layers)))


def title(piece: Piece) -> str:
    """A line on a shape, for who hovers: what it is, its output, and what is drawn as part of it."""
    name, *others = piece.layers
    if piece.row is None:
        return f"{name}: {spell_shape(piece.shape)}"
    where = f" on {piece.tower}" if piece.tower else ""
    numbers = f", {spell_count(piece.parameters, 'parameter')}" if piece.parameters else ""
    then = f"; then {', '.join(others)}" if others else ""
    return f"{name}: {piece.row.label}{where}, output {spell_shape(piece.row.output)}{numbers}{then}"


def description(analysis: Analysis, whole: Chain, laws: Iterable[str]) -> str:
    """All of a figure in words: every layer in order, who sees whom across towers, the law of every scale."""
    (name, shape), *_ = analysis.network.inputs.items()
    sentences = [f"{analysis.title} takes {name} of {spell_shape(shape)}"]
    steps = [step(row) for row in analysis.rows]
    sentences.append(f"Its layers, in order: {'; '.join(steps)}")
    if whole.towers:
        across = list(dict.fromkeys(_heading(whole, link.target) for link in whole.links if link.crosses))
        seen = f"only {_listed(across)} also read the other" if across else "neither reads the other"
        sentences.append(f"Drawn as {len(whole.towers)} towers, {_listed(whole.towers)}; {seen}, by dashed lines")
    sentences.extend(laws)
    return ". ".join(sentences) + "."


def step(row: Row) -> str:
    """A layer in a few words, with what it gives."""
    label = row.label
    said = row.name if label == row.name else f"{row.name}, {label}"
    activation = f" and {row.activation}" if row.activation else ""
    return f"{said}{activation}, to {spell_shape(row.output)}"


def _heading(whole: Chain, name: str) -> str:
    return next(column.heading for column in whole.columns for piece in column.pieces if piece.name == name)


def _listed(words: Sequence[str]) -> str:
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}"


def heading(column: Column) -> str:
    """The name over a column.

    >>> heading(Column("conv3", (), repeats=3))
    'conv3 ×3'
    """
    return column.heading if column.repeats == 1 else f"{column.heading} ×{column.repeats}"


def named_output(ref: Ref, network: Network) -> str:
    """An output of a network as a spec names it: by its layer, or ``lstm.hidden`` where that has several."""
    node = network.by_name.get(ref.node)
    if node is None:
        return ref.node
    rows = [network.by_name[each.node].row for each in network.outputs if each.node in network.by_name]
    alone = node.tower is None and (rows.count(node.row) == 1 or len(node.layer.output_names) > 1)
    name = node.row if alone else ref.node
    return name if len(node.layer.output_names) == 1 else f"{name}.{node.layer.output_names[ref.output]}"
