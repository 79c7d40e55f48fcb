"""Readers of networks that are drawn step by step."""

from __future__ import annotations

from archscope.diagrams.scene import Polygon, Scene, Text


def strings(scene: Scene) -> list[str]:
    return [item.string for item in scene.walk() if isinstance(item, Text)]


def heads(scene: Scene, source: str) -> int:
    """Arrows that leave a layer."""
    (edge,) = (group for group in scene.groups("edge") if group.source == source)
    return sum(isinstance(item, Polygon) for item in edge.items)
