"""Modules of Flax NNX and Equinox that are put together at random: their leaves are the parameters of the table."""

from __future__ import annotations

import os
from random import Random
from typing import Any

from tools.fuzz.watching import wrong_with

os.environ.setdefault("JAX_PLATFORMS", "cpu")


def one(random: Random) -> str | None:
    """Read a random module, and hold its parameters to the leaves that JAX counts."""
    found: list[tuple[int, int]] = []

    def read() -> str:
        from archscope import analyze
        from archscope.importing.jax.calling import Sample, call_module

        module, shape, leaves = _made(random, flax=random.random() < 0.5)
        called = call_module(module, [Sample(shape)], {}, name="net")
        found.append((int(analyze(called.network).totals.parameters), leaves))
        return ""

    wrong = wrong_with(read)
    differ = [f"{ours} parameters, and JAX holds {theirs}" for ours, theirs in found if ours != theirs]
    return wrong or (differ[0] if differ else None)


def _made(random: Random, *, flax: bool) -> tuple[Any, tuple[int, ...], int]:
    """A module, what it takes, and how many values JAX counts in it; no value is drawn, which JAX would compile."""
    import jax

    channels, grid = random.randint(1, 4), (random.randint(5, 9), random.randint(5, 9))
    if flax:
        from flax import nnx

        shape: tuple[int, ...] = (*grid, channels)
        net = nnx.eval_shape(lambda: _flax(random, shape))
        held = nnx.state(net, nnx.Param)
    else:
        import equinox as eqx

        shape = (channels, *grid)
        net = eqx.filter_eval_shape(lambda: _equinox(random, shape))
        held = eqx.filter(net, lambda each: isinstance(each, jax.ShapeDtypeStruct))
    return net, shape, sum(each.size for each in jax.tree.leaves(held))


def _flax(random: Random, shape: tuple[int, ...]) -> Any:
    import jax
    from flax import nnx

    rngs, layers, flat = nnx.Rngs(0), [], False
    sizes = [*shape]
    for _ in range(random.randint(1, 6)):
        kind = random.randrange(6)
        if kind == 0 and not flat and min(sizes[:2]) > 3:
            made = random.randint(1, 5)
            layers.append(nnx.Conv(sizes[2], made, (3, 3), padding=random.choice(("SAME", "VALID")), rngs=rngs,
                                   use_bias=random.random() < 0.5))  # fmt: skip
            sizes = list(jax.eval_shape(layers[-1], jax.ShapeDtypeStruct((1, *sizes), "float32")).shape[1:])
        elif kind == 1:
            made = random.randint(1, 5)
            layers.append(nnx.Linear(sizes[-1], made, rngs=rngs))
            sizes[-1] = made
        elif kind == 2:
            norm = random.choice((nnx.BatchNorm, nnx.LayerNorm, nnx.RMSNorm))
            layers.append(norm(sizes[-1], rngs=rngs))
        elif kind == 3:
            layers.append(random.choice((nnx.relu, nnx.gelu, jax.numpy.tanh, nnx.softmax, lambda x: x * 2 + x)))
        elif kind == 4 and not flat:
            layers.append(random.choice((lambda x: x.reshape(x.shape[0], -1), lambda x: x.mean((1, 2)))))
            sizes = [int(jax.eval_shape(layers[-1], jax.ShapeDtypeStruct((1, *sizes), "float32")).shape[1])]
            flat = True
        elif not flat and min(sizes[:2]) > 2:
            layers.append(lambda x: nnx.max_pool(x, (2, 2), (2, 2)))
            sizes[:2] = [each // 2 for each in sizes[:2]]
    return nnx.Sequential(*layers)


def _equinox(random: Random, shape: tuple[int, ...]) -> Any:
    import equinox as eqx
    import jax

    key, layers = jax.random.key(0), []
    sizes = shape
    for _ in range(random.randint(1, 6)):
        kind, first = random.randrange(6), int(sizes[0])
        if len(sizes) == 1:
            made: Any = eqx.nn.Linear(first, 4, use_bias=random.random() < 0.5, key=key)
            layers.append((made, eqx.nn.LayerNorm(sizes), eqx.nn.Lambda(jax.numpy.tanh))[kind % 3])
        elif len(sizes) == 3 and min(sizes[1:]) > 3:
            layers.append((
                eqx.nn.Conv2d(first, 3, 3, padding=random.randint(0, 1), key=key), eqx.nn.MaxPool2d(2, 2),
                eqx.nn.GroupNorm(1, first), eqx.nn.Lambda(jax.nn.relu), eqx.nn.Lambda(lambda x: x.reshape(-1)),
                eqx.nn.Lambda(lambda x: x.mean((1, 2))))[kind])  # fmt: skip
        if layers:
            whole = eqx.nn.Sequential(layers)
            sizes = eqx.filter_eval_shape(whole, jax.ShapeDtypeStruct(shape, "float32")).shape
    return eqx.nn.Sequential(layers or [eqx.nn.Lambda(jax.nn.relu)])
