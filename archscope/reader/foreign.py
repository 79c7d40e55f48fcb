"""The words of other tools, and what a spec says for them: PyTorch's classes, Keras, TensorFlow, JAX, Caffe.

A spec says a thing in one way; who writes another tool's word is told this one.

>>> remedy_of_type("InnerProduct", ["linear", "relu"], what="layer types")
'that is a `linear` here'
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import Any, Final

from archscope.errors import did_you_mean, listed, nearest
from archscope.options import spell
from archscope.reader.words import NEEDLESS, NOT_A_LAYER, OPTIONS, PLACES, SAYS_TYPE, TYPE_WORDS, WINDOWED

_SLIP: Final = 0.85
"""How alike two words are of which one has a letter too many; `Conv2d` and `conv` are less so."""


def type_for(name: str, names: Iterable[str]) -> str | None:
    """The layer type that another tool's word means, if it is one of ``names``.

    >>> [type_for(word, ["conv2d", "relu", "silu", "leaky_relu"]) for word in ("nn.Conv2D", "Swish", "leakyrelu")]
    ['conv2d', 'silu', 'leaky_relu']
    """
    known = tuple(names)
    word = _folded(name)
    found = _by_word(known).get(word) or TYPE_WORDS.get(word)
    if found is None:
        stem, axes = (word[:-2], word[-2]) if re.search("[123]d$", word) else (word, "2")
        found = WINDOWED.get(stem, "").format(axes)
    return found if found and found in known else None


@lru_cache(maxsize=8)
def _by_word(names: tuple[str, ...]) -> dict[str, str]:
    """Names by what is left of them without signs; a spec with one mistake has it in many places."""
    return {_folded(each): each for each in names}


def _folded(name: str) -> str:
    return re.sub(r"[\s_-]", "", name.rpartition(".")[2].casefold())


def meant_type(name: str, names: Iterable[str], *, own: Iterable[str] = ()) -> str | None:
    """As `type_for`, of a call in Python as well, ``nn.ReLU()``; a block of the spec's ``own`` comes first."""
    return slip_of(name, own) or type_for(name.partition("(")[0], [*own, *names])


def slip_of(name: str, blocks: Iterable[str]) -> str | None:
    """The block that is a letter away from a name.

    >>> slip_of("conv3", ["conv"]), slip_of("Conv3d", ["conv"])
    ('conv', None)
    """
    return nearest(name, blocks, at_least=_SLIP)


def remedy_of_type(name: str, names: Iterable[str], *, what: str, own: Iterable[str] = ()) -> str:
    """What to write for an unknown type: this language's word for another tool's, or a near one.

    A block of the spec's ``own`` that is a letter away comes before the types that every spec has.
    """
    blocks = list(own)
    slip = slip_of(name, blocks)
    if slip is not None:
        return f"did you mean `{slip}`?"
    known = [*blocks, *names]
    call = re.fullmatch(r"\s*([A-Za-z_][\w.]*)\s*\((.*)\)\s*", name)
    if call is not None:
        meant = type_for(call[1], known)
        return (
            f"did you mean `{meant}`? {_stated(meant, call[1], call[2])}"
            if meant
            else f"{what} take their options by name"
        )
    meant = type_for(name, known)
    if meant is not None:
        near = _folded(meant) == _folded(name)
        size = " with `output_size: 1`" if _is_global(name) else ""
        return f"did you mean `{meant}`?" if near else f"that is {_one(meant)} here{size}"
    return NOT_A_LAYER.get(_folded(name)) or did_you_mean(name, known, what=what)


def remedy_of_no_type(line: Mapping[str, Any], names: Iterable[str], *, own: Iterable[str] = ()) -> str:
    """What to write on a line that says its type in another way, or not at all.

    >>> remedy_of_no_type({"Layer": "conv2d", "out_channels": 8}, ["conv2d"])
    'write `type: conv2d` in the place of `Layer: conv2d`'
    >>> remedy_of_no_type({"conv2d": {"out_channels": 8}}, ["conv2d"])
    'write `{type: conv2d, out_channels: 8}`'
    """
    blocks = list(own)
    known = [*blocks, *names]
    for key, value in line.items():
        if isinstance(value, str) and key.casefold() in SAYS_TYPE and (meant := type_for(value, known)):
            return f"write `type: {meant}` in the place of `{key}: {value}`"
    ((key, value), *more) = line.items() or [("", None)]
    meant = None if more else type_for(key, known)
    if meant is not None and isinstance(value, dict):
        options = "".join(f", {name}: {_yaml(each)}" for name, each in value.items())
        return f"write `{{type: {meant}{options}}}`"
    return f"add `type:`, such as `{next(iter(blocks), 'conv2d')}`"


