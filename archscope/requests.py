"""What a person asks for by a name on a command line: a network, and all that was said about it."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final, SupportsIndex

from archscope.errors import UsageError
from archscope.files import is_there
from archscope.importing.kinds import Kind, kind_of
from archscope.options import spell
from archscope.reader.revisions import revision_of
from archscope.reader.variants import split
from archscope.record import Record

_FACTORY: Final = re.compile(r"(?P<factory>[A-Za-z_][\w.]*:[A-Za-z_][\w.]*)(?:@(?P<shapes>.*))?")

Input = Sequence[int] | str | Sequence[str] | None
"""An input's shape, ``(1, 28, 28)`` or ``"1,28,28"``; or what ``--input`` was given, each time it was."""


class Request(Record):
    """What a person asks for: a network by name, and all that was said about it.

    Attributes:
        spec: a spec by name or path, ``package.module:factory``, or the path of an exported program.
        changes: options of a spec to change first, as in `archscope.load`.
        inputs: what ``--input`` was given, each time it was.
        example: ``package.module:function`` that returns what to call a module with.
        options: arguments of the factory, ``depth=18``.
        batch: samples that run at once; None where nobody said.
        strict: whether the warnings about a spec are mistakes.
    """

    spec: str
    changes: Mapping[str, Any] | Sequence[str] = ()
    inputs: tuple[str, ...] = ()
    example: str | None = None
    options: str | None = None
    batch: int | None = None
    strict: bool = False

    @property
    def factory(self) -> str | None:
        """The factory that is named, without the shapes that may stand behind it; None for a file or a spec."""
        if is_there(self.spec) or revision_of(split(self.spec)[0]) is not None:
            return None
        named = _FACTORY.fullmatch(self.spec)
        return None if named is None else named["factory"]

    @property
    def behind(self) -> str:
        """The shapes that stand behind the factory's name; empty if none do."""
        named = _FACTORY.fullmatch(self.spec)
        return "" if named is None else named["shapes"] or ""

    @property
    def of_module(self) -> bool:
        """Whether it is a module, or a program, and no spec."""
        return self.factory is not None or kind_of(self.spec) in (Kind.PYTORCH, Kind.HUGGING_FACE)

    @property
    def of_file(self) -> bool:
        """Whether it is a file that another tool has written, and that needs no PyTorch."""
        return kind_of(self.spec) not in (None, Kind.PYTORCH, Kind.HUGGING_FACE)

    def document(self) -> str:
        """The form in which another process is told, JSON; `Request.read` of it is this one again."""
        import json

        return json.dumps({name: getattr(self, name) for name in ("spec", "inputs", "example", "options", "batch")})

    @classmethod
    def read(cls, document: str) -> Request:
        """A request from its document."""
        import json

        stated = json.loads(document)
        return cls(**{**stated, "inputs": tuple(stated["inputs"])})


def request_for(spec: str | os.PathLike[str], *, input: Any = None, kwargs: str | None = None, **said: Any) -> Request:
    """What `open_network` is asked for, as one value; it takes the same arguments."""
    return Request(os.fspath(spec), inputs=_texts(input), options=kwargs, **said)


def _texts(input: Any) -> tuple[str, ...]:
    """What was said of inputs, in the words of a command line."""
    if input is None or isinstance(input, str):
        return (input,) if input else ()
    if not isinstance(input, Iterable) or isinstance(input, (bytes, Mapping)):
        raise UsageError(f"{spell(input)} is no shape; give its extents, such as (1, 28, 28)")
    parts = list(input)
    if any(isinstance(each, str) for each in parts):
        return tuple(map(str, parts))
    for each in parts:
        if not isinstance(each, SupportsIndex) or isinstance(each, bool):
            raise UsageError(f"{spell(each)} is no extent of a shape; give whole numbers, such as (1, 28, 28)")
    return (",".join(str(int(each)) for each in parts),)
