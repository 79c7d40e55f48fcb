"""Everything archscope raises on purpose.

::

    ArchscopeError                 its text is a complete message for the person who runs the program
    ├── Rejects                    a layer will not take an option's value or an input's shape
    ├── SpecError                  a spec has mistakes; carries every `Diagnostic`
    ├── NotFound                   no spec, layer, column or format of that name
    ├── UsageError                 the request itself is wrong: a width, a file, an argument
    └── MissingExtra               an optional package or a device is not there (exit code 3)

`ArchscopeError.exit_code` is what the command line ends with.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from archscope.limits import (
    LONGEST_MESSAGE,
    LONGEST_NAME_COMPARED,
    LONGEST_NAME_LIST,
    LONGEST_WORD,
    MOST_NAMES_COMPARED,
)

if TYPE_CHECKING:
    from archscope.diagnostics import Diagnostic


_LONG_WORD = re.compile(rf"\S{{{LONGEST_WORD + 1},}}")


class ArchscopeError(Exception):
    """Base of all deliberate errors; its message is `readable`, whatever it quotes."""

    exit_code = 2

    def __init__(self, message: str = "") -> None:
        super().__init__(readable(message))


def readable(message: str) -> str:
    """A message short enough to read: of a very long word, as an argument can be, the middle is left out.

    >>> message = readable(f"no spec is called `{'x' * 10**6}`; specs: lenet5")
    >>> len(message), message[-20:]
    (332, 'xxxx`; specs: lenet5')
    """
    short = _LONG_WORD.sub(lambda word: f"{word[0][: LONGEST_WORD // 2]}…{word[0][-LONGEST_WORD // 2 + 1 :]}", message)
    held = short.encode(errors="surrogatepass")
    if len(held) <= LONGEST_MESSAGE:
        return short
    return held[: LONGEST_MESSAGE - len("…".encode())].decode(errors="ignore") + "…"


class Rejects(ArchscopeError):
    """A layer will not take an option's value or an input's shape.

    Args:
        message: one sentence with the values in it, without the layer's name.
        option: the option to blame, if one is.
        input: the position of the input whose shape is to blame, if one is.
        help: what to write instead; if that has to be searched for, how to find it.
        path: where inside the option's value, such as ``(2, 0)`` for an element of a list of lists.
    """

    def __init__(
        self,
        message: str,
        *,
        option: str | None = None,
        input: int | None = None,
        help: str | Callable[[], str] | None = None,
        path: tuple[int | str, ...] = (),
    ) -> None:
        super().__init__(message)
        self.message = message
        self.option = option
        self.input = input
        self.remedy = help
        self.path = path

    @property
    def help(self) -> str | None:
        """What to write instead; searched for when it is asked for, as it is of the mistakes that are shown."""
        return self.remedy() if callable(self.remedy) else self.remedy

    def __str__(self) -> str:
        return self.message if self.help is None else f"{self.message}; {self.help}"


class SpecError(ArchscopeError):
    """A spec has mistakes; `diagnostics` holds every one of them, in the order of the file."""

    def __init__(self, diagnostics: Sequence[Diagnostic]) -> None:
        from archscope.diagnostics import spell_all  # it stands above, and only a mistake needs it

        super().__init__(spell_all(diagnostics))
        self.diagnostics = tuple(diagnostics)


class NotFound(ArchscopeError):
    """No such spec, layer, column or format; the message offers the nearest names."""


class UsageError(ArchscopeError):
    """The request cannot be carried out as it was made."""


class MissingExtra(ArchscopeError):
    """An optional package or a device is not on this machine.

    >>> str(MissingExtra("verify", "PyTorch", "torch"))
    "verify needs PyTorch: pip install 'archscope[torch]'"
    """

    exit_code = 3

    def __init__(self, task: str, package: str, extra: str | None = None) -> None:
        remedy = "" if extra is None else f": pip install 'archscope[{extra}]'"
        super().__init__(f"{task} needs {package}{remedy}")


def nearest(name: str, names: Iterable[str], *, at_least: float = 0.6) -> str | None:
    """The known name a person most likely meant, if one is near: ``at_least`` says how near, up to 1.

    >>> nearest("kernel_sise", ["stride", "kernel_size"])
    'kernel_size'
    >>> nearest("zzz", ["stride"])
    """
    if len(name) > LONGEST_NAME_COMPARED:
        return None
    known = list(names)
    folded = {candidate.casefold().replace("-", "_"): candidate for candidate in known}
    key = name.casefold().replace("-", "_")
    if key in folded:
        return folded[key]
    import difflib  # a name that is right, as most are, needs no search
    from heapq import nlargest

    candidates = list(folded)
    if len(candidates) > MOST_NAMES_COMPARED:
        alike = (each for each in candidates if each[:2] == key[:2] and abs(len(each) - len(key)) <= 2)
        candidates = nlargest(MOST_NAMES_COMPARED, alike, key=lambda each: _in_common(each, key))
    close = difflib.get_close_matches(key, candidates, n=1, cutoff=at_least)
    return folded[close[0]] if close else None


def _in_common(one: str, other: str) -> int:
    """How many letters two words begin with alike."""
    return next((place for place, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), len(other))


def did_you_mean(name: str, names: Iterable[str], *, what: str) -> str:
    """The remedy for an unknown name: the near one, or all there are.

    >>> did_you_mean("conv2", ["conv2d", "linear"], what="layer types")
    'did you mean `conv2d`?'
    >>> did_you_mean("xyz", ["conv2d", "linear"], what="layer types")
    'layer types: conv2d, linear'
    >>> did_you_mean("xyz", [], what="options")
    'there are no options'
    """
    known = list(names)
    if not known:
        return f"there are no {what}"
    near = nearest(name, known)
    if near is not None:
        return f"did you mean `{near}`?"
    return f"{what}: {listed(known)}"


def listed(names: Sequence[str]) -> str:
    """The names there are, as many as a message has room for.

    >>> listed(["vgg@A", "vgg@B"]), listed([f"l{place}" for place in range(1000)])[-16:]
    ('vgg@A, vgg@B', 'l81 and 918 more')
    """
    shown, room = [], LONGEST_NAME_LIST
    for each in names:
        room -= len(each) + 2
        if room < 0:
            break
        shown.append(each)
    left = len(names) - len(shown)
    if not shown:
        return f"{left:,}, whose names are too long to list"
    return ", ".join(shown) + (f" and {left:,} more" if left else "")


_AN = ("lrn", "lstm", "rbf", "LRN", "LN", "RBF", "RMS")


def one(noun: str) -> str:
    """A noun with its article.

    >>> one("avg_pool2d"), one("lstm"), one("linear")
    ('an avg_pool2d', 'an lstm', 'a linear')
    """
    return f"an {noun}" if noun[0] in "aeiou" or noun.startswith(_AN) else f"a {noun}"


def require_torch(task: str) -> None:
    """Insist on PyTorch, without importing it.

    Raises:
        MissingExtra: it is not installed.
    """
    import importlib.util

    if importlib.util.find_spec("torch") is None:
        raise MissingExtra(task, "PyTorch", "torch")
    try:
        Path.cwd()
    except OSError:  # its mathematics would end the whole process
        message = f"{task} needs PyTorch, which needs the folder that this runs in, and that is gone; change to another"
        raise UsageError(message) from None