def says_options(name: str) -> bool:
    """Whether a type's word says its options as well: a call has them in its brackets, a global pooling in its name.

    >>> says_options("nn.Conv2d(3, 8, 3)"), says_options("GlobalAveragePooling2D"), says_options("Conv2D")
    (True, True, False)
    """
    return "(" in name or _is_global(name)


def _is_global(name: str) -> bool:
    return _folded(name).startswith("global")


def _one(type_: str) -> str:
    return f"{'an' if type_[0] in 'aeiou' or type_ == 'lstm' else 'a'} `{type_}`"


_COMES_IN: Final = {
    r"(Conv|ConvTranspose|BatchNorm|InstanceNorm)\dd": 1,
    r"Linear|MultiheadAttention|RNNCell|LSTMCell|GRUCell": 1,
    r"RNN|LSTM|GRU": 1,
    r"Bilinear": 2,
}
"""How many arguments PyTorch's classes have in front for what comes in, by their names."""
_ALONE: Final = re.compile("RNN|LSTM|GRU")
"""Those that are spelled so in Keras too, whose first argument alone is what they make."""


def _stated(type_: str, name: str, arguments: str) -> str:
    """How a spec states what stood in a call's brackets."""
    from archscope.layers import TYPES

    given = [each.strip() for each in arguments.split(",") if each.strip()]
    class_ = name.rpartition(".")[2]
    first = next((many for names, many in _COMES_IN.items() if re.fullmatch(names, class_)), 0)
    plain = [each for each in given if "=" not in each]
    if len(plain) > 1 or not _ALONE.fullmatch(class_):
        given = given[len(plain[:first]) :]
    if not given:
        return f"Write `{type_}`"
    names = list(TYPES[type_].options)[: 1 if type_ == "group_norm" else None]
    pairs = [each.split("=", 1) if "=" in each else (name, each) for each, name in zip(given, names, strict=False)]
    shown = ", ".join(f"{name.strip()}: {value.strip().lower()}" for name, value in pairs)
    return f"Write `{{type: {type_}, {shown}}}`" if pairs else f"Write `{type_}`"


def option_for(name: str, declared: Iterable[str]) -> str | None:
    """The option that another tool's word means, if a layer type has it.

    >>> option_for("filters", ["out_channels", "kernel_size"]), option_for("units", ["hidden_size"])
    ('out_channels', 'hidden_size')
    """
    known = set(declared)
    return next((each for each in OPTIONS.get(name.casefold(), ()) if each in known), None)


def remedy_of_option(name: str, value: Any, declared: Iterable[str]) -> str:
    """What to write for an unknown option."""
    known = list(declared)
    meant = option_for(name, known)
    if meant is not None:
        return f"write `{meant}: {_yaml(_of_maps(value) or value)}`"
    if name.casefold().endswith("_param") and isinstance(value, dict):
        return f"write its options on the line itself, without `{name}`"
    word = name.casefold()
    if word in PLACES:
        return f"write `{PLACES[word]}:`"
    if value is None and known and re.fullmatch(r"\d+", name):
        if "quantity" in known:
            return 'in braces a comma ends a value; write a figure without commas, or in quotes: `value: "1,792"`'
        return f"options go by name: `{known[0]}: {name}`"
    if re.fullmatch(r"[^(]*\)", name):
        return "write a list in square brackets: `[3, 3]`"
    if "dropout" in word:
        return "remove it: dropping is a layer of its own, `{type: dropout, p: 0.1}`"
    return NEEDLESS.get(word) or did_you_mean(name, known, what="options")


_OF_A_BLOCK: Final = {
    **dict.fromkeys(("times", "copies", "n", "num", "number", "count", "depth", "reps", "repeats", "repetitions",
                     "layers", "num_layers", "n_layers", "blocks", "num_blocks", "n_blocks"), "repeat"),
    **PLACES,
}  # fmt: skip
"""Words for what every use of a block can say."""


