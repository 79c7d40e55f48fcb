"""What a table of layers means, in three sentences.

The first names the largest share of the time, the second the largest time above its floor, the third what
would change it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from archscope.bench import units

Layer = Mapping[str, Any]
SLOW_KERNEL: Final = 0.25
"""Under this part of the device's arithmetic it is not arithmetic that keeps a layer busy, but the way it is done."""


def verdict(cell: Mapping[str, Any]) -> tuple[str, ...]:
    """Three sentences on a cell whose layers were timed; none where they were not."""
    layers = [each for each in cell["layers"] or () if each["type"] is not None]
    if not layers:
        return ()
    whole = sum(each["time"] for each in cell["layers"])
    lost = _largest_loss(layers)
    return (_largest_share(layers, whole), _loss(lost, layers, whole), _change(cell, lost))


def _alike(layer: Layer, layers: Sequence[Layer]) -> list[Layer]:
    return [each for each in layers if each["type"] == layer["type"]]


def _largest_share(layers: Sequence[Layer], whole: float) -> str:
    top = max(layers, key=lambda each: float(each["time"]))
    alike = _alike(top, layers)
    together = sum(each["time"] for each in alike)
    text = (
        f"{top['name']} takes the most time: {units.time(top['time'])}, {units.share(top['time'] / whole)} of the whole"
    )
    if len(alike) > 1:
        text += f"; all {len(alike)} {top['type']} layers together take {units.share(together / whole)}"
    between = whole - sum(each["time"] for each in layers)
    if between < top["time"]:
        return text + "."
    return (
        f"Of the layers, {text}. {units.share(between / whole)} of it, {units.time(between)}, passes between layers, "
        "in functions that the module's code calls, and is not told apart."
    )


def loss_of(layer: Layer) -> float:
    """Seconds a layer takes above its floor."""
    return float(layer["time"] - (layer["floor"] or 0.0))


def _largest_loss(layers: Sequence[Layer]) -> Layer:
    known = [each for each in layers if each["floor"] is not None]
    return max(known or layers, key=loss_of)


def _loss(lost: Layer, layers: Sequence[Layer], whole: float) -> str:
    if lost["floor"] is None:
        return f"How much of it is lost cannot be said: {lost['name']} has no known floor."
    floor = f"this device could do it in {units.time(lost['floor'])}" if lost["floor"] else "it need not take any"
    text = f"{lost['name']} ({lost['type']}) loses the most: it takes {units.time(lost['time'])} where {floor}"
    alike = [each for each in _alike(lost, layers) if each["floor"] is not None]
    if len(alike) > 1:
        together = sum(map(loss_of, alike))
        text += f"; the {len(alike)} {lost['type']} layers lose {units.share(together / whole)} of the whole time"
    return text + "."


def _change(cell: Mapping[str, Any], lost: Layer) -> str:
    """What would help, from what the layer waits for."""
    if cell["launch_bound"]:
        return "The device waits to be told what to do: a CUDA graph (--engine graph) or a larger batch would help."
    bound = lost["bound"]
    if bound == "memory":
        passes = f" instead of {lost['launches']} operations" if (lost["launches"] or 0) > 1 else ""
        return (
            f"It does little arithmetic and mostly moves values through memory: one fused operation{passes}, "
            "reading its input once and writing its output once, would help (try --engine compile)."
        )
    if bound == "launch":
        return (
            "It is so small that starting its operations takes longer than doing them: a larger batch would help, "
            "or fewer operations (--engine compile)."
        )
    return _of_arithmetic(cell, lost)


def _of_arithmetic(cell: Mapping[str, Any], lost: Layer) -> str:
    """What would help a layer whose products are its floor; nothing that the cell has already."""
    on_gpu = cell["time"]["period"] is not None
    ways = []
    if cell["dtype"] in ("fp32", "tf32"):
        where = "(--dtype bf16)" if on_gpu else "where the device is faster in it"
        ways.append(f"a lower precision {where}")
    if cell["layout"] == "nchw":
        ways.append("--layout nhwc")
    if cell["engine"] == "eager":
        ways.append("--engine compile")
    reached = lost["floor"] / lost["time"] if lost["floor"] and lost["time"] else None
    if reached is not None and reached < SLOW_KERNEL:
        text = f"Its kernel reaches {units.share(reached)} of the arithmetic that the device has"
        return f"{text}: {' or '.join(ways)} may find a better one." if ways else f"{text}."
    text = "It is arithmetic that keeps it busy"
    return f"{text}: {' or '.join(ways)} would help." if ways else f"{text}."
