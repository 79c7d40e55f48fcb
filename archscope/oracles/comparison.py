"""`compare`: a module that somebody else wrote, laid beside a network by `archscope.difference`.

The module is read as a network of its own. What no reading shows is told beside the difference: that it stops, and
that what is for training only stays on at inference.
"""

from __future__ import annotations

import contextlib
import inspect
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

import torch
from torch import nn

from archscope.difference import QUANTITIES, Difference, Item, difference
from archscope.errors import UsageError
from archscope.layers.base import spell_shape
from archscope.network import Network, ShapeError
from archscope.oracles.awake import awake
from archscope.record import EMPTY
from archscope.tracing.calling import Called, call_module
from archscope.tracing.factory import Factory
from archscope.tracing.inputs import Call, Given
from archscope.tracing.unwrapped import unwrapped

_LIKELY: Final = (28, 32, 64, 224, 227, 256, 299)
"""Input sizes that are tried when a module does not run at the spec's."""


@dataclass(frozen=True)
class Comparison:
    """What a module and a network have in common.

    Attributes:
        network: the network's name.
        module: how the module was named.
        found: the two side by side, the network first; None where the module runs on no input that was tried.
        remarks: what no difference of layers says, a sentence each: where it stops, what stays on at inference.
    """

    network: str
    module: str
    found: Difference | None
    remarks: tuple[str, ...] = ()

    @property
    def same(self) -> bool:
        """Whether nothing differs but what is kept for the backward pass, which depends on how a layer is written."""
        return not self.remarks and self.alike

    @property
    def alike(self) -> bool:
        """Whether the layers are the same, and wired so."""
        return self.found is not None and all(map(_only_keeps, self.found.items))


def _only_keeps(item: Item) -> bool:
    """Whether the same layers keep other values."""
    counted = (quantity for quantity in QUANTITIES if quantity != "saved_bytes")
    kept = all(not facet.own for change in item.changes for facet in change.facets) or item.kind == "rest"
    return kept and item.kind in ("follows", "rest") and all(item.cost(each).gap in (0, None) for each in counted)


def compare_factory(
    network: Network, factory: str, options: Mapping[str, Any] = EMPTY, call: Call | None = None
) -> Comparison:
    """Import a factory, call it, and compare what it makes with a network.

    ``options`` are the factory's arguments, and ``call`` is what its module is called with, if that is known; else it
    is given the network's inputs, by name where it takes those names.

    The module is made on meta, where a large network costs nothing. One that cannot be made there, or does not run
    there to its end, is made on the CPU: some code looks at values, and meta has none.

    Raises:
        UsageError: the factory cannot be imported, raises, or returns no module, or one that has nothing in common
            with the network; says what and where.
    """
    maker = Factory(factory, options)
    found = None
    if maker.makes:
        with contextlib.suppress(UsageError):
            found = _compared(network, maker.made("meta"), factory, call)
    if found is None or found.remarks:
        found = _compared(network, maker.made(), factory, call)
    return found


def compare(network: Network, module: nn.Module, *, name: str = "the module", call: Call | None = None) -> Comparison:
    """Lay a module beside a network; it is left as it was.

    >>> import archscope
    >>> network = archscope.load("lenet5-pytorch")
    >>> compare(network, archscope.build(network)).same
    True
    """
    return _compared(network, module, name, call)


def _compared(network: Network, made: Any, name: str, call: Call | None) -> Comparison:
    module = unwrapped(made)
    if any(isinstance(each, torch.jit.ScriptModule) for each in module.modules()):
        raise UsageError(f"{name} is TorchScript, which runs where nobody can watch its layers; "
                         "name the module that it was made from")  # fmt: skip
    asked = call or _inputs(network, module)
    try:
        called = call_module(module, asked, name, remedy="")
    except UsageError as error:
        return _stopped(network, module, name, str(error), call is None)
    found = difference(network, called.network, names=_names(network.name, name))
    return Comparison(network.name, name, found, tuple(awake(called)))


def _names(network: str, module: str) -> tuple[str, str]:
    return (network, module) if network != module else (network, f"{module} (module)")


def _inputs(network: Network, module: nn.Module, size: int | None = None) -> Call:
    """The network's inputs, in the names of the module's where it takes those; at another size if one is given."""
    held = (*module.parameters(), *module.buffers())
    precision = next((each.dtype for each in held if each.is_floating_point()), torch.get_default_dtype())
    given = {}
    for name, shape in network.inputs.items():
        extents = tuple(int(extent) for extent in shape)
        if size is not None:
            extents = (extents[0], *(size for _ in extents[1:]))
        kind = torch.int64 if name in network.tokens else precision
        given[name] = Given(extents, str(kind).removeprefix("torch."), True)
    taken = inspect.signature(module.forward).parameters
    if len(given) > 1 and all(name in taken for name in given):
        return Call((), given)
    return Call(tuple(given.values()))


def _stopped(network: Network, module: nn.Module, name: str, why: str, sized: bool) -> Comparison:
    """Why a module does not run, the size at which it would, and what differs there."""
    sizes = _LIKELY if sized and any(len(shape) > 1 for shape in network.inputs.values()) else ()
    for size, called in _elsewhere(network, module, name, sizes):
        shapes = {each: (shape[0], *(size for _ in shape[1:])) for each, shape in network.inputs.items()}
        spelled = " and ".join(map(spell_shape, shapes.values()))
        try:
            there = network.replace(inputs=shapes, facts=EMPTY, published=())
            found = difference(there, called.network, names=_names(network.name, name))
        except (ShapeError, UsageError):
            return Comparison(network.name, name, None, (f"{why}; it does run on an input of {spelled}",))
        remark = f"{why}; it does run on an input of {spelled}, and what is compared is both at that size"
        return Comparison(network.name, name, found, (remark, *awake(called)))
    return Comparison(network.name, name, None, (why,))


def _elsewhere(network: Network, module: nn.Module, name: str, sizes: tuple[int, ...]) -> Iterator[tuple[int, Called]]:
    for size in sizes:
        with contextlib.suppress(UsageError):
            yield size, call_module(module, _inputs(network, module, size), name)