def remedy_of_block_option(name: str, block: str, own: Iterable[str], all_have: Iterable[str]) -> str:
    """What to write for an option that a block has not.

    >>> remedy_of_block_option("times", "conv", ["c", "k"], ["repeat", "from"])
    'write `repeat:`'
    """
    options, common = list(own), list(all_have)
    near = did_you_mean(name, options, what="")
    if near.startswith("did you mean"):
        return near
    word = name.casefold()
    if options and re.fullmatch(r"\d+", name):
        return f"options go by name: `{options[0]}: {name}`"
    if word in _OF_A_BLOCK:
        return f"write `{_OF_A_BLOCK[word]}:`"
    near = did_you_mean(name, common, what="")
    if near.startswith("did you mean"):
        return near
    has = f"the options of `{block}` are {listed(options)}" if options else f"`{block}` has no options"
    return f"{has}; to give it one more, name it in the block's `options:`"


def remedy_of_name(value: Any, names: Iterable[str]) -> str | None:
    """What to write for a text where the value of a name was meant: `c`, `{c}` or `%c` for `$c`.

    >>> remedy_of_name("{{c}}", ["c", "k"]), remedy_of_name("4*c", ["c"]), remedy_of_name("eight", ["c"])
    ('write `$c` for the value of `c`', 'write `4*$c`', None)
    """
    if not isinstance(value, str) or len(value) > _LONGEST:
        return None
    known = set(names)
    found = re.fullmatch(r"[\s{}%<>()$@]*([A-Za-z_]\w*)[\s{}%<>()]*", value)
    if found:
        return f"write `${found[1]}` for the value of `{found[1]}`" if found[1] in known else None
    words = set(re.findall(r"[A-Za-z_]\w*", value))
    if not words or not words <= known or not re.fullmatch(r"[\w\s+*/()-]+", value):
        return None
    marked = re.sub(r"[A-Za-z_]\w*", lambda name: f"${name[0]}", value)
    return f"write `{marked}`"


def _of_maps(value: Any) -> list[int] | None:
    """The two numbers for height and width of TensorFlow's four, the first and the last of which are 1."""
    whole = isinstance(value, list) and len(value) == 4 and all(isinstance(each, int) for each in value)
    return value[1:3] if whole and value[0] == value[3] == 1 else None


_LONGEST: Final = 40
"""The longest text that is looked through for what it may mean."""


def _yaml(value: Any) -> str:
    return value if isinstance(value, str) else spell(value)


def remedy_of_value(value: Any) -> str | None:
    """What to write for a text that was to be a number, a list or nothing; None if nothing comes to mind.

    >>> remedy_of_value("50%"), remedy_of_value("3x3"), remedy_of_value("(3, 3)")
    ('write 0.5', 'write [3, 3]', 'write [3, 3]')
    >>> remedy_of_value([1, 2, 2, 1])
    'write [2, 2], without those of the batch and the channels'
    """
    of_maps = _of_maps(value)
    if of_maps is not None:
        return f"write {spell(of_maps)}, without those of the batch and the channels"
    if isinstance(value, float) and value.is_integer() and abs(value) < 1e15:
        return f"write {int(value)}"
    if not isinstance(value, str) or len(value) > _LONGEST:
        return None
    text = value.strip()
    percent = re.fullmatch(r"(\d+(?:\.\d+)?)\s*%", text)
    if percent:
        return f"write {float(percent[1]) / 100:g}"
    sides = re.fullmatch(r"\(?\s*(\d+)\s*[x×*,]\s*(\d+)\s*(?:[x×*,]\s*(\d+)\s*)?,?\s*\)?", text)
    if sides:
        return f"write [{', '.join(each for each in sides.groups() if each)}]"
    times = re.fullmatch(r"[x×*]\s*(\d+)|(\d+)\s*[x×*]", text)
    if times:
        return f"write {times[1] or times[2]}"
    if text.startswith("("):
        return "write a list in square brackets: `[3, 3]`"
    if re.fullmatch(r"[-+]?\d+(\.\d+)?", text):
        return f"remove the quotes: {text}"
    if re.fullmatch(r"\d{1,3}(,\d{3})+", text):
        return f"write {text.replace(',', '')}"
    return None
