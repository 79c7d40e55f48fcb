"""`Configured`: the model that a Hugging Face ``config.json`` describes, made by ``transformers``, and what it takes.

Nothing is fetched: a configuration whose code lies elsewhere is refused, and what would be loaded is left out.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, nullcontext
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final

import torch
from torch import nn

from archscope.errors import MissingExtra, UsageError, did_you_mean, nearest
from archscope.escaping import line
from archscope.limits import LARGEST_NUMBER
from archscope.theirs import heard_apart, raised, said_by
from archscope.tracing.defaults import defaults
from archscope.tracing.inputs import Call, Given
from archscope.tracing.numbers import making
from archscope.tracing.stated import Bare, spelled
from archscope.tracing.stopping import COMMAND

MOST: Final = 16 << 20
"""Bytes of the largest configuration that is read."""
_COPIES: Final = 512
"""Layers, stages or experts that are made at most, one module each."""
_LABELS: Final = 1 << 20
"""Labels that are made at most, which ``transformers`` names one by one."""
_LISTED: Final = 2_000
"""Values of a list that are read at most."""
_COPIED: Final = re.compile(r".*(layers?|depths?|blocks?|experts|stages|repeats|hops)(_list)?|n_head", re.DOTALL)
_SIZE: Final = re.compile(r".*(size|dim|channels|rank|positions|position_embedding)s?|d_model|n_embd|n_inner|n_ctx",
                          re.DOTALL)  # fmt: skip
_HEADS: Final = re.compile(r".*heads|n_head", re.DOTALL)
_KEY_HEADS: Final = re.compile(r"(num|n)_(key_value|kv)_heads?|n_head_kv")
_WORKED_OUT: Final = 1 << 23
"""Numbers of a table of sines that are waited for: ``transformers`` works each out in Python, a microsecond long."""
_SINES: Final[Mapping[str, str]] = {
    "pegasus": "", "marian": "", "roformer": "", "informer": "", "autoformer": "", "time_series_transformer": "",
    "videomae": "", "distilbert": "sinusoidal_pos_embds", "xlm": "sinusoidal_embeddings",
    "flaubert": "sinusoidal_embeddings",
}  # fmt: skip
"""Kinds of models whose tables are made so, and the option that says whether, if one does."""
_FETCHED: Final = ("attn_implementation", "_attn_implementation", "_attn_implementation_internal",
                   "experts_implementation", "_experts_implementation", "quantization_config",
                   "use_pretrained_backbone", "compression_config")  # fmt: skip
"""What would load weights or code from elsewhere, or is about how weights are stored."""
_OVERFLOW: Final = "overflow"
"""What PyTorch says where the bytes of a tensor are more than it can count, in each of its ways of saying that."""
_BEYOND: Final = 1_000_000
"""A number that is told where a weight has more bytes than that: no two of less are so many."""
_BUILT_IN: Final = 1 << 28
"""Values of a model up to which it is made with values where it does not run without."""


class Configured:
    """A model by its configuration.

    Attributes:
        name: the class of the model.
        origin: where it was read from, and what is to be known of that, in sentences.

    Args:
        path: the file, or the folder that it lies in.

    Raises:
        MissingExtra: ``transformers`` is not installed.
        UsageError: it is no whole configuration; its code lies elsewhere; ``transformers`` has no such model.
    """

    def __init__(self, path: str) -> None:
        file = Path(path) / "config.json" if Path(path).is_dir() else Path(path)
        self._shown = os.fspath(file)
        self._said = _read(file, self._shown)
        _refuse_code(self._said, self._shown)
        _refuse_copies(self._said, self._shown)
        if find_spec("transformers") is None:
            raise MissingExtra(f"reading {self._shown}", "transformers", "hf")
        with _offline():
            self._model, self._config = _found(self._said, self._shown)
        _refuse_sines(self._config, self._shown)
        self.name = self._model.__name__
        self._config.use_cache = False
        import transformers

        self._from = (f"Read from {file.name}: {self.name} of transformers {transformers.__version__}",)
        self._notes = (*_notes(self._said), *_beside(file))

    def origin(self, call: Call) -> tuple[str, ...]:
        """Where it was read from, with what it was called with, in sentences."""
        given = [(name, each) for name, each in call.kwargs.items() if isinstance(each, (Bare, Given))]
        inputs = ", ".join(
            f"`{name}={each.value if isinstance(each, Bare) else spelled(each)}`" for name, each in given
        )
        return (f"{self._from[0]}, with the input {inputs}." if inputs else f"{self._from[0]}.", *self._notes)

    def calls(self, stated: Call) -> Iterator[Call]:
        """What to call it with: what was said, and what its kind takes for the rest, the likeliest first."""
        yield from defaults(self._model, self._config, stated, self._shown)

    def made(self, device: str) -> nn.Module:
        """The model, on a device, in float32: casts between types would stand between its layers.

        Raises:
            UsageError: it cannot be made of what the configuration says.
        """
        before = torch.get_default_dtype()
        try:
            with heard_apart(), _offline(), torch.device(device), making() if device == "meta" else nullcontext():
                torch.set_default_dtype(torch.float32)
                made: nn.Module = self._model(self._config)
        except (Exception, SystemExit) as error:
            told = _beyond(self._said) if _OVERFLOW in said_by(error).lower() else ""
            why = told or f": {raised(error)}{_empty(self._said)}"
            raise UsageError(f"{self._shown} describes no {self.name} that can be made{why}") from error
        finally:
            torch.set_default_dtype(before)
        return made.eval()

    def stopped(self, error: UsageError) -> UsageError:
        """What is told where it was made, and does not run: of heads that do not fit, and not of inputs, is what is so.

        Args:
            error: what was told.
        """
        uneven = _uneven(self._said)
        if not uneven:
            return error
        return UsageError(
            f"{str(error).removesuffix(f'; {COMMAND}')}; {self._shown} has heads that do not fit: {uneven}"
        )

    def affordable(self) -> bool:
        """Whether it may be made with values, where it does not run without."""
        try:
            return sum(each.numel() for each in self.made("meta").parameters()) <= _BUILT_IN
        except UsageError:
            return False


def _notes(said: Mapping[str, Any]) -> Iterator[str]:
    """What of the configuration is not in the numbers."""
    dtype = str(said.get("dtype") or said.get("torch_dtype") or "float32").removeprefix("torch.")
    if dtype != "float32":
        yield f"Its weights are stored as {line(dtype)[:40]}; the bytes here are those of float32."
    if said.get("quantization_config"):
        yield "Its weights are stored quantized; they are counted as they are before that."


def _beside(file: Path) -> Iterator[str]:
    """What lies beside a configuration, belongs to the network, and is not in it."""
    modules = sorted(each.parent.name for each in file.parent.glob("[0-9]*_*/config.json"))
    if modules and (file.parent / "modules.json").is_file():
        listed = ", ".join(line(each)[:40] for each in modules[:8])
        yield f"What comes behind it in this sentence transformer is left out: {listed}."
    if (file.parent / "adapter_config.json").is_file():
        yield "The adapter that lies beside it is left out."


def _read(file: Path, shown: str) -> dict[str, Any]:
    try:
        if file.stat().st_size > MOST:
            raise UsageError(f"{shown} is larger than any configuration")
        found = json.loads(file.read_bytes())
    except (OSError, ValueError, RecursionError) as error:
        why = line(str(error))[:200] or type(error).__name__
        raise UsageError(f"{shown} is no whole configuration: {why}") from None
    if not isinstance(found, dict):
        raise UsageError(f"{shown} is no configuration: it has no names")
    return found


def _parts(said: Any) -> Iterator[tuple[str, Any]]:
    """Every named value in a configuration, however deep."""
    waiting: list[Any] = [said]
    while waiting:
        each = waiting.pop()
        if isinstance(each, Mapping):
            yield from ((str(key), value) for key, value in each.items())
            waiting += each.values()
        elif isinstance(each, list):
            waiting += each


def _refuse_code(said: Mapping[str, Any], shown: str) -> None:
    """Refuse a configuration whose code lies beside it, or where it came from."""
    found = next((value for key, value in _parts(said) if key == "auto_map" and value), None)
    if found is None:
        return
    own = next(iter(found.values()), "") if isinstance(found, Mapping) else found
    own = own[0] if isinstance(own, list) and own else own
    raise UsageError(f"{shown} describes a model whose code would have to be fetched and run, `{line(str(own))[:80]}`; "
                     "archscope fetches nothing: write a function that makes it, and name that, `mypkg.models:load`, "
                     "with `--input`")  # fmt: skip


def _refuse_copies(said: Mapping[str, Any], shown: str) -> None:
    """Refuse more copies of a module, and more labels, than any model has, and extents beyond all of them."""
    for key, value in _parts(said):
        many = value if isinstance(value, list) else [value]
        if isinstance(value, list) and len(value) > _LISTED:
            raise UsageError(f"{shown} lists {len(value):,} values in `{line(key)[:60]}`; {_LISTED:,} are read at most")
        largest = max((each for each in many if type(each) in (int, float)), default=0)
        most = _COPIES if _COPIED.fullmatch(key) else _LABELS if key in ("num_labels", "_num_labels") else None
        if most is not None and largest > most:
            raise UsageError(f"{shown} has `{line(key)[:60]}: {str(largest)[:40]}`; {most:,} are made at most")
        if largest > LARGEST_NUMBER and (_SIZE.fullmatch(key) or _HEADS.fullmatch(key)):
            raise UsageError(f"{shown} has `{line(key)[:60]}: {str(largest)[:40]}`; {LARGEST_NUMBER:,} is the largest "
                             "extent that archscope reads")  # fmt: skip


def _beyond(said: Mapping[str, Any]) -> str:
    """The largest numbers of a configuration of which PyTorch can count no bytes, and what to do about them."""
    numbers = {key: value for key, value in _parts(said) if type(value) is int and value > _BEYOND}
    first = sorted(numbers, key=lambda key: numbers[key], reverse=True)[:2]
    told = " and ".join(f"`{line(key)[:60]}: {str(numbers[key])[:40]}`" for key in first)
    return f": with {told} a weight has more bytes than PyTorch can count; write smaller numbers" if told else ""


def _empty(said: Mapping[str, Any]) -> str:
    """The extents and counts of a configuration that nothing can be made of, which may be why nothing was made."""
    names = (_SIZE, _COPIED, _HEADS)
    few = [f"`{line(key)[:60]}: {str(value)[:40]}`" for key, value in _parts(said)
           if type(value) in (int, float) and value < 1 and any(each.fullmatch(key) for each in names)]  # fmt: skip
    return f"; it has {' and '.join(few[:2])}: write a number of one or more" if few else ""


def _uneven(said: Mapping[str, Any]) -> str:
    """The heads of keys and values that do not divide those of queries, and what to write; empty where all do."""
    numbers = {key: value for key, value in _parts(said) if type(value) is int}
    keys = next((key for key in numbers if _KEY_HEADS.fullmatch(key)), None)
    heads = next((key for key in ("num_attention_heads", "n_head", "num_heads", "n_heads") if key in numbers), None)
    if keys is None or heads is None or (numbers[keys] > 0 and numbers[heads] % numbers[keys] == 0):
        return ""
    return f"`{keys}: {str(numbers[keys])[:40]}` does not divide `{heads}: {str(numbers[heads])[:40]}`"


def _refuse_sines(config: Any, shown: str) -> None:
    """Refuse tables of sines that would be worked out number by number without end."""
    kind = str(config.model_type)
    if kind not in _SINES or (_SINES[kind] and not getattr(config, _SINES[kind], False)):
        return
    if kind == "videomae":
        places = _patches(config)
        options: tuple[str, ...] = ("image_size", "num_frames")
    else:
        options = tuple(each for each in ("max_position_embeddings", "context_length", "prediction_length")
                        if type(getattr(config, each, None)) is int)  # fmt: skip
        places = sum(getattr(config, each) for each in options)
    wide = config.hidden_size if type(config.hidden_size) is int else 0
    if places * wide > _WORKED_OUT:
        said = ", ".join(f"{each}: {str(getattr(config, each))[:40]}" for each in options)
        raise UsageError(f"{shown} has `{said}`, and transformers works out {wide:,} sines for each position of a "
                         f"{kind}, one by one; {_WORKED_OUT:,} are waited for: write at most "
                         f"{_WORKED_OUT // wide:,} positions")  # fmt: skip


def _patches(config: Any) -> int:
    """The patches of a film that a model cuts it into, where its options are numbers."""
    (height, width), (high, wide) = (each if isinstance(each, (list, tuple)) and len(each) == 2 else (each, each)
                                     for each in (config.image_size, config.patch_size))  # fmt: skip
    said = (height, width, high, wide, config.num_frames, config.tubelet_size)
    if not all(type(each) is int and each > 0 for each in said):
        return 0
    return int((height // high) * (width // wide) * (config.num_frames // config.tubelet_size))


@contextmanager
def _offline() -> Iterator[None]:
    """With a ``transformers`` that fetches nothing, and says nothing of what it misses."""
    with _stated({"HF_HUB_OFFLINE": "1", "TRANSFORMERS_OFFLINE": "1"}), heard_apart():
        from huggingface_hub import constants
        from transformers import logging

        offline, verbosity = constants.HF_HUB_OFFLINE, logging.get_verbosity()
        constants.HF_HUB_OFFLINE = True
        logging.set_verbosity_error()  # type: ignore[no-untyped-call]
        try:
            yield
        finally:
            constants.HF_HUB_OFFLINE = offline
            logging.set_verbosity(verbosity)


@contextmanager
def _stated(variables: Mapping[str, str]) -> Iterator[None]:
    """With variables of the environment that are as they were afterwards."""
    before = {name: os.environ.get(name) for name in variables}
    os.environ.update(variables)
    try:
        yield
    finally:
        for name, value in before.items():
            os.environ.pop(name, None) if value is None else os.environ.update({name: value})


def _found(said: Mapping[str, Any], shown: str) -> tuple[Any, Any]:
    """The class of the model, and its configuration as ``transformers`` has it."""
    import transformers
    from transformers import CONFIG_MAPPING, AutoModel, PreTrainedModel

    kind, classes = said.get("model_type"), said.get("architectures")
    if kind is not None and not isinstance(kind, str):
        raise UsageError(f"{shown} has a `model_type` that is no name")
    if not kind and not classes:
        raise UsageError(f"{shown} names neither `model_type` nor `architectures`; a model's configuration is its "
                         "`config.json`")  # fmt: skip
    model = _class(classes, PreTrainedModel, transformers, shown)
    if kind and kind not in CONFIG_MAPPING:
        near = did_you_mean(line(str(kind)), CONFIG_MAPPING, what="it has")
        raise UsageError(f"{shown} has the `model_type` `{line(str(kind))[:60]}`, which transformers "
                         f"{transformers.__version__} does not have; {near}")  # fmt: skip
    try:
        own = CONFIG_MAPPING[kind] if kind else model.config_class
        config = own.from_dict({key: value for key, value in said.items() if key not in _FETCHED})
        if model is None:
            model = AutoModel._model_mapping[type(config)]
            model = model[0] if isinstance(model, (list, tuple)) else model
    except (Exception, SystemExit) as error:
        raise UsageError(f"{shown} is no configuration that transformers {transformers.__version__} reads: "
                         f"{raised(error)}{_empty(said)}") from error  # fmt: skip
    if not isinstance(config, model.config_class or type(config)):
        raise UsageError(f"{shown} has the `model_type` `{kind}`, and {model.__name__} in `architectures`, which is of "
                         "another type")  # fmt: skip
    return model, config


def _class(classes: Any, base: type, transformers: Any, shown: str) -> Any:
    """The class that is named first; None where none is."""
    if not classes:
        return None
    if not isinstance(classes, list) or not all(isinstance(each, str) for each in classes):
        raise UsageError(f"{shown} has `architectures` that are no list of names")
    name = classes[0]
    found = getattr(transformers, name, None) if name.isidentifier() else None
    if not (isinstance(found, type) and issubclass(found, base)):
        known = [each for each in dir(transformers) if re.search(r"[a-z0-9A-Z](For[A-Z]|Model$)", each)]
        near = nearest(name, known)
        remedy = f"did you mean `{near}`?" if near else "leave `architectures` out, and `model_type` says which it is"
        raise UsageError(f"{shown} describes a {line(name)[:80]}, which transformers {transformers.__version__} does "
                         f"not have; {remedy}")  # fmt: skip
    return found
