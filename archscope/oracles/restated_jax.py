"""What a module of Flax or Equinox gives itself on some values, with its weights as PyTorch has them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import jax
import numpy as np
import torch

from archscope.importing.jax.things import JaxCalled, Library, library_of
from archscope.importing.jax.tracing import held_by
from archscope.oracles.findings import first_line
from archscope.oracles.jax_weights import laid
from archscope.oracles.restated_keras import Ran
from archscope.theirs import THEIRS, heard_apart

if TYPE_CHECKING:
    from torch import Tensor


def ran(called: JaxCalled, given: Sequence[Tensor]) -> Ran | str:
    """Run the module on values with channels first; or why it does not run.

    Args:
        called: the module, and the network that was read of it.
        given: one tensor for each input.
    """
    last = library_of(called.module) is Library.NNX
    held, run = held_by(*called.valued())
    if not all(isinstance(array, jax.Array) for _, _, array in held):
        return "the module has shapes and no values"
    weights, odd = laid(called, {name: np.asarray(array) for name, kind, array in held if kind is not None}, last)
    if odd:
        return f"the weights of `{odd}` lie otherwise in JAX, and are not copied"
    flat, form = jax.tree.flatten((tuple(called.args), dict(called.kwargs)))
    places = [place for place, each in enumerate(flat) if isinstance(each, jax.ShapeDtypeStruct)]
    if len(places) != len(given):
        return f"it takes {len(places)} arrays, and {len(given)} were made"
    values = []
    for place, tensor in zip(places, given, strict=True):
        value = tensor.numpy()
        value = np.moveaxis(value, 1, -1) if last and value.ndim > 3 else value
        if value.shape != flat[place].shape:
            return "its inputs have their axes in another order"
        values.append(jax.numpy.asarray(value, flat[place].dtype))

    def call(arrays: list[Any], values: list[Any]) -> list[Any]:
        filled = dict(zip(places, values, strict=True))
        args, kwargs = jax.tree.unflatten(form, [filled.get(place, each) for place, each in enumerate(flat)])
        return run(arrays, args, kwargs, {})

    try:
        with heard_apart():  # as one: else JAX compiles each operation by itself
            made = [np.array(each) for each in jax.jit(call)([array for _, _, array in held], values)]
    except THEIRS as error:
        return f"the module does not run on numbers here: {first_line(error.__cause__ or error)}"
    found = [torch.tensor(each) for each in made]
    return Ran({name: torch.tensor(each.copy()) for name, each in weights.items()},
               [*found, *(each.movedim(-1, 1) for each in found if each.ndim > 2)])  # fmt: skip
