"""`Again`: a module that was read is read anew, with other shapes of its inputs: what it does may go by them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from torch import Tensor, nn

from archscope.errors import UsageError
from archscope.layers.base import Shape, spell_shape
from archscope.network import Network
from archscope.tracing.following import given_names, trace_module
from archscope.tracing.inputs import Call, Given


class Again:
    """Reads a module again, called as it was but for some shapes.

    Args:
        module: the module.
        call: what it was called with.
        network: what it was read into.
        path: what it can be opened by again.
    """

    def __init__(self, module: nn.Module, call: Call, network: Network, path: str | None) -> None:
        self.module = module
        self.call = call
        self.name = network.name
        self.path = path
        self.shapes = network.inputs

    def __call__(self, shapes: Mapping[str, Shape]) -> Network:
        """The network that it is then, without the batch as all shapes.

        Raises:
            UsageError: it does not run so.
        """
        names = iter(given_names(self.module, self.call))
        axes = iter(self.call.axes)

        def changed(value: Any) -> Any:
            if not isinstance(value, (Given, Tensor)):
                return value
            name = next(names)
            axis = next(axes, 0) if isinstance(value, Tensor) else 0
            shape = shapes.get(name)
            if shape is None or shape == self.shapes[name]:
                return value
            if isinstance(value, Given) and value.shape == self.shapes[name]:
                return value.replace(shape=shape)
            if isinstance(value, Tensor) and value.ndim == len(shape) + 1:
                return Given(shape, str(value.dtype).removeprefix("torch."), batched=True, axis=axis)
            raise UsageError(
                f"`{name}` of {self.name} has no batch of its own: call it with the shape that is asked for"
            )

        args, kwargs = self.call.mapped(changed)
        call = self.call.replace(args=args, kwargs=kwargs)
        network, own = trace_module(self.module, call, self.name, self.path)
        return network.replace(again=Again(self.module, own, network, self.path))


class Exported:
    """Reads an exported program again, where its axes may have any length.

    Args:
        network: what it was read into.
        axes: by input, the axes that may have any length, the batch counted as 0.
        file: the file's name.
    """

    def __init__(self, network: Network, axes: Mapping[str, tuple[int, ...]], file: str) -> None:
        assert network.again is not None  # noqa: S101 - a module was read
        self.inputs = network.inputs
        self.again = network.again
        alone = len(self.inputs) == 1
        self.axes = dict(zip(self.inputs, axes.values(), strict=True)) if alone and axes else axes
        self.file = file

    def __call__(self, shapes: Mapping[str, Shape]) -> Network:
        """The network that it is then.

        Raises:
            UsageError: it was exported for the lengths that it has.
        """
        for name, shape in shapes.items():
            pairs = enumerate(zip(self.inputs[name], shape, strict=True), 1)
            fixed = any(before != now and axis not in self.axes.get(name, ()) for axis, (before, now) in pairs)
            if fixed:
                raise UsageError(f"{self.file} was exported for `{name}` of {spell_shape(self.inputs[name])}, and "
                                 f"{spell_shape(shape)} is asked for; name the axes that may have any length when you "
                                 "export it: dynamic_shapes=…")  # fmt: skip
        return self.again(shapes)


__all__ = ["Again", "Exported"]
