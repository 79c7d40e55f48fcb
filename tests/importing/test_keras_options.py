"""Every option of every class of Keras's that is read: it is used, changes no number, or is refused by its name."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from archscope import UsageError
from archscope.importing.keras.place import Nodes, Place, Value
from archscope.importing.keras.preparing import AT_RANDOM
from archscope.importing.keras.reading import _LAYERS
from archscope.memory import memory
from archscope.network import Ref
from archscope.opening import open_network
from archscope.oracles.keras import path_of_modules

CLASSES = sorted(name for name in _LAYERS if ">" not in name and name not in AT_RANDOM)
TAKES = {"Embedding": (4,), "Dense": (4,), "RepeatVector": (4,), "Permute": (4, 2), "Flatten": (4,), "Reshape": (4,),
         "ReversibleEmbedding": (4,), "CategoryEncoding": (4,), "Discretization": (4,), "Dot": (4,)}  # fmt: skip
SEQUENCES = ("LSTM", "GRU", "SimpleRNN", "Bidirectional", "RNN", "EinsumDense")
BUILT = {"pool_dimensions", "pool_mode", "rank", "cell", "weights", "renorm_clipping"}
"""What constructors of base classes take of those that are made of them; and lists of arrays."""


@pytest.fixture(scope="module")
def said() -> dict[str, Any]:
    """What Keras says of one layer of each class, and what its constructor takes."""
    program = str(Path(__file__).with_name("keras_options.py"))
    ran = subprocess.run([sys.executable, "-W", "ignore", program, *CLASSES], capture_output=True, text=True,
                         env={**path_of_modules(), "KERAS_BACKEND": "torch"}, check=True)  # fmt: skip
    return dict(json.loads(ran.stdout.splitlines()[-1]))


def read(kind: str, options: dict[str, Any]) -> Place:
    """A call of a layer by itself, of which all that it says is asked for."""
    axes = re.search(r"([123])D", kind)
    rank = int(axes[1]) + kind.startswith("ConvLSTM") if axes else 1 if kind in SEQUENCES else 2
    shape = TAKES.get(kind, (4, 2) if "Attention" in kind else (3, *(4,) * rank))
    merges = kind in ("Add", "Subtract", "Multiply", "Maximum", "Minimum", "Average", "Concatenate", "Dot")
    place = Place(Nodes("net.json", first=False, batch=1), "net.layer", kind, options,
                  [Value(Ref("input"), shape, len(shape) > 1)] * (1 + merges), {}, ())  # fmt: skip
    _LAYERS[kind](place)
    for each in place.said:
        each.finish()
    return place


@pytest.mark.parametrize("kind", CLASSES)
def test_what_keras_says_of_a_layer_is_read_and_an_option_that_is_new_is_refused_by_name(kind: str, said: Any) -> None:
    if kind not in said:
        pytest.skip("Keras has no such class, as of three axes, or makes none without TensorFlow")
    options, taken = said[kind]
    asked = read(kind, options).said
    told = r"the layer `net\.layer` \(.*has `mystery: 3`, which archscope does not read"
    with pytest.raises(UsageError, match=told):
        read(kind, {**options, "mystery": 3})
    for name in {*taken} - BUILT - {each for one in asked for each in one.asked}:
        with pytest.raises(UsageError, match=f"`{name}: odd`") if not is_quiet(name) else pytest.MonkeyPatch.context():
            read(kind, {**options, name: "odd"})


def is_quiet(name: str) -> bool:
    from archscope.importing.keras.place import _QUIET

    return _QUIET.fullmatch(name) is not None


def test_what_changes_no_number_is_known_by_its_name_alone() -> None:
    assert is_quiet("kernel_initializer")
    assert not any(map(is_quiet, ("use_gate", "sliding_window", "renorm", "lora_rank", "go_backwards", "invert")))


@pytest.mark.parametrize(("kind", "name", "value"), [
    ("ReversibleEmbedding", "lora_rank", 2), ("MultiHeadAttention", "attention_axes", [2]),
    ("BatchNormalization", "renorm", True), ("Conv2D", "lora_rank", 1), ("Embedding", "lora_rank", 4),
    ("Normalization", "invert", True), ("Conv2DTranspose", "output_padding", 1),
    ("GRU", "time_major", True),
])  # fmt: skip
def test_options_that_change_numbers_are_refused_by_name(kind: str, name: str, value: Any, said: Any) -> None:
    with pytest.raises(UsageError, match=f"`{name}"):
        read(kind, {**said[kind][0], name: value})


WORDS = {"max_tokens": None, "num_oov_indices": 1, "oov_token": "[UNK]", "mask_token": None, "sparse": False,
         "encoding": "utf-8", "pad_to_max_tokens": False, "vocabulary": None, "vocabulary_size": 7,
         "idf_weights": None, "invert": False}  # fmt: skip


@pytest.mark.parametrize(("kind", "options", "given", "made"), [
    ("StringLookup", {**WORDS, "output_mode": "int"}, (4,), (4,)),
    ("StringLookup", {**WORDS, "output_mode": "multi_hot"}, (4,), (7,)),
    ("StringLookup", {**WORDS, "output_mode": "tf_idf", "pad_to_max_tokens": True, "max_tokens": 9}, (4,), (9,)),
    ("IntegerLookup", {**WORDS, "output_mode": "one_hot"}, (1,), (7,)),
    ("IntegerLookup", {**WORDS, "output_mode": "one_hot"}, (4,), (4, 7)),
    ("Hashing", {"num_bins": 5, "salt": [1, 2], "mask_value": "", "output_mode": "count"}, (4,), (5,)),
    ("Discretization", {"bin_boundaries": [0.0, 1.0], "num_bins": None, "output_mode": "one_hot"}, (1,), (3,)),
    ("Discretization", {"bin_boundaries": None, "num_bins": 4, "output_mode": "int"}, (2,), (2,)),
    ("TextVectorization", {**WORDS, "output_mode": "int", "output_sequence_length": 12, "split": "whitespace"}, (1,),
     (12,)),
    ("TextVectorization", {**WORDS, "output_mode": "count", "ngrams": [2], "ragged": False}, (1,), (7,)),
])  # fmt: skip
def test_words_and_numbers_as_categories_multiply_nothing_and_hold_no_weights(
    kind: str, options: dict[str, Any], given: tuple[int, ...], made: tuple[int, ...]
) -> None:
    place = Place(Nodes("net.json", first=False, batch=1), "net.layer", kind, options, [Value(Ref("words"), given)], {},
                  ())  # fmt: skip
    _LAYERS[kind](place)
    for each in place.said:
        each.finish()
    (facts,) = place.nodes.facts.values()
    assert (facts.output, facts.macs, facts.parameters, facts.connections) == (made, 0, 0, 0)


@pytest.mark.parametrize(("kind", "options", "given", "told"), [
    ("StringLookup", {**WORDS, "vocabulary_size": None, "output_mode": "count"}, (4,), "how many categories there are"),
    ("StringLookup", {**WORDS, "output_mode": "count"}, (4, 2), "along one of several axes"),
    ("TextVectorization", {**WORDS, "output_mode": "int"}, (1,), "save it with `output_sequence_length`"),
    ("TextVectorization", {**WORDS, "output_mode": "int", "ragged": True}, (1,), "rows of different lengths"),
])  # fmt: skip
def test_categories_whose_vectors_have_no_length_are_refused(
    kind: str, options: dict[str, Any], given: tuple[int, ...], told: str
) -> None:
    place = Place(Nodes("net.json", first=False, batch=1), "net.layer", kind, options, [Value(Ref("words"), given)], {},
                  ())  # fmt: skip
    with pytest.raises(UsageError, match=told):
        _LAYERS[kind](place)


def test_attention_that_adds_its_scores_is_called_so(said: Any) -> None:
    layers = [read("AdditiveAttention", said["AdditiveAttention"][0]),
              read("Attention", {**said["Attention"][0], "score_mode": "concat"})]  # fmt: skip
    labels = [each.nodes.nodes[-1].layer.label for each in layers]
    assert labels == ["additive attention, a learned scale"] * 2


def of_type(name: str) -> dict[str, Any]:
    return {"dtype": {"class_name": "QuantizedDTypePolicy", "config": {"mode": name}}}


def test_a_matrix_of_int8_counts_its_values_and_has_the_bytes_of_int8(said: Any) -> None:
    place = read("Dense", {**said["Dense"][0], **of_type("int8")})
    (facts,) = place.nodes.facts.values()
    # 4 features into 2
    assert [(each.values, each.dtype, each.trainable) for each in facts.weights] == [(8, "int8", False), (2, "", True)]
    assert place.nodes.scaled


@pytest.mark.parametrize(("kind", "name"), [("Dense", "int4"), ("Dense", "float8"), ("BatchNormalization", "int8")])
def test_weights_that_are_quantized_otherwise_are_told_by_their_type(kind: str, name: str, said: Any) -> None:
    with pytest.raises(UsageError, match="has quantized weights, by its `dtype`"):
        read(kind, {**said[kind][0], **of_type(name)})


@pytest.mark.parametrize("masks", [True, False])
@pytest.mark.parametrize(("kind", "options", "where"), [
    ("Attention", {}, "seen"), ("Softmax", {"axis": -1}, "words"), ("GlobalAveragePooling1D", {}, "seen"),
    ("LSTM", {"units": 3, "use_bias": False, "return_sequences": True}, "seen"),
])  # fmt: skip
def test_a_mask_of_padding_that_layers_hand_on_is_told_of_and_memory_is_at_least(
    tmp_path: Path, kind: str, options: dict[str, Any], where: str, masks: bool
) -> None:
    def of(layer: str, *shape: int) -> dict[str, Any]:
        return {"class_name": "__keras_tensor__", "config": {"shape": [None, *shape], "keras_history": [layer, 0, 0]}}

    words = {"input_dim": 20, "output_dim": 5, "mask_zero": masks}
    given = [[of("words", 9, 5)] * 2] if kind == "Attention" else [of("words", 9, 5)]
    layers = [("InputLayer", "input", {"batch_shape": [None, 9]}, []), ("Embedding", "words", words, [of("input", 9)]),
              (kind, "seen", options, given)]  # fmt: skip
    path = tmp_path / "net.json"
    path.write_text(json.dumps({"class_name": "Functional", "config": {
        "name": "net", "input_layers": [["input", 0, 0]], "output_layers": [["seen", 0, 0]], "layers": [
            {"class_name": class_, "name": name, "config": {"name": name, **said},
             "inbound_nodes": [{"args": args, "kwargs": {}}] if args else []}
            for class_, name, said, args in layers]}}))  # fmt: skip
    network = open_network(path)
    assert network.observed is not None
    told = "Masks of positions that are padding change no count, and are left out; of code and memory, too."
    assert (told in network.observed.origin, told in network.summary) == (masks, masks)
    assert dict(memory(network).not_covered) == ({where: "a mask of padding is left out"} if masks else {})
