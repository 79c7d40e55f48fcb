"""Files of other tools with changes in them: bytes, and what the bytes say, of ONNX, Keras and Caffe models."""

from __future__ import annotations

import json
import re
import tempfile
from collections.abc import Callable
from functools import cache
from pathlib import Path
from random import Random
from typing import Any, Final

from tools.fuzz.mutating import mutated, torn
from tools.fuzz.watching import wrong_with

_GRAPHS: Final = (
    "y = Conv<pads=[1,1,1,1], strides=[2,2]>(x, w)",
    "a = Conv<pads=[1,1,1,1]>(x, w)\n b = Relu(a)\n c = MaxPool<kernel_shape=[2,2]>(b)\n y = Flatten(c)",
    "a = Transpose<perm=[0,2,3,1]>(x)\n b = MatMul(a, m)\n c = Sigmoid(b)\n d = Mul(b, c)\n y = Reshape(d, s)",
    "a = Slice(x, i, j, i)\n b = Pad(a, p)\n c = ReduceMean<keepdims=0>(b, i)\n y = Concat<axis=1>(c, c)",
    "a = Shape(x)\n b = Gather(a, i)\n c = Split<axis=1, num_outputs=3>(x)\n y = Resize<mode=\"nearest\">(x, , f)",
    "a = LRN<size=3>(x)\n b = BatchNormalization(a, v, v, v, v)\n c = GlobalAveragePool(b)\n y = Squeeze(c, k)",
)  # fmt: skip

_OTHERS: Final = ("Gemm", "Conv", "LSTM", "Loop", "If", "Einsum", "Clip", "Attention", "QLinearConv", "Identity",
                  "GroupNormalization", "Wonder", "PRelu", "Expand", "Tile")  # fmt: skip


def onnx(random: Random) -> str | None:
    """Read a mutated ONNX file."""
    whole = _models()[random.randrange(len(_GRAPHS))]
    if random.random() < 0.7:
        return opened(_said_otherwise(whole, random), ".onnx")
    return opened(torn(whole, random), ".onnx")


def keras(random: Random) -> str | None:
    """Read a mutated configuration of a Keras model."""
    changed = mutated(random.choice((_configuration, _functions))(), random)
    for _ in range(random.randrange(3)):
        changed = mutated(changed, random)
    return opened(json.dumps(changed).encode(errors="surrogateescape"), ".json")


def ready() -> None:
    """Import what is slow to import, so that no try takes as long: ``transformers`` has a module for each kind."""
    for each in _CONFIGS:
        opened(json.dumps(each).encode(), ".json")


def config(random: Random) -> str | None:
    """Read a mutated configuration of a model of ``transformers``."""
    changed = mutated(random.choice(_CONFIGS), random)
    for _ in range(random.randrange(3)):
        changed = mutated(changed, random)
    return opened(json.dumps(changed).encode(errors="surrogateescape"), ".json")


_SMALL: Final = {"hidden_size": 8, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 8}
_CONFIGS: Final[tuple[dict[str, Any], ...]] = (
    {
        "model_type": "gpt2",
        "architectures": ["GPT2LMHeadModel"],
        "n_embd": 8,
        "n_layer": 1,
        "n_head": 2,
        "vocab_size": 9,
        "n_positions": 6,
        "torch_dtype": "bfloat16",
    },
    {"model_type": "bert", "vocab_size": 9, "max_position_embeddings": 6, "hidden_act": "gelu", **_SMALL},
    {"model_type": "vit", "image_size": 8, "patch_size": 4, "num_channels": 3, **_SMALL},
    {"model_type": "llama", "architectures": ["LlamaForCausalLM"], "num_key_value_heads": 1, "vocab_size": 9, **_SMALL},
    {"model_type": "resnet", "embedding_size": 4, "hidden_sizes": [4, 8], "depths": [1, 1], "layer_type": "basic"},
)


