"""What a Keras file says: layers with their options, in an order in which each comes after what it reads."""

from __future__ import annotations

import json
import zipfile
import zlib
from collections.abc import Container, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final, NamedTuple

from archscope.errors import UsageError
from archscope.escaping import line
from archscope.record import EMPTY

MOST: Final = 64 << 20
"""Bytes of the largest configuration that is read."""

_BROKEN: Final = (OSError, ValueError, KeyError, RuntimeError, EOFError, zipfile.BadZipFile, zlib.error)
"""What Python raises where a file is not what it says."""

_INPUTS: Final = ("query", "value", "key", "inputs", "sequence", "sequences")
"""What layers call the values that they are given."""

_MASKS: Final = frozenset({"mask", "query_mask", "value_mask", "key_mask"})
"""What layers call numbers of yes and no that say which positions are padding."""

_MODELS: Final = frozenset({"Functional", "Sequential", "Model"})


class Key(NamedTuple):
    """One result of one call of a layer."""

    layer: str
    call: int = 0
    output: int = 0


class Use(NamedTuple):
    """One call of a layer.

    Attributes:
        layer: the layer, by its name.
        kind: its class.
        options: its configuration.
        reads: the results that it is given, in order.
        given: what else it is called with.
        number: which of its calls it is.
        module: where its class comes from.
        called: what it is called with by place, results as their keys.
        also: results that it is given by a name that is not of its inputs.
    """

    layer: str
    kind: str
    options: Mapping[str, Any]
    reads: tuple[Key, ...]
    given: Mapping[str, Any]
    number: int = 0
    module: str = ""
    called: tuple[Any, ...] = ()
    also: Mapping[str, tuple[Key, ...]] = EMPTY

    @property
    def needs(self) -> tuple[Key, ...]:
        """All results that it is given."""
        return (*self.reads, *(key for keys in self.also.values() for key in keys))


class Model(NamedTuple):
    """A model: its layers' calls, and the results that it takes and gives.

    Attributes:
        name: what it is called.
        uses: the calls, sorted.
        inputs: what it is given.
        outputs: what it gives.
    """

    name: str
    uses: tuple[Use, ...]
    inputs: tuple[Key, ...]
    outputs: tuple[Key, ...]


def read_config(path: str) -> tuple[Mapping[str, Any], str]:
    """The configuration of the model in a file, and the version of Keras that wrote it.

    Raises:
        UsageError: the file is not whole, or is no model.
    """
    try:
        if zipfile.is_zipfile(path):
            with zipfile.ZipFile(path) as archive:
                found = _part(archive, "config.json", path)
                version = _part(archive, "metadata.json", path) if "metadata.json" in archive.namelist() else {}
        else:
            if Path(path).stat().st_size > MOST:
                raise UsageError(f"{path} is larger than any configuration")
            text = Path(path).read_bytes()
            if text.startswith(b"PK"):
                raise UsageError(f"{path} is no whole Keras model: its archive is cut short")
            found = version = json.loads(text)
    except _BROKEN as error:
        raise UsageError(f"{path} is no whole Keras model: {line(str(error))[:200] or type(error).__name__}") from None
    if not isinstance(found, dict) or not isinstance(found.get("config"), dict):
        raise UsageError(f"{path} is no Keras model: it has no `config`")
    said = version.get("keras_version", "") if isinstance(version, dict) else ""
    return found, line(str(said))[:20]


def _part(archive: zipfile.ZipFile, name: str, path: str) -> Any:
    """One file of an archive, which may claim any size: no more is unpacked than a configuration has."""
    with archive.open(name) as file:
        text = file.read(MOST + 1)
    if len(text) > MOST:
        raise UsageError(f"{path} holds a `{name}` that is larger than any configuration")
    return json.loads(text)


def model_of(found: Mapping[str, Any], path: str) -> Model:
    """A model with its calls in order.

    Raises:
        UsageError: it has another form than Keras writes; layers read one another in a circle.
    """
    try:
        return _model(found, path)
    except (KeyError, TypeError, ValueError, IndexError, AttributeError, OverflowError, RecursionError) as error:
        raise UsageError(f"{path} is no whole Keras model: {type(error).__name__} at {line(str(error))[:80]}") from None


