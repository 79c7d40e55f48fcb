"""What a model of ``transformers`` is called with where nobody says it: tokens, a picture or a sound, by its kind."""

from __future__ import annotations

import inspect
from collections.abc import Iterator, Mapping
from typing import Any, Final

from archscope.errors import UsageError
from archscope.tracing.inputs import Call, Given

TOKENS: Final = 128
"""Tokens of a text, where the model takes as many."""
SIDE: Final = 224
"""Height and width of a picture, where the configuration does not say it."""
SAMPLES: Final = 16_000
"""Values of a sound: a second, as speech is mostly recorded."""

PAIR: Final = 2
"""Answers to choose from, and pictures to compare."""

_MAIN: Final = ("pixel_values", "input_features", "input_values")
"""What a model takes that takes no tokens."""

_POSITIONS: Final = ("max_position_embeddings", "n_positions", "n_ctx", "max_seq_len", "max_sequence_length",
                     "seq_length", "max_target_positions", "max_decoder_position_embeddings")  # fmt: skip
_FROM_TWO: Final = (
    "roberta",
    "camembert",
    "mpnet",
    "longformer",
    "data2vec",
    "ibert",
    "xmod",
    "luke",
    "esm",
    "layoutlmv3",
)
"""Parts of the names of models that count positions from behind that of the padding on."""
_PARTS: Final = ("text_config", "vision_config", "audio_config", "encoder", "decoder", "encoder_config",
                 "decoder_config", "backbone_config", "question_encoder", "generator")  # fmt: skip


def defaults(model: Any, config: Any, stated: Call, shown: str) -> Iterator[Call]:
    """What to call a model with: what was said, and what its kind takes for the rest, the likeliest first.

    Args:
        model: the class.
        config: its configuration.
        stated: what was said of the inputs.
        shown: the file, for messages.

    Raises:
        UsageError: more inputs are stated without a name than can be told apart; nobody knows what it takes.
    """
    takes = set(inspect.signature(model.forward).parameters)
    main = str(model.main_input_name)
    if main not in takes:  # a part of a model that has it from the whole
        main = next((name for name in _MAIN if name in takes), main)
    kwargs = dict(stated.kwargs)
    if len(stated.args) > 1:
        raise UsageError(f"`--input` beside others does not say which input it is; name each: --input {main}=128")
    if stated.args:
        kwargs[main] = stated.args[0]
    decodes = bool(getattr(config, "is_encoder_decoder", False)) and "decoder_input_ids" in takes
    both = {"input_ids", "pixel_values"} <= takes
    wanted = [main, *(["decoder_input_ids"] if decodes else [])]
    calls = [wanted, [*wanted, "pixel_values" if main == "input_ids" else "input_ids"]] if both else [wanted]
    tried: list[dict[str, Any]] = []
    for names, several in ((each, each_too) for each in calls for each_too in (True, False)):
        usual = {name: _usual(name, config) for name in names if name not in kwargs}
        if several:
            usual = {name: _several(name, each, model, config) for name, each in usual.items()}
        made = {**usual, **kwargs}
        unknown = next((name for name, value in made.items() if value is None and name not in kwargs), None)
        if unknown is not None and not tried:
            raise UsageError(f"{shown} does not say how large `{unknown}` is; state its shape without the batch: "
                             f"--input {unknown}=80,3000")  # fmt: skip
        if unknown is None and made not in tried:
            tried.append(made)
            yield stated.replace(args=(), kwargs=made)


def _several(name: str, usual: Given | None, model: Any, config: Any) -> Given | None:
    """The same input with what a sample has several of: answers, frames, pictures to compare, channels of a sound."""
    called = str(getattr(model, "__name__", ""))
    many = None
    if name == "input_ids" and "MultipleChoice" in called:
        many = PAIR
    elif name == "pixel_values":
        many = PAIR if "KeypointMatching" in called else _first(config, ("num_frames",))
    elif name == "input_values" and usual is not None and len(usual.shape) == 1:
        many = _first(config, ("audio_channels",))
    return usual if many is None or usual is None else usual.replace(shape=(many, *usual.shape))


def _usual(name: str, config: Any) -> Given | None:
    """One input as its kind has it; None where nobody knows."""
    if name.endswith("input_ids"):
        longest = _first(config, _POSITIONS) or TOKENS
        if any(part in str(getattr(config, "model_type", "")) for part in _FROM_TWO):
            longest -= (_first(config, ("pad_token_id",)) or 0) + 1
        return Given((max(min(TOKENS, longest), 1),), "int64", batched=True)
    if name == "pixel_values":
        size = _named(config, "image_size")
        high, wide = _sides(size)
        channels = _first(config, ("num_channels", "in_channels", "in_chans", "num_input_channels")) or 3
        return Given((channels, high, wide), batched=True)
    mel, source = _first(config, ("num_mel_bins",)), _first(config, ("max_source_positions",))
    if name == "input_features" and mel and source:
        return Given((mel, 2 * source), batched=True)
    if name == "input_features":
        features = _first(config, ("feature_projection_input_dim", "input_feat_per_channel", "input_dim"))
        return Given((TOKENS, features), batched=True) if features else None
    if name == "input_values" and mel:
        return Given((_first(config, ("max_length",)) or 1024, mel), batched=True)
    return Given((SAMPLES,), batched=True) if name == "input_values" else None


def _named(config: Any, name: str, depth: int = 0) -> Any:
    """What a configuration says, or one inside it."""
    found = getattr(config, name, None)
    if found is not None or depth > 3:
        return found
    parts = (getattr(config, part, None) for part in _PARTS)
    inner = (_named(part, name, depth + 1) for part in parts if part is not None and not isinstance(part, (str, int)))
    return next((each for each in inner if each is not None), None)


def _first(config: Any, names: tuple[str, ...]) -> int | None:
    """The first of some numbers that it says."""
    found = (_named(config, name) for name in names)
    return next((each for each in found if type(each) is int and each > 0), None)


def _sides(size: Any) -> tuple[int, int]:
    """Height and width, from one number, two, or by name."""
    if isinstance(size, Mapping):
        size = [size.get("height", SIDE), size.get("width", SIDE)]
    pair = list(size) if isinstance(size, (list, tuple)) and len(size) == 2 else [size, size]
    return tuple(each if type(each) is int and each > 0 else SIDE for each in pair)  # type: ignore[return-value]
