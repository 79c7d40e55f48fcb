"""Every layer type, by the name specs use.

>>> LAYERS["conv2d"].__name__
'Conv2d'
"""

from __future__ import annotations

from archscope.layers import convolution, dense, pooling
from archscope.layers.base import Facts, Layer, Shape, Weight, Window
from archscope.layers.convolution import *  # noqa: F403

LAYERS: dict[str, type[Layer]] = {
    layer.type: layer for family in (convolution, pooling, dense) for layer in family.LAYERS
}