def is_of(node: str, layer: str, layers: Container[str]) -> bool:
    """Whether a node is of a layer: called like it, inside it, or a further one of several that it is.

    >>> is_of("conv.relu", "conv", {"conv"}), is_of("conv_2", "conv", {"conv"}), is_of("conv_2", "conv", {"conv_2"})
    (True, True, False)
    """
    further = node.removeprefix(f"{layer}_").isdecimal() and node not in layers
    return node == layer or node.startswith(f"{layer}.") or (node.startswith(f"{layer}_") and further)


_TOLD: Final = frozenset({"data_format", "mask_zero", *_MASKS})
"""Options that say something of all layers."""


class Told(NamedTuple):
    """What a configuration says somewhere of all of its layers.

    Attributes:
        formats: where layers have their channels.
        masked: whether layers are told which positions are padding: by a call, or by a layer before them.
    """

    formats: set[str]
    masked: bool


def told_in(found: Any) -> Told:
    """Walk over the tables of a configuration once, those inside others too.

    >>> told_in({"class_name": "Masking"}).masked, told_in([{"config": {"mask_zero": True}}]).masked
    (True, True)
    >>> told_in({"mask": None, "data_format": "channels_last"})
    Told(formats={'channels_last'}, masked=False)
    """
    formats: set[str] = set()
    masked = False
    waiting = [found]
    while waiting:
        each = waiting.pop()
        kind = type(each)  # of JSON; most of a large file's tables say how weights begin, and are passed by at once
        if kind is dict:
            if not _TOLD.isdisjoint(each):
                where = each.get("data_format")
                if where == "channels_first" or where == "channels_last":  # it may be anything, with no hash too
                    formats.add(where)
                masked = masked or each.get("mask_zero") is True or any(map(each.get, _MASKS))
            masked = masked or each.get("class_name") == "Masking"
            waiting += [inside for inside in each.values() if type(inside) is dict or type(inside) is list]
        elif kind is list:
            waiting += each
    return Told(formats, masked)


def channels_first(found: Any) -> bool:
    """Whether the layers of a model have their channels first."""
    return told_in(found).formats == {"channels_first"}


def is_model(kind: str) -> bool:
    """Whether a layer is a model of its own."""
    return kind in _MODELS


def _model(found: Mapping[str, Any], path: str) -> Model:
    kind, config = str(found["class_name"]), found["config"]
    if kind not in _MODELS:
        raise UsageError(f"{path} holds a model of the class `{line(str(kind))[:80]}`, whose layers stand in its code "
                         "alone; save it as a functional model")  # fmt: skip
    if kind == "Sequential" or "input_layers" not in config:
        return _sequential(config, path)
    uses = [use for each in config["layers"] for use in _uses(each)]
    inputs, outputs = _keys(config["input_layers"]), _keys(config["output_layers"])
    plain = _without_masks(uses, outputs)
    return Model(str(config.get("name", "model")), tuple(_sorted(plain, outputs, path)), inputs, outputs)


def _without_masks(uses: Sequence[Use], ends: Sequence[Key]) -> list[Use]:
    """The calls that are not told which positions are padding, without those that work that out and do nothing else."""
    masks = [key for use in uses for name in _MASKS & use.also.keys() for key in use.also[name]]
    plain = [use._replace(also={name: keys for name, keys in use.also.items() if name not in _MASKS}) for use in uses]
    by_key = {(use.layer, use.number): use for use in plain}
    spare = _reached(by_key, masks) - _reached(by_key, ends)
    return [use for use in plain if (use.layer, use.number) not in spare or use.kind == "InputLayer"]


def _reached(uses: Mapping[tuple[str, int], Use], ends: Sequence[Key]) -> set[tuple[str, int]]:
    found: set[tuple[str, int]] = set()
    waiting = [(each.layer, each.call) for each in ends]
    while waiting:
        key = waiting.pop()
        if key in found or key not in uses:
            continue
        found.add(key)
        waiting += [(each.layer, each.call) for each in uses[key].needs]
    return found


def _sequential(config: Any, path: str) -> Model:
    layers = config["layers"] if isinstance(config, dict) else config
    uses: list[Use] = []
    if layers and layers[0]["class_name"] != "InputLayer":
        own = layers[0]["config"]
        shape = own.get("batch_shape") or own.get("batch_input_shape") or config.get("build_input_shape")
        if shape is None:
            raise UsageError(f"{path} does not say what it takes; build the model before it is saved")
        uses.append(Use("input", "InputLayer", {"batch_shape": shape}, (), {}))
    for each in layers:
        reads = (Key(uses[-1].layer),) if uses else ()
        uses.append(Use(_name(each), *_said(each), reads, {}, 0, str(each.get("module"))))
    return Model(str(config.get("name", "model")), tuple(uses), (Key(uses[0].layer),), (Key(uses[-1].layer),))


