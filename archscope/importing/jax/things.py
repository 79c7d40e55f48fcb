"""What is a module of JAX's; asks without importing JAX."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from archscope.network import Network


class Library(Enum):
    """A library of modules for JAX."""

    NNX = "Flax NNX"
    EQUINOX = "Equinox"


class Made(NamedTuple):
    """What a factory has made.

    Attributes:
        module: the module; its arrays are described, and hold no values, where ``again`` is there.
        state: what Equinox keeps beside it; None where there is none.
        again: makes both with values.
    """

    module: Any
    state: Any
    again: Callable[[], Made] | None = None


class Lies(NamedTuple):
    """What of a module lies in another order than in the network that was read of it.

    Attributes:
        orders: weights whose axes are turned, and which of its axes each one is here.
        flattened: nodes that flatten a grid which has its channels last there.
        maps: inputs that have their channels in front here, and last there.
    """

    orders: Mapping[str, tuple[int, ...]] = MappingProxyType({})
    flattened: frozenset[str] = frozenset()
    maps: frozenset[str] = frozenset()


@dataclass(frozen=True, eq=False)
class JaxCalled:
    """A module, what it is called with, and the network that it was read into.

    Attributes:
        module: the module that a person wrote.
        args: what it is called with, arrays described by `jax.ShapeDtypeStruct`, with the batch in front.
        kwargs: what it is called with by name.
        state: what Equinox keeps beside it; None where there is none.
        network: what was read.
        lies: what of the module lies in another order there.
        again: makes the module and its state with values, where ``module`` has none.
    """

    module: Any
    args: Sequence[Any]
    kwargs: Mapping[str, Any]
    state: Any
    network: Network
    lies: Lies = Lies()
    again: Callable[[], Made] | None = None

    def valued(self) -> tuple[Any, Any]:
        """The module and its state, with values."""
        made = Made(self.module, self.state) if self.again is None else self.again()
        return made.module, made.state


def library_of(thing: Any) -> Library | None:
    """The library that a module is of; None for anything else.

    >>> library_of(3)
    """
    flax, equinox = sys.modules.get("flax.nnx"), sys.modules.get("equinox")
    if flax is not None and isinstance(thing, flax.Module):
        return Library.NNX
    if equinox is not None and isinstance(thing, equinox.Module):
        return Library.EQUINOX
    return None


def found_in(made: Any) -> Any:
    """The module that a function has returned: by itself, or before the state that Equinox keeps beside it."""
    if type(made) is tuple and len(made) == 2 and library_of(made[0]) is Library.EQUINOX and is_state(made[1]):
        return made[0]
    return made if library_of(made) is not None else None


def is_state(thing: Any) -> bool:
    """Whether it is what Equinox keeps beside a module, such as running statistics."""
    equinox = sys.modules.get("equinox")
    return equinox is not None and isinstance(thing, equinox.nn.State)


def is_loaded() -> bool:
    """Whether a library of modules has been imported, without which nobody has made one."""
    return "flax.nnx" in sys.modules or "equinox" in sys.modules
