"""Modules of Flax NNX and Equinox that tests read, and functions that make them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
from flax import nnx


class Own(nnx.Module):
    """A function of its own, with weights of some shapes."""

    def __init__(self, function: Callable[..., Any], **shapes: tuple[int, ...]) -> None:
        self.function = function
        for name, shape in shapes.items():
            setattr(self, name, nnx.Param(jax.ShapeDtypeStruct(shape, jnp.float32)))

    def __call__(self, x: Any) -> Any:
        weights = {name: value[...] for name, value in vars(self).items() if isinstance(value, nnx.Param)}
        return self.function(x, **weights)


class LeNet5(nnx.Module):
    def __init__(self, rngs: nnx.Rngs) -> None:
        self.c1 = nnx.Conv(1, 6, (5, 5), padding="VALID", rngs=rngs)
        self.c3 = nnx.Conv(6, 16, (5, 5), padding="VALID", rngs=rngs)
        self.c5 = nnx.Linear(400, 120, rngs=rngs)
        self.f6 = nnx.Linear(120, 84, rngs=rngs)
        self.out = nnx.Linear(84, 10, rngs=rngs)

    def __call__(self, x: Any) -> Any:
        x = nnx.avg_pool(nnx.relu(self.c1(x)), (2, 2), (2, 2))
        x = nnx.avg_pool(nnx.relu(self.c3(x)), (2, 2), (2, 2))
        x = x.reshape(x.shape[0], -1)
        return self.out(nnx.relu(self.f6(nnx.relu(self.c5(x)))))


class Bottleneck(nnx.Module):
    def __init__(self, inputs: int, outputs: int, stride: int, rngs: nnx.Rngs) -> None:
        def conv(before: int, after: int, kernel: int, step: int = 1) -> nnx.Conv:
            return nnx.Conv(before, after, (kernel, kernel), step, padding=kernel // 2, use_bias=False, rngs=rngs)

        width = outputs // 4
        self.conv1, self.bn1 = conv(inputs, width, 1), nnx.BatchNorm(width, rngs=rngs)
        self.conv2, self.bn2 = conv(width, width, 3, stride), nnx.BatchNorm(width, rngs=rngs)
        self.conv3, self.bn3 = conv(width, outputs, 1), nnx.BatchNorm(outputs, rngs=rngs)
        self.down, self.norm = nnx.data(None), nnx.data(None)
        if stride != 1 or inputs != outputs:
            self.down, self.norm = conv(inputs, outputs, 1, stride), nnx.BatchNorm(outputs, rngs=rngs)

    def __call__(self, x: Any) -> Any:
        y = nnx.relu(self.bn1(self.conv1(x)))
        y = nnx.relu(self.bn2(self.conv2(y)))
        y = self.bn3(self.conv3(y))
        return nnx.relu(y + (x if self.down is None else self.norm(self.down(x))))


class ResNet(nnx.Module):
    def __init__(self, rngs: nnx.Rngs, sizes: tuple[int, ...] = (3, 4, 6, 3), width: int = 64) -> None:
        self.conv1 = nnx.Conv(3, width, (7, 7), strides=2, padding=3, use_bias=False, rngs=rngs)
        self.bn1 = nnx.BatchNorm(width, rngs=rngs)
        blocks, inputs = [], width
        for stage, many in enumerate(sizes):
            for place in range(many):
                outputs = 4 * width * 2**stage
                blocks.append(Bottleneck(inputs, outputs, 2 if stage and not place else 1, rngs))
                inputs = outputs
        self.blocks = nnx.List(blocks)
        self.fc = nnx.Linear(inputs, 1000, rngs=rngs)

    def __call__(self, x: Any) -> Any:
        x = nnx.max_pool(nnx.relu(self.bn1(self.conv1(x))), (3, 3), (2, 2), padding=((1, 1), (1, 1)))
        for block in self.blocks:
            x = block(x)
        return self.fc(x.mean((1, 2)))


class Encoder(nnx.Module):
    """Tokens, a learned place for each, a block, and the table of tokens again."""

    def __init__(self, rngs: nnx.Rngs) -> None:
        self.table = nnx.Embed(50, 16, rngs=rngs)
        self.places = nnx.Param(jnp.zeros((6, 16)))
        self.ln1, self.ln2 = nnx.LayerNorm(16, rngs=rngs), nnx.LayerNorm(16, rngs=rngs)
        self.attention = nnx.MultiHeadAttention(4, 16, decode=False, rngs=rngs)
        self.fc1, self.fc2 = nnx.Linear(16, 64, rngs=rngs), nnx.Linear(64, 16, rngs=rngs)
        self.drop = nnx.Dropout(0.1, rngs=rngs)

    def __call__(self, tokens: Any) -> Any:
        x = self.table(tokens) + self.places
        x = x + self.attention(self.ln1(x))
        x = x + self.drop(self.fc2(nnx.gelu(self.fc1(self.ln2(x)))))
        return self.table.attend(x)


class EquinoxLeNet5(eqx.Module):
    c1: eqx.nn.Conv2d
    c3: eqx.nn.Conv2d
    pool: eqx.nn.AvgPool2d
    dense: list[eqx.nn.Linear]

    def __init__(self, key: Any) -> None:
        keys = jax.random.split(key, 5)
        self.c1, self.c3 = eqx.nn.Conv2d(1, 6, 5, key=keys[0]), eqx.nn.Conv2d(6, 16, 5, key=keys[1])
        self.pool = eqx.nn.AvgPool2d(2, 2)
        widths = (400, 120, 84, 10)
        self.dense = [eqx.nn.Linear(widths[at], widths[at + 1], key=keys[2 + at]) for at in range(3)]

    def __call__(self, x: Any) -> Any:
        x = self.pool(jax.nn.relu(self.c1(x)))
        x = self.pool(jax.nn.relu(self.c3(x))).ravel()
        for layer in self.dense[:-1]:
            x = jax.nn.relu(layer(x))
        return self.dense[-1](x)


class EquinoxNormed(eqx.Module):
    conv: eqx.nn.Conv2d
    norm: eqx.nn.BatchNorm
    fc: eqx.nn.Linear

    def __init__(self, key: Any) -> None:
        self.conv = eqx.nn.Conv2d(3, 8, 3, padding=1, key=key)
        self.norm, self.fc = eqx.nn.BatchNorm(8, "batch", mode="batch"), eqx.nn.Linear(8, 10, key=key)

    def __call__(self, x: Any, state: Any) -> Any:
        x, state = self.norm(self.conv(x), state)
        return self.fc(jax.nn.gelu(x, approximate=False).mean((1, 2))), state


class EquinoxBlock(eqx.Module):
    ln1: eqx.nn.LayerNorm
    ln2: eqx.nn.LayerNorm
    attention: eqx.nn.MultiheadAttention
    mlp: eqx.nn.MLP
    drop: eqx.nn.Dropout

    def __init__(self, key: Any) -> None:
        self.ln1, self.ln2, self.drop = eqx.nn.LayerNorm(16), eqx.nn.LayerNorm(16), eqx.nn.Dropout(0.1)
        self.attention = eqx.nn.MultiheadAttention(4, 16, key=key)
        self.mlp = eqx.nn.MLP(16, 16, 64, 1, activation=jax.nn.silu, key=key)

    def __call__(self, x: Any, *, key: Any) -> Any:
        y = jax.vmap(self.ln1)(x)
        x = x + self.attention(y, y, y)
        return x + self.drop(jax.vmap(self.mlp)(jax.vmap(self.ln2)(x)), key=key)


# They have no values: nothing is compiled, and archscope asks for shapes alone.
def lenet5() -> LeNet5:
    return nnx.eval_shape(lambda: LeNet5(nnx.Rngs(0)))


def resnet50() -> ResNet:
    return nnx.eval_shape(lambda: ResNet(nnx.Rngs(0)))


def small_resnet() -> ResNet:
    return nnx.eval_shape(lambda: ResNet(nnx.Rngs(0), sizes=(1, 1), width=4))


def encoder() -> Encoder:
    return nnx.eval_shape(lambda: Encoder(nnx.Rngs(0)))


def equinox_lenet5() -> EquinoxLeNet5:
    return eqx.filter_eval_shape(EquinoxLeNet5, jax.random.key(0))


def equinox_normed() -> Any:
    return eqx.filter_eval_shape(eqx.nn.make_with_state(EquinoxNormed), jax.random.key(0))


def equinox_block() -> EquinoxBlock:
    return eqx.filter_eval_shape(EquinoxBlock, jax.random.key(0))


class Stops(nnx.Module):
    def __call__(self, x: Any) -> Any:
        raise RuntimeError("no \x1b[31m weights\nhere")


def nothing() -> int:
    return 3


class Slips(nnx.Module):
    """Wants a width, and has its layer under another name than it calls."""

    def __init__(self, width: int, rngs: nnx.Rngs) -> None:
        self.out = nnx.Linear(3, width, rngs=rngs)

    def __call__(self, x: Any) -> Any:
        return self.ouut(x)