def caffe(random: Random) -> str | None:
    """Read a Caffe network with other words, numbers and signs."""
    words = re.findall(r'"[^"]*"|[A-Za-z_]\w*|[-\d.]+|[{}:]', random.choice(_NETS))
    known = [each for each in words if each[0] not in "{}:"]
    for _ in range(random.randint(1, 4)):
        place = random.randrange(len(words))
        if words[place][0] in "-.0123456789" and random.random() < 0.8:
            words[place] = random.choice(("0", "1", "-1", "2", "7", "1e3", "1048576", "99999999999999", "9" * 500))
        elif random.random() < 0.7:
            words[place] = random.choice(known)
        elif random.random() < 0.5:
            del words[place : place + random.randint(1, 6)]
        else:
            start = random.randrange(len(words))
            words[place:place] = words[start : start + random.randint(1, 40)]
    return opened(" ".join(words).encode(errors="surrogateescape"), ".prototxt")


_NETS: Final = (
    """name: "net" input: "x" input_shape { dim: 2 dim: 4 dim: 9 dim: 9 }
    layer { name: "c" type: "Convolution" bottom: "x" top: "c" param { name: "w" lr_mult: 1 } convolution_param {
        num_output: 4 kernel_size: 3 pad: 1 stride: 1 group: 2 bias_term: true dilation: 1 } }
    layer { name: "b" type: "BatchNorm" bottom: "c" top: "c" batch_norm_param { eps: 0.001 } }
    layer { name: "s" type: "Scale" bottom: "c" top: "c" scale_param { bias_term: true axis: 1 } }
    layer { name: "p" type: "Pooling" bottom: "c" top: "p" pooling_param { pool: MAX kernel_size: 3 stride: 2 pad: 1 } }
    layer { name: "u" type: "Deconvolution" bottom: "p" top: "u" convolution_param { num_output: 3 kernel_h: 4
        kernel_w: 4 stride: 2 } }
    layer { name: "k" type: "Crop" bottom: "u" bottom: "c" top: "k" crop_param { axis: 2 offset: 1 } }
    layer { name: "l" type: "Slice" bottom: "k" top: "one" top: "two" slice_param { axis: 1 slice_point: 1 } }
    layer { name: "e" type: "Eltwise" bottom: "c" bottom: "c" top: "e" eltwise_param { operation: SUM coeff: 1
        coeff: -1 } }
    layer { name: "j" type: "Concat" bottom: "e" bottom: "two" top: "j" concat_param { axis: 1 } }
    layer { name: "r" type: "Reshape" bottom: "j" top: "r" reshape_param { shape { dim: 0 dim: -1 dim: 27 } } }
    layer { name: "i" type: "InnerProduct" bottom: "r" top: "i" inner_product_param { num_output: 5 axis: 1 } }
    layer { name: "o" type: "SoftmaxWithLoss" bottom: "i" top: "o" include { phase: TRAIN } }
    layer { name: "m" type: "Softmax" bottom: "i" top: "m" }""",
    """layers { name: "d" type: DATA top: "d" top: "label" transform_param { crop_size: 8 mean_value: 1 mean_value: 2
        mean_value: 3 } include { phase: TEST } }
    layers { name: "n" type: LRN bottom: "d" top: "n" lrn_param { local_size: 3 norm_region: WITHIN_CHANNEL } }
    layers { name: "i" type: INNER_PRODUCT bottom: "n" top: "i" blobs_lr: 1 blobs_lr: 0 inner_product_param {
        num_output: 6 } }
    layers { name: "w" type: POWER bottom: "i" top: "i" power_param { power: 2 scale: 3 shift: 1 } }
    layers { name: "a" type: ARGMAX bottom: "i" top: "a" argmax_param { top_k: 2 out_max_val: true } }""",
    """layer { name: "x" type: "Input" top: "x" top: "c" input_param { shape { dim: 5 dim: 2 dim: 3 } shape { dim: 5
        dim: 2 } } }
    layer { name: "l" type: "LSTM" bottom: "x" bottom: "c" top: "l" recurrent_param { num_output: 4 } }
    layer { name: "r" type: "RNN" bottom: "l" bottom: "c" top: "r" recurrent_param { num_output: 2 } }
    layer { name: "i" type: "InnerProduct" bottom: "r" top: "i" inner_product_param { num_output: 6 axis: 2 } }
    layer { name: "t" type: "Tile" bottom: "i" top: "t" tile_param { axis: 2 tiles: 2 } }
    layer { name: "u" type: "Reduction" bottom: "t" top: "u" reduction_param { axis: 2 operation: MEAN } }""",
)


