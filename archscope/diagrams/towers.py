"""A chain whose layers have groups, as the towers that those groups are."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from itertools import pairwise

from archscope.diagrams.chain import Chain, Link, Piece, crosses
from archscope.errors import UsageError


def split_towers(whole: Chain, name: str) -> Chain:
    """Draw a chain with grouped layers as the towers those groups are.

    Every column but the input and the last is cut along its channels. A layer without groups sees both towers,
    so links cross there.

    Raises:
        UsageError: no layer has groups, they do not agree on a number, or a width is not divisible by it.
    """
    if whole.towers:
        return whole
    inner = whole.columns[1:-1]
    found = {groups for column in inner if (groups := _groups(column.piece)) > 1}
    if len(found) != 1:
        what = f"groups of {' and '.join(str(each) for each in sorted(found))}" if found else "no layer with groups"
        raise UsageError(f"{name} has {what}: there are no towers to draw; leave --towers out")
    (count,) = found
    odd = next((column for column in inner if column.piece.shape[0] % count), None)
    if odd is not None:
        raise UsageError(f"`{odd.heading}` has {odd.piece.shape[0]} channels, which {count} towers cannot share")
    columns = [
        replace(column, pieces=_parts(column.piece, count)) if 0 < number < len(whole.columns) - 1 else column
        for number, column in enumerate(whole.columns)
    ]
    links = [
        Link(source.name, target.name, crosses(source.tower, target.tower))
        for before, after in pairwise(columns)
        for target in after.pieces
        for source in before.pieces
        if _groups(target) == 1 or source.tower in (None, target.tower)
    ]
    return Chain(tuple(columns), tuple(links))


def _parts(piece: Piece, count: int) -> tuple[Piece, ...]:
    channels, *rest = piece.shape
    return tuple(
        replace(piece, name=f"{piece.name}.{number}", shape=(channels // count, *rest), tower=f"Tower {number}",
                parts=count)
        for number in range(1, count + 1)
    )  # fmt: skip


def _groups(piece: Piece) -> int:
    options: Mapping[str, object] = {} if piece.row is None else piece.row.node.layer.stated()
    groups = options.get("groups", 1)
    return groups if isinstance(groups, int) else 1