def _name(layer: Mapping[str, Any]) -> str:
    return str(layer.get("name") or layer["config"]["name"])


def _said(layer: Mapping[str, Any]) -> tuple[str, Mapping[str, Any]]:
    """A layer's class, with the package that it was registered in, and its options."""
    registered = str(layer.get("registered_name") or "")
    return registered if ">" in registered else str(layer["class_name"]), dict(layer["config"])


def use_of(layer: Mapping[str, Any]) -> Use:
    """The one call of a layer that another one is around."""
    return Use(_name(layer), *_said(layer), (), {}, 0, str(layer.get("module")))


def _uses(layer: Mapping[str, Any]) -> Iterator[Use]:
    name, module = _name(layer), str(layer.get("module"))
    kind, options = _said(layer)
    nodes = layer.get("inbound_nodes") or []
    if not nodes:
        yield Use(name, kind, options, (), {}, 0, module)
    for number, node in enumerate(nodes):
        if isinstance(node, dict):
            given = dict(node.get("kwargs") or {})
            reads = [*_tensors(node.get("args") or [])]
            for key in _INPUTS:
                reads += _tensors(given.pop(key, None))
            also = {key: found for key, value in given.items() if (found := tuple(_tensors(value)))}
            rest = {key: value for key, value in given.items() if key not in also}
            called = tuple(_placed(each) for each in node.get("args") or [])
            yield Use(name, kind, options, tuple(reads), rest, number, module, called, also)
        else:  # Keras 2: a list of [layer, call, output, arguments]
            entries = [node] if node and isinstance(node[0], str) else node
            reads = [Key(str(each[0]), int(each[1]), int(each[2])) for each in entries]
            rest = dict(entries[0][3]) if entries and len(entries[0]) > 3 and isinstance(entries[0][3], dict) else {}
            yield Use(name, kind, options, tuple(reads), rest, number, module)


def _tensors(value: Any) -> Iterator[Key]:
    """The results that lie in arguments, in order."""
    if isinstance(value, dict):
        if value.get("class_name") == "__keras_tensor__":
            layer, call, output = value["config"]["keras_history"]
            yield Key(str(layer), int(call), int(output))
        else:
            for each in value.values():
                yield from _tensors(each)
    elif isinstance(value, (list, tuple)):
        for each in value:
            yield from _tensors(each)


def _placed(value: Any) -> Any:
    """An argument with results as their keys, and a part of an axis as Python has it."""
    if isinstance(value, dict):
        kind = value.get("class_name")
        if kind == "__slice__":
            return slice(*(value["config"].get(name) for name in ("start", "stop", "step")))
        if kind == "__ellipsis__":
            return Ellipsis
        return next(_tensors(value), value) if kind == "__keras_tensor__" else value
    return [_placed(each) for each in value] if isinstance(value, (list, tuple)) else value


def _keys(said: Any) -> tuple[Key, ...]:
    """References to results: one, a list, or by name."""
    if isinstance(said, dict):
        said = list(said.values())
    if said and isinstance(said[0], str):
        return (Key(str(said[0]), int(said[1]), int(said[2])),)
    return tuple(Key(str(each[0]), int(each[1]), int(each[2])) for each in said)


def _sorted(uses: Sequence[Use], ends: Sequence[Key], path: str) -> list[Use]:
    """Each call after those that it reads, branch after branch as they are read: so the code had them."""
    by_key = {(use.layer, use.number): use for use in uses}
    done: dict[tuple[str, int], None] = {}
    open_: set[tuple[str, int]] = set()
    waiting = [*reversed([*((key.layer, key.call) for key in ends), *by_key])]
    while waiting:
        key = waiting[-1]
        use = by_key.get(key)
        left = [] if use is None else [(each.layer, each.call) for each in use.needs
                                       if (each.layer, each.call) not in done]  # fmt: skip
        if use is None or (left and key in open_):
            stuck = sorted({key[0], *(each[0] for each in open_ if each not in done)})
            wanted = ", ".join(f"`{line(each)[:40]}`" for each in stuck[:3])
            raise UsageError(f"{path} is no whole Keras model: {wanted} read what nothing makes, or one another")
        if left:
            open_.add(key)
            waiting += reversed(left)
        else:
            waiting.pop()
            done[key] = None
    return [by_key[key] for key in done]