def opened(content: bytes, suffix: str) -> str | None:
    """What is wrong with the answer to a file of such a content."""
    from archscope import analyze
    from archscope.formats import View, write
    from archscope.opening import open_network

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"mutated{suffix}"
        path.write_bytes(content)
        return wrong_with(lambda: write(analyze(open_network(path)), "json", View()))


@cache
def _models() -> tuple[bytes, ...]:
    import numpy as np
    from onnx import helper, numpy_helper, parser

    held = {
        "w": np.ones((3, 3, 3, 3), np.float32), "m": np.ones((3, 5), np.float32), "v": np.ones(3, np.float32),
        "s": np.array([0, 4, -1], np.int64), "i": np.array([1], np.int64), "j": np.array([3], np.int64),
        "k": np.array([2], np.int64), "p": np.array([0, 0, 1, 1, 0, 0, 1, 1], np.int64),
        "f": np.array([1, 1, 2, 2], np.float32),
    }  # fmt: skip
    made = []
    for text in _GRAPHS:
        graph = parser.parse_graph(f"net (float[N,3,8,8] x) => (float[] y) {{ {text} }}")
        graph.output[0].type.tensor_type.ClearField("shape")
        graph.initializer.extend(numpy_helper.from_array(array, name) for name, array in held.items())
        made.append(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)]).SerializeToString())
    return tuple(made)


def _said_otherwise(whole: bytes, random: Random) -> bytes:
    """A model in which numbers, names and shapes are others."""
    import onnx as format_

    model: Any = format_.ModelProto.FromString(whole)
    odd = (0, 1, 2, -1, 7, 1 << 20, 1 << 40, -(1 << 62), (1 << 63) - 1)
    node = random.choice(model.graph.node)

    def attribute() -> None:
        if node.attribute:
            each = random.choice(node.attribute)
            each.i = random.choice(odd)
            each.ints[:] = [random.choice(odd) for _ in range(random.randrange(5))] or each.ints
            each.name = random.choice((each.name, "axis", "group", "kernel_shape", "pads", "perm"))

    def held() -> None:
        tensor = random.choice(model.graph.initializer)
        tensor.dims[:] = [random.choice(odd) for _ in range(random.randrange(4))]
        if random.random() < 0.5:
            tensor.ClearField("raw_data")

    def wires() -> None:
        names = [each.name for each in model.graph.initializer] + ["x", "y", "a", "", "nowhere"]
        if node.input:
            node.input[random.randrange(len(node.input))] = random.choice(names)

    def kind() -> None:
        node.op_type = random.choice(_OTHERS)

    def extent() -> None:
        axes = model.graph.input[0].type.tensor_type.shape.dim
        random.choice(axes).dim_value = random.choice(odd)

    changes: tuple[Callable[[], None], ...] = (attribute, held, wires, kind, extent)
    for _ in range(random.randint(1, 3)):
        random.choice(changes)()
    return bytes(model.SerializeToString())


