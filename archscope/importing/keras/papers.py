"""Layers of papers that Keras has not, by the classes that ``archscope code --to keras`` writes for them."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final

from archscope.importing.keras.layers import Reading
from archscope.importing.keras.place import Place, Value

PACKAGE: Final = "papers>"
"""What Keras has in front of the names of such classes."""


def _weight(place: Place) -> Value:
    return place.made("parameter", [], shape=[int(each) for each in place.options["shape"]])


def _scaled_tanh(place: Place) -> Value:
    said: dict[str, Any] = {name: place.options[name] for name in ("amplitude", "slope")}
    return place.made("scaled_tanh", **said)


def _lrn(place: Place) -> Value:
    said: dict[str, Any] = {name: place.options[name] for name in ("size", "alpha", "beta", "k")}
    return place.made("lrn", [place.grid(len(place.value.shape) - 1)], **said)


def _subsample(place: Place) -> Value:
    return place.made("subsampling", [place.grid(2)], kernel_size=place.numbers("pool_size", 2),
                      stride=place.numbers("strides", 2))  # fmt: skip


def _table_conv(place: Place) -> Value:
    table = [[int(each) for each in row] for row in place.options["table"]]
    return place.made("conv2d", [place.grid(2)], out_channels=len(table), kernel_size=place.numbers("kernel_size", 2),
                      stride=place.numbers("strides", 2), dilation=place.numbers("dilation_rate", 2),
                      connection_table=table, bias=place.options.get("bias") is not None)  # fmt: skip


READINGS: Final[Mapping[str, Reading]] = MappingProxyType({
    f"{PACKAGE}{name}": reading for name, reading in (
        ("Weight", _weight), ("ScaledTanh", _scaled_tanh), ("LocalResponseNormalization", _lrn),
        ("Subsample", _subsample), ("TableConv2D", _table_conv))
})  # fmt: skip
"""Classes by name, and the layers that each is."""
