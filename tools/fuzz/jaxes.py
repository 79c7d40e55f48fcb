"""Modules of Flax NNX and Equinox that are put together at random.

Their leaves are the parameters of the table, and what the jaxpr of their call multiplies are its MACs.
"""

from __future__ import annotations

import math
import os
from random import Random
from typing import Any

from tools.fuzz.watching import wrong_with

os.environ.setdefault("JAX_PLATFORMS", "cpu")


def one(random: Random) -> str | None:
    """Read a random module, and hold its parameters to the leaves that JAX counts and its MACs to the jaxpr's."""
    found: list[str] = []

    def read() -> str:
        from archscope import analyze
        from archscope.importing.jax.calling import Sample, call_module

        module, shape, leaves, products = _made(random)
        totals = analyze(call_module(module, [Sample(shape)], {}, name="net").network).totals
        for what, ours, theirs in (("parameters", totals.parameters, leaves), ("MACs", totals.macs, products)):
            found.extend([f"{ours} {what}, and JAX has {theirs}"] if ours != theirs else [])
        return ""

    wrong = wrong_with(read)
    return wrong or (found[0] if found else None)


def _made(random: Random) -> tuple[Any, tuple[int, ...], int, int]:
    """A module, what it takes, how many values JAX counts in it, and how many products its jaxpr has.

    No value is drawn, which JAX would compile.
    """
    import jax

    channels, grid = random.randint(1, 4), (random.randint(5, 9), random.randint(5, 9))
    kind = random.randrange(3)
    if kind:
        from flax import nnx

        steps = (random.randint(2, 5), 2 * random.randint(1, 3))
        shape: tuple[int, ...] = (*grid, channels) if kind == 1 else steps
        net = nnx.eval_shape(lambda: _flax(random, shape) if kind == 1 else _steps(random, steps[1]))
        net.eval()
        held: Any = nnx.state(net, nnx.Param)
        graph, values = nnx.split(net)
        run: Any = lambda values, x: nnx.merge(graph, values)(x)  # noqa: E731
        given = (1, *shape)
    else:
        import equinox as eqx

        shape = given = (channels, *grid)
        net = eqx.filter_eval_shape(lambda: _equinox(random, shape))
        values, rest = eqx.partition(net, lambda each: isinstance(each, jax.ShapeDtypeStruct))
        held, run = values, lambda values, x: eqx.combine(values, rest)(x)
    jaxpr = jax.make_jaxpr(run)(values, jax.ShapeDtypeStruct(given, "float32")).jaxpr
    return net, shape, sum(each.size for each in jax.tree.leaves(held)), _products(jaxpr)


def _products(jaxpr: Any) -> int:
    """Every value of a product sums up so many others; a loop runs as often as it says."""
    found = 0
    for each in jaxpr.eqns:
        name, shapes = each.primitive.name, [variable.aval.shape for variable in (*each.invars, *each.outvars)]
        if name == "dot_general":
            found += math.prod(shapes[-1]) * math.prod(
                shapes[0][axis] for axis in each.params["dimension_numbers"][0][0]
            )
        elif name == "conv_general_dilated":
            kernel = each.params["dimension_numbers"].rhs_spec
            found += math.prod(shapes[-1]) * math.prod(shapes[1][axis] for axis in kernel[1:])
        for value in each.params.values():
            for inner in value if isinstance(value, (tuple, list)) else (value,):
                if hasattr(getattr(inner, "jaxpr", inner), "eqns"):
                    found += (each.params["length"] if name == "scan" else 1) * _products(
                        getattr(inner, "jaxpr", inner)
                    )
    return found


def _steps(random: Random, width: int) -> Any:
    """Layers over positions: recurrence, attention, parts of low rank, and several of one shape in a loop."""
    from flax import nnx

    rngs, layers = nnx.Rngs(0), []
    for _ in range(random.randint(1, 5)):
        kind, made = random.randrange(7), 2 * random.randint(1, 3)
        if kind == 0:
            cell = random.choice((nnx.LSTMCell, nnx.OptimizedLSTMCell, nnx.GRUCell, nnx.SimpleCell))
            layers.append(nnx.RNN(cell(width, made, rngs=rngs), reverse=random.random() < 0.3, rngs=rngs))
            width = made
        elif kind == 1:
            both = [nnx.RNN(nnx.GRUCell(width, made, rngs=rngs), rngs=rngs) for _ in range(2)]
            layers.append(nnx.Bidirectional(*both, rngs=rngs))
            width = 2 * made
        elif kind == 2:
            layers.append(nnx.MultiHeadAttention(2, width, made, decode=False, use_bias=random.random() < 0.5,
                                                 rngs=rngs))  # fmt: skip
        elif kind == 3:
            layers.append(nnx.LoRALinear(width, made, lora_rank=2, rngs=rngs))
            width = made
        elif kind == 4:
            layers.append(nnx.Conv(width, width, (3,), padding=random.choice(("SAME", "CAUSAL")), rngs=rngs,
                                   feature_group_count=random.choice((1, width))))  # fmt: skip
        elif kind == 5:
            layers.append(random.choice((nnx.LayerNorm(width, rngs=rngs), nnx.GroupNorm(width, 2, rngs=rngs))))
        else:
            layers += [nnx.LinearGeneral(width, (2, 3), rngs=rngs), nnx.gelu,
                       nnx.LinearGeneral((2, 3), width, axis=(-2, -1), rngs=rngs)]  # fmt: skip
    return nnx.Sequential(*layers)


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