@cache
def _configuration() -> dict[str, Any]:
    """A model as Keras writes it, small."""

    def layer(kind: str, name: str, *reads: str, **options: Any) -> dict[str, Any]:
        given = [[[each, 0, 0, {}] for each in reads]] if reads else []
        return {"class_name": kind, "name": name, "config": {"name": name, **options}, "inbound_nodes": given,
                "module": "keras.layers"}  # fmt: skip

    layers = [
        layer("InputLayer", "x", batch_shape=[None, 8, 8, 3]),
        layer("Conv2D", "c", "x", filters=4, kernel_size=[3, 3], strides=[1, 1], padding="same", activation="relu"),
        layer("BatchNormalization", "b", "c", axis=-1, scale=True, center=True),
        layer("Add", "s", "b", "c"),
        layer("Concatenate", "j", "s", "b", axis=-1),
        layer("MaxPooling2D", "p", "j", pool_size=[2, 2], strides=None, padding="valid"),
        layer("Reshape", "r", "p", target_shape=[16, 8]),
        layer("LSTM", "l", "r", units=5, return_sequences=True),
        layer("MultiHeadAttention", "a", "l", "l", num_heads=2, key_dim=3),
        layer("TimeDistributed", "t", "a", layer=layer("Dense", "inner", units=4)),
        layer("TimeDistributed", "o", "t", layer=layer("BatchNormalization", "norm", axis=-1)),
        layer(
            "RNN",
            "n",
            "o",
            cell=layer(
                "StackedRNNCells", "cells", cells=[layer("LSTMCell", "one", units=3), layer("GRUCell", "two", units=4)]
            ),
            return_sequences=True,
        ),
        layer("Bidirectional", "w", "n", layer=layer("GRU", "g", units=2, return_sequences=True), merge_mode="ave"),
        layer("EinsumDense", "e", "w", equation="abc,cd->abd", output_shape=[None, 6], bias_axes="d"),
        layer("Flatten", "f", "e"),
        layer("Dense", "d", "f", units=3, activation="softmax"),
    ]
    config = {"name": "net", "layers": layers, "input_layers": [["x", 0, 0]], "output_layers": [["d", 0, 0]]}
    return {"class_name": "Functional", "config": config}


def _functions() -> dict[str, Any]:
    """A model with functions between its layers, as Keras 3 writes it."""

    def key(name: str) -> dict[str, Any]:
        return {"class_name": "__keras_tensor__", "config": {"shape": [None, 8], "keras_history": [name, 0, 0]}}

    def part(*ends: int | None) -> dict[str, Any]:
        return {"class_name": "__slice__", "config": dict(zip(("start", "stop", "step"), (*ends, None), strict=True))}

    def call(kind: str, name: str, *args: Any, module: str = "keras.src.ops.numpy", **options: Any) -> dict[str, Any]:
        given = {"constant_values": options.pop("fill")} if "fill" in options else {}
        return {"class_name": kind, "module": module, "name": name, "config": {"name": name, **options},
                "registered_name": options.pop("registered", kind),
                "inbound_nodes": [{"args": list(args), "kwargs": given}]}  # fmt: skip

    pads = [[0, 0], [1, 1], [1, 1], [0, 0]]
    layers = [
        {"class_name": "InputLayer", "name": "x", "config": {"name": "x", "batch_shape": [None, 8, 8, 4]},
         "inbound_nodes": []},
        call("Pad", "pad", key("x"), pad_width=pads, mode="constant", fill=0),
        call("Conv2D", "c", key("pad"), module="keras.layers", filters=4, kernel_size=[3, 3], strides=[1, 1]),
        call("Split", "cut", key("c"), indices_or_sections=[1, 3], axis=-1),
        call("Multiply", "m", key("c"), 2),
        call("Subtract", "s", key("m"), key("x")),
        call("Mean", "mean", key("s"), axis=[1, 2], keepdims=True),
        call("GetItem", "g", key("s"), [part(None, None), part(0, 6), 3, None]),
        call("Transpose", "t", key("s"), axes=[0, 3, 1, 2]),
        call("Reshape", "r", key("t"), newshape=[-1, 4, 64]),
        call("Swapaxes", "w", key("r"), axis1=1, axis2=2),
        call("Matmul", "p", key("r"), key("w")),
        call("ScaledTanh", "h", key("r"), module="", registered="papers>ScaledTanh", amplitude=1.7, slope=0.66),
        call("Concatenate", "j", [key("r"), key("h")], axis=1),
        call("Reshape", "f", key("j"), newshape=[-1, 512]),
        call("Dense", "d", key("f"), module="keras.layers", units=3, activation="softmax"),
    ]  # fmt: skip
    config = {"name": "net", "layers": layers, "input_layers": [["x", 0, 0]],
              "output_layers": [["d", 0, 0], ["g", 0, 0], ["mean", 0, 0]]}  # fmt: skip
    return {"class_name": "Functional", "config": config}
