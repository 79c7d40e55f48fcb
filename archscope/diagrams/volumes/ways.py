"""What lies on the way from one solid to another, in words, and the one arrow that stands for several ways."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Final

from archscope.analysis import Row
from archscope.diagrams.graph.units import Unit, is_glue
from archscope.diagrams.volumes.form import Arrow
from archscope.diagrams.volumes.outputs import holds

IN_THE_FIRST: Final = " in the first"
"""What only the first of equal blocks has."""


def titled(unit: Unit, end: Unit) -> str:
    """What the spec calls the block that a unit on the way to an end stands in; empty if it has no title."""
    return next((part.title for part in unit.path if part.title and part not in end.path), "")


def only_normalizes(unit: Unit) -> bool:
    """Whether it is a norm over axes that are turned for it alone."""
    return is_glue(unit.rows[0].node.layer) and all(
        row.node.layer.family == "normalization" for row in unit.rows if holds(row)
    )


def said(unit: Unit) -> str:
    """What a unit does that is no solid; turned axes go without saying where there is more."""
    labels = [row.node.layer.label for row in unit.rows if not is_glue(row.node.layer)]
    return " · ".join(labels) or unit.rows[0].node.layer.label


def spelled(told: Sequence[str]) -> str:
    """What lies on a way, in the order of the way; it is told backwards."""
    only = [each.removesuffix(IN_THE_FIRST) for each in reversed(told)]
    first = any(each.endswith(IN_THE_FIRST) for each in told)
    return ", ".join(dict.fromkeys(only)) + (IN_THE_FIRST if first else "")


def merged(arrows: Iterator[Arrow], rows: Mapping[str, Row]) -> tuple[Arrow, ...]:
    """One arrow for all ways from a solid to another, with what lies on any of them."""
    ways: dict[tuple[str, str], dict[tuple[str, ...], Arrow]] = {}
    for arrow in arrows:
        ways.setdefault((arrow.source, arrow.target), {}).setdefault(arrow.layers, arrow)
    seen: set[str] = set()
    merged = []
    for found in ways.values():
        told = ", ".join(dict.fromkeys(arrow.told for arrow in found.values() if arrow.told))
        layers = tuple(dict.fromkeys(each for held in found for each in held))
        does = any(not is_glue(rows[each].node.layer) for each in layers)
        merged.append(
            replace(next(iter(found.values())), told=told, layers=tuple(each for each in layers if each not in seen),
                    ways=len(found) if does else 1)
        )  # fmt: skip
        seen.update(layers)
    return tuple(merged)
