"""Networks drawn as boxes, and what stands on them."""

from __future__ import annotations

from typing import Any

import archscope
from archscope.diagrams.scene import Group, Scene, Text, bounds
from archscope.network import Network
from tests.diagrams.branching import NETWORKS, Builder
from tests.diagrams.networks import network as written

MADE = ("residual", "inception", "dense", "u_shaped", "resnet", "chain", "weighed", "gated")


def network(name: str) -> Network:
    return NETWORKS[name]() if name in MADE else written(name)


def boxes_of(name: str, **options: Any) -> Scene:
    return archscope.draw(network(name), style="boxes", **options).scene


def strings_of(scene: Scene) -> list[str]:
    return [item.string for item in scene.walk() if isinstance(item, Text)]


def layer_of(scene: Scene, name: str) -> Group:
    return next(group for group in scene.groups("layer") if name in group.layers)


def middle_of(group: Group) -> tuple[float, float]:
    left, top, right, bottom = bounds(item for item in group.items if not isinstance(item, Text))
    return (left + right) / 2, (top + bottom) / 2


def lists_of_a_pyramid() -> Network:
    """A feature pyramid; all that is `lat` or `smooth` is one block where nothing is open."""
    b = Builder("pyramid", input=(3, 64, 64))
    last, up, maps = "input", "", []
    for n, channels in enumerate((8, 16, 32)):
        last = b.conv(f"c{n}", last, channels, stride=2, norm=False)
        maps.append(last)
    for n in (2, 1, 0):
        lat = b.conv(str(n), maps[n], 8, 1, group=["lat"], norm=False, relu=False)
        up = b.add(f"add{n}", "add", lat, b.add(f"up{n}", "upsample", up, scale_factor=2)) if up else lat
        b.conv(str(n), up, 8, group=["smooth"], norm=False)
    return b.network(*(f"smooth.{n}_relu" for n in range(3)))
