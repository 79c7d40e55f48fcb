"""Source of Flax NNX, run beside the module that PyTorch builds of the same network, with its weights."""

from __future__ import annotations

import os
import sys
from random import Random
from typing import Any

os.environ.setdefault("JAX_PLATFORMS", "cpu")

import jax
import numpy as np
import torch
from flax import nnx

import archscope
from archscope.network import Network
from archscope.writing.jax import write_jax
from archscope.writing.listing import class_name
from tests.writing.keras_runner import attention_of, lasting, stir, tensors
from tests.writing.options import unlike, variations

_ROLES = {"kernel": "weight", "embedding": "weight", "scale": "weight", "mean": "running_mean", "var": "running_var"}


def model_of(network: Network) -> nnx.Module:
    """The module of the source, without values."""
    scope: dict[str, Any] = {}
    exec(compile(write_jax(network), network.name, "exec"), scope)
    return nnx.eval_shape(lambda: scope[class_name(network)](nnx.Rngs(0)))


def laid(source: np.ndarray[Any, Any], role: str, transposed: bool) -> np.ndarray[Any, Any]:
    """A weight of PyTorch in Flax's order of axes."""
    if role != "kernel":
        return source
    if source.ndim == 2:
        return source.T
    grid = tuple(range(2, source.ndim))
    if transposed:
        return np.flip(np.transpose(source, (*grid, 0, 1)), tuple(range(len(grid))))
    return np.transpose(source, (*grid, 1, 0))


def filled(model: nnx.Module, built: torch.nn.Module) -> nnx.Module:
    """The module with the weights of PyTorch's."""
    held = {name.replace(".", "_"): value.detach().numpy() for name, value in built.state_dict().items()}
    turned = {name.replace(".", "_") for name, each in built.named_modules() if "ConvTranspose" in type(each).__name__}
    attention = {
        name.replace(".", "_"): attention_of(each)
        for name, each in built.named_modules()
        if hasattr(each, "out_proj") or "in_proj_weight" in dict(each.named_parameters(recurse=False))
    }
    graph, state = nnx.split(model)
    flat = []
    for path, variable in nnx.to_flat_state(state):
        *within, role = map(str, path)
        if isinstance(variable, nnx.RngState):
            value: Any = jax.random.key(0) if role == "key" else np.zeros((), np.uint32)
        elif "_".join(within[:-1]) in attention and within[-1] in ("query", "key", "value", "out"):
            parts = attention["_".join(within[:-1])]
            many = len(parts) // 4
            value = parts[("query", "key", "value", "out").index(within[-1]) * many + (role == "bias")]
        else:
            own = "_".join([*within, _ROLES.get(role, role)])
            value = laid(held[own], role, "_".join(within) in turned)
        assert value.shape == variable.shape, path
        flat.append((path, variable.replace(value)))
    made = nnx.merge(graph, nnx.from_flat_state(flat))
    made.eval()
    return made


def difference(network: Network) -> tuple[int, int, float]:
    """Parameters of the built module and of the source's, and how far apart their outputs are for their size."""
    torch.manual_seed(0)
    built = archscope.build(network).eval()
    stir(built)
    model = model_of(network)
    theirs = sum(int(np.prod(each.shape)) for each in jax.tree.leaves(nnx.state(model, nnx.Param)))
    given = built.example_inputs(2)
    with torch.no_grad():
        wanted = [lasting(each).numpy() for each in tensors(built(*given))]
    turned = [lasting(each).numpy() for each in given]
    made = nnx.jit(lambda module, *each: module(*each))(filled(model, built), *turned)
    made = made if isinstance(made, (tuple, list)) else [made]
    assert [each.shape for each in made] == [each.shape for each in wanted]
    # A root or a logarithm of what is below 0 is no number in either.
    pairs = [(np.nan_to_num(np.asarray(one)), np.nan_to_num(other)) for one, other in zip(made, wanted, strict=True)]
    apart = max(float(np.abs(one - other).max() / max(np.abs(other).max(), 1e-9)) for one, other in pairs)
    return sum(each.numel() for each in built.parameters()), theirs, apart


def main(seed: int, each: int) -> None:
    """Every option of every layer type so many times changed: ``python -m tests.writing.jax_source SEED EACH``."""
    cases = [case for case, _ in variations(Random(seed), each)]
    for told in unlike(cases, write_jax, difference):
        print(told, flush=True)
    print(f"{len(cases)} tried")


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
