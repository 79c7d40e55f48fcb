"""What differs between two elements, in words: a phrase for the list, a predicate for the sum at the end."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from fractions import Fraction
from typing import Any, Final

from archscope.difference.alignment import same_map
from archscope.difference.elements import Element
from archscope.errors import one
from archscope.layers.base import Shape, spell_shape
from archscope.record import Record

_ALL: Final = frozenset({"parameters", "fixed", "connections", "macs", "saved_bytes"})
WORK: Final = frozenset({"connections", "macs", "saved_bytes"})
_KEPT: Final = frozenset({"saved_bytes"})
_FROZEN: Final = frozenset({"parameters", "fixed", "saved_bytes"})
_TRAINED: Final = frozenset({"parameters"})
_HELD: Final = frozenset({"parameters", "fixed", "connections"})
_NOTHING: Final[frozenset[str]] = frozenset()


class Facet(Record):
    """One thing that differs.

    Attributes:
        phrase: what it is in the second network and in the first: ``relu instead of scaled_tanh``.
        single: what the layer is or has, behind its name: ``is fully connected``.
        plural: the same of several: ``are fully connected``.
        explains: the quantities that it may change.
        own: whether the layer itself is another; else only what it is given is.
        of_activation: whether it is about the activation that follows.
        general: the same without its numbers, where several layers have that in common; empty for none.
    """

    phrase: str
    single: str
    plural: str
    explains: frozenset[str] = _ALL
    own: bool = True
    of_activation: bool = False
    general: str = ""


def facets(a: Element, b: Element) -> list[Facet]:
    """All that differs between two elements that stand for each other, the weightiest first."""
    found = [*_types(a, b)] if a.type != b.type or a.misfit != b.misfit else [*_options(a, b)]
    found += _sharing(a, b)
    found += _freezing(a, b)
    if a.activation != b.activation:
        phrase = f"{b.activation or 'no activation'} instead of {a.activation or 'none'}"
        found.append(Facet(phrase, f"has {phrase}", f"have {phrase}", _ALL, of_activation=True))
    if not (a.type != b.type and same_map(a, b)):
        found += _given(a, b)
    return found


def _types(a: Element, b: Element) -> Iterator[Facet]:
    now, then = one(_called(b)), one(_called(a))
    if same_map(a, b):
        phrase = f"{now} instead of {then}, the same map here: the same weights and products"
        yield Facet(phrase, f"is {now}", f"are each {now}", _KEPT)
        return
    kind = Facet("", f"is {now} instead of {then}", f"are each {now} instead of {then}", _ALL - _HELD)
    if not a.count_of("parameters") or b.count_of("parameters"):
        yield kind.replace(phrase=f"{now} instead of {then}", explains=_ALL)
    elif b.count_of("fixed"):
        yield Facet(f"{now} instead of {then}: it trains nothing", "trains nothing", "train nothing", _TRAINED)
        yield kind.replace(explains=_ALL - _TRAINED)
    else:
        yield Facet(f"{now} instead of {then}: it carries no weights", "carries no weights", "carry no weights", _HELD)
        yield kind


def _called(element: Element) -> str:
    said = f"{element.label} layer" if element.label in ("linear", "add", "multiply", "concat") else element.label
    return f"{said} ({element.misfit})" if element.misfit else said


def _options(a: Element, b: Element) -> Iterator[Facet]:
    same_windows = a.windows is not None and a.windows == b.windows and a.inputs == b.inputs and a.output == b.output
    for name in sorted({*a.options, *b.options}, key=_weight):
        before, after = a.options.get(name), b.options.get(name)
        if before == after or (name in ("padding", "ceil_mode") and same_windows):
            continue
        if name not in _MEANT and (before is None or after is None):
            continue
        if name == "normalized_shape" and a.inputs != b.inputs:
            continue  # it is what comes in, and said there
        yield _option(name, before, after, a, b)


_ORDER: Final = ("connection_table", "out_channels", "out_features", "num_embeddings", "embedding_dim", "shape",
                 "kernel_size", "stride", "padding", "dilation", "groups", "bias")  # fmt: skip
_MEANT: Final = ("connection_table", "bias")
_NAMES: Final[Mapping[str, tuple[str, frozenset[str]]]] = {
    "out_channels": ("kernels", _ALL), "out_features": ("outputs", _ALL), "num_embeddings": ("rows", _ALL),
    "num_heads": ("heads", WORK), "shape": ("values", _ALL), "groups": ("groups", _ALL),
    "hidden_size": ("hidden units", _ALL),
}  # fmt: skip
_QUIET: Final = frozenset({"eps", "momentum", "alpha", "beta", "k", "p", "dim", "size", "ceil_mode",
                           "count_include_pad", "negative_slope", "mode", "causal"})  # fmt: skip
"""Options that change no number but what comes out."""


def _weight(name: str) -> tuple[int, str]:
    return (_ORDER.index(name) if name in _ORDER else len(_ORDER), name)


def _option(name: str, before: Any, after: Any, a: Element, b: Element) -> Facet:
    if name == "connection_table":
        return _table(before, after, a, b)
    if name == "bias":
        now = "a bias" if after else "no bias"
        return Facet(f"{now} instead of {'a bias' if before else 'none'}", f"has {now}", f"have {now}")
    if name in _NAMES:
        noun, explains = _NAMES[name]
        phrase = f"{_said(after)} {_noun(noun, after)} instead of {_said(before)}"
        return Facet(phrase, f"has {phrase}", f"have {phrase}", explains)
    if name == "kernel_size":
        phrase = f"kernels of {_window(after)} instead of {_window(before)}"
        return Facet(phrase, f"has {phrase}", f"have {phrase}")
    if name in ("stride", "padding", "dilation"):
        now = f"`{after}` {name}" if isinstance(after, str) else f"a {name} of {_said(after)}"
        phrase = f"{now} instead of {f'`{before}`' if isinstance(before, str) else _said(before)}"
        return Facet(phrase, f"has {phrase}", f"have {phrase}", WORK)
    phrase = f"`{name}` {_said(after)} instead of {_said(before)}"
    return Facet(phrase, f"has {phrase}", f"have {phrase}", _NOTHING if name in _QUIET else _ALL)


def _table(before: Any, after: Any, a: Element, b: Element) -> Facet:
    full = a.inputs[0][0] * a.output[0], b.inputs[0][0] * b.output[0]
    here, there = (None if each is None else sum(map(len, each)) for each in (after, before))
    if here is None:
        return Facet(f"every map connected instead of {there} of {full[0]} pairs of maps",
                     "is fully connected", "are fully connected")  # fmt: skip
    if there is None:
        return Facet(f"{here} of {full[1]} pairs of maps connected instead of all",
                     "has a connection table", "have connection tables")  # fmt: skip
    phrase = f"{here} pairs of maps connected instead of {there}" if here != there else "another connection table"
    return Facet(phrase, f"has {phrase}", f"have {phrase}")


def _sharing(a: Element, b: Element) -> Iterator[Facet]:
    if bool(a.shares) != bool(b.shares):
        now = f"the weights of {', '.join(b.shares)}" if b.shares else "weights of its own"
        then = "weights of its own" if b.shares else f"those of {', '.join(a.shares)}"
        verb = "uses" if b.shares else "has"
        yield Facet(f"{verb} {now} instead of {then}", f"{verb} {now}", f"{'use' if b.shares else 'have'} {now}")


def _freezing(a: Element, b: Element) -> Iterator[Facet]:
    """The same values trained in the one and held fixed in the other."""
    held = [[each.count_of(quantity) for quantity in ("parameters", "fixed")] for each in (a, b)]
    if a.type != b.type or None in (*held[0], *held[1]) or sum(held[0]) != sum(held[1]):  # type: ignore[arg-type]
        return
    if held[0][0] and not held[1][0]:
        yield Facet("frozen: the same values, and none is trained", "is frozen", "are frozen", _FROZEN)
    elif held[1][0] and not held[0][0]:
        yield Facet("trained: the same values, which are frozen in the first", "is trained", "are trained", _FROZEN)


def _given(a: Element, b: Element) -> Iterator[Facet]:
    """What the shapes that come in say, where they are others."""
    for before, after in dict.fromkeys(zip(a.inputs, b.inputs, strict=False)):
        if before != after:
            yield from _shapes(before, after, bool(a.count_of("parameters")))
            return
    if len(a.inputs) != len(b.inputs):
        phrase = f"{len(b.inputs)} inputs instead of {len(a.inputs)}"
        yield Facet(phrase, f"joins {phrase}", f"join {phrase}")


def _shapes(before: Shape, after: Shape, holds: bool) -> Iterator[Facet]:
    def read(what: str, explains: frozenset[str] = _ALL, verb: tuple[str, str] = ("reads", "read")) -> Facet:
        return Facet(f"{verb[0]} {what}", f"{verb[0]} {what}", f"{verb[1]} {what}", explains, own=False)

    work = ("works on", "work on")
    if len(before) != len(after):
        if math.prod(before) != math.prod(after):
            yield read(f"{spell_shape(after)} instead of {spell_shape(before)}")
        return
    if len(before) == 1:
        yield read(f"{after[0]:,} values instead of {before[0]:,}")
    elif len(before) == 2 and not holds and before[1] != after[1]:
        yield read(f"{spell_shape(after)} instead of {spell_shape(before)}")
    elif len(before) == 2:
        if before[0] != after[0]:
            yield read(f"{after[0]:,} positions instead of {before[0]:,}", WORK, work)
        if before[1] != after[1]:
            yield read(f"{after[1]:,} features instead of {before[1]:,}")
    else:
        if before[0] != after[0]:
            yield read(f"{after[0]:,} channels instead of {before[0]:,}")
        if before[1:] != after[1:]:
            facet = read(f"{spell_shape(after[1:])} instead of {spell_shape(before[1:])}", WORK, work)
            yield facet.replace(general=_larger(before[1:], after[1:]))


def _larger(before: Shape, after: Shape) -> str:
    """How many times as large a grid is along every axis, where that is one number."""
    ratios = {Fraction(now, then) for then, now in zip(before, after, strict=True) if then}
    times = ratios.pop() if len(ratios) == 1 else None
    if times is None or len(before) != 2 or 1 not in (times.numerator, times.denominator):
        return ""
    many = {Fraction(2): "twice", Fraction(1, 2): "half"}.get(times, f"{times} times")
    return f"works on maps {many} as high and as wide"


def _noun(noun: str, value: Any) -> str:
    return noun.removesuffix("s") if value == 1 else noun


def _window(value: Any) -> str:
    sides = value if isinstance(value, (list, tuple)) else [value, value]
    return spell_shape(sides)


def _said(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float):
        return f"{value:g}"
    if isinstance(value, int):
        return f"{value:,}"
    if isinstance(value, (list, tuple)):
        return "×".join(_said(each) for each in value)
    return "none" if value is None else str(value)


def listed(names: Sequence[str]) -> str:
    """Names as a person lists them, those of copies together: ``conv3–5.0.a``.

    >>> listed(["a", "b", "c"]), listed(["h.0.attn", "h.1.attn", "h.2.attn"])
    ('a, b and c', 'h.0–2.attn')
    >>> listed(["conv3.0.a", "conv4.0.a", "conv5.0.a", "fc"]), listed(["x.0.a", "x.0.b", "x.1.a", "x.1.b"])
    ('conv3–5.0.a and fc', 'x.0–1.a and x.0–1.b')
    """
    runs = ranges(list(dict.fromkeys(names)))
    if len(runs) > _FEW:
        return f"{', '.join(runs[: _FEW - 1])} and {len(runs) - _FEW + 1:,} more"
    return runs[0] if len(runs) == 1 else f"{', '.join(runs[:-1])} and {runs[-1]}"


_FEW: Final = 6


def ranges(names: Sequence[str]) -> list[str]:
    """Names in which one number counts up, as one: ``h.0–11.attn``."""
    left = list(names)
    done: list[str] = []
    while left:
        first = left.pop(0)
        best: tuple[list[str], str] = ([], first)
        for at, number in _numbers(first):
            run, end = [], number
            while (following := f"{first[:at]}{end + 1}{first[at + len(str(number)) :]}") in left:
                run.append(following)
                end += 1
            if len(run) > len(best[0]):
                best = (run, f"{first[:at]}{number}–{end}{first[at + len(str(number)) :]}")
        for each in best[0]:
            left.remove(each)
        done.append(best[1])
    return done


def _numbers(name: str) -> Iterator[tuple[int, int]]:
    """The numbers in a name, with their places."""
    at = 0
    while at < len(name):
        if name[at].isdecimal():
            end = at
            while end < len(name) and name[end].isdecimal():
                end += 1
            yield at, int(name[at:end])
            at = end
        at += 1
