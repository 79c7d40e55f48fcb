"""A spec → `Network`, with every mistake in it reported at once.

>>> load("lenet5").title
'LeNet-5'
>>> read('''
... input: [1, 8, 8]
... layers:
...   conv: {type: conv2d, out_channels: 2, kernel_size: 3}
... ''').facts["conv"].parameters
20
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from archscope import limits
from archscope.diagnostics import Diagnostic, Source, Span
from archscope.errors import NotFound, SpecError
from archscope.network import Network
from archscope.patience import without_collector
from archscope.reader.document import KEYS, read_document
from archscope.reader.doubts import as_mistakes
from archscope.reader.families import check_others
from archscope.reader.library import (
    find,
    index_file,
    near_spec,
    read_bytes,
    read_standard_input,
    spec_names,
    specs_folder,
)
from archscope.reader.overrides import apply_changes, apply_input
from archscope.reader.report import Report
from archscope.reader.revisions import read_revision, revision_of
from archscope.reader.variants import SIGN, apply_variant, named_alike, split, variants_in
from archscope.record import Record
from archscope.source import Invalid, parse, to_data
from archscope.source import Mapping as MappingTree

__all__ = ["find", "index_file", "load", "near_spec", "read", "spec_names", "specs_folder"]

InputShape = Sequence[int] | str | Mapping[str, Sequence[int] | str]
"""The shape of a network's input, or the shapes of those that are named."""


def load(
    spec: str | os.PathLike[str],
    *,
    changes: Mapping[str, Any] | Sequence[str] = (),
    input: InputShape | None = None,
    strict: bool = False,
) -> Network:
    """Read a spec: one that ships with archscope by name, or any by path.

    Args:
        spec: ``"lenet5"``, the path of a YAML file, or either with a variant: ``"resnet@50"``; ``"-"`` reads the
            standard input; ``"HEAD~1:specs/net.yaml"`` a file as git has it at a revision.
        changes: options to change first, ``{"C1.padding": 2}`` or ``["C1.padding=2"]``.
        input: another input shape, ``(1, 28, 28)`` or ``"1,28,28"``; of several inputs, those by name.
        strict: whether warnings are mistakes. Else they are the network's ``doubts``.

    Raises:
        NotFound: there is no such spec.
        SpecError: it has mistakes; carries every one of them.
        UsageError: the file cannot be read, or a change is not written ``layer.option=value``.

    >>> load("lenet5", changes={"C1.padding": 2}, input=(1, 28, 28)).facts["C1"].output
    (6, 28, 28)
    """
    text, variant = split(spec)
    if spec == "-":
        return read(
            _decode(read_standard_input(), "<stdin>"), name="stdin", changes=changes, input=input, strict=strict
        )
    revision = revision_of(text)
    if revision is not None:
        at = Source(text, _decode(read_revision(revision), text))
        return _read(at, _Request(Path(revision.path).stem, text, variant, None, changes, input, strict))
    path = find(text if isinstance(spec, str) else Path(text))
    source = Source(_shown(path), _decode(read_bytes(path), _shown(path)))
    if not path.is_file():  # a pipe, which cannot be read a second time
        return _read(source, _Request("network", text, variant, None, changes, input, strict))
    whole = str(path) if variant is None else f"{path}{SIGN}{variant}"
    return _read(source, _Request(path.stem, text, variant, whole, changes, input, strict))


def read(
    text: str,
    *,
    name: str = "network",
    variant: str | None = None,
    changes: Mapping[str, Any] | Sequence[str] = (),
    input: InputShape | None = None,
    strict: bool = False,
) -> Network:
    """Read a spec from a string, or one of its variants; as `load` otherwise.

    Raises:
        SpecError: it has mistakes.

    >>> network = read("input: {x: [8], y: [8]}\\nlayers: {a: {type: relu, from: x}}")
    >>> [(doubt.name, str(doubt.span)) for doubt in network.doubts]
    [('unread-input', '<network>:1:20')]
    """
    return _read(Source(f"<{name}>", text), _Request(name, name, variant, None, changes, input, strict))


class _Request(Record):
    """What is asked for: which variant, with which changes; ``called`` is what the person called the spec."""

    name: str
    called: str
    variant: str | None
    path: str | None
    changes: Mapping[str, Any] | Sequence[str]
    input: InputShape | None
    strict: bool


def _shown(path: os.PathLike[str]) -> str:
    """A path as a person would name it: relative to where they are, if it is below."""
    try:
        absolute, here = Path(path).absolute(), Path.cwd()
    except OSError:  # the working folder is gone
        return os.fspath(path)
    return str(absolute.relative_to(here)) if absolute.is_relative_to(here) else os.fspath(path)


def _decode(content: bytes, name: str) -> str:
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        good = content[: error.start].decode("utf-8-sig", "replace")
        source = Source(name, good + "�")
        line = len(source.lines) - 1
        column = len(source.lines[line]) - 1
        message = f"byte {error.start} (0x{content[error.start]:02X}) is not UTF-8"
        span = Span(source, line, column, line, column + 1)
        raise SpecError([Diagnostic("not-utf8", message, span, help="save the file as UTF-8")]) from None


def _read(source: Source, request: _Request) -> Network:
    with without_collector():
        report = Report()
        try:
            network = _network(source, request, report)
        except NotFound:  # a family without a variant
            if request.variant is None:
                _check_family(source, request)
            raise
    if network is None:
        raise SpecError(report.in_order())
    if request.strict and network.doubts:
        raise SpecError(as_mistakes(network.doubts))
    return network


class _Again(Record):
    """Reads a spec again, with changes beside those that were asked for; can be sent to another process."""

    source: Source
    request: _Request

    def __call__(self, changes: Mapping[str, Any]) -> Network:
        before = self.request.changes
        more = {**before, **changes} if isinstance(before, Mapping) else [
            *before, *(f"{name}={value}" for name, value in changes.items())]  # fmt: skip
        return _read(self.source, self.request.replace(changes=more, strict=False))


def _lets(body: MappingTree) -> dict[str, int]:
    """The names of ``let`` that stand for whole numbers, and for which."""
    return {name: value for name, value in _entries(body, "let").items()
            if isinstance(value, int) and not isinstance(value, bool) and value > 0}  # fmt: skip


def _of_blocks(body: MappingTree) -> dict[str, int]:
    """Whole numbers that its layers give to blocks, ``conv1.c``: as stated, or as the block has them."""
    layers, blocks, let = (_entries(body, part) for part in ("layers", "blocks", "let"))
    found: dict[str, int] = {}
    for name, layer in layers.items():
        type_ = str(layer.get("type")) if isinstance(layer, Mapping) else ""
        block = blocks.get(str(let.get(type_[1:])) if type_.startswith("$") else type_)
        options = block.get("options") if isinstance(block, Mapping) else None
        for option, usual in options.items() if isinstance(options, Mapping) else ():
            value = layer.get(option, usual)
            if isinstance(value, int) and not isinstance(value, bool) and value > 0:
                found[f"{name}.{option}"] = value
    return found


def _entries(body: MappingTree, part: str) -> Mapping[Any, Any]:
    tree = body.get(part)
    entries = None if tree is None else to_data(tree)
    return entries if isinstance(entries, Mapping) else {}


def _check_family(source: Source, request: _Request) -> None:
    """Read the variants of a spec: every one, but of a file so long that reading it again and again takes a while.

    Raises:
        SpecError: some have mistakes; carries each of them once.
    """
    found: dict[tuple[str, str, str], Diagnostic] = {}
    try:
        tree = parse(source)[0]
    except Invalid:
        return
    variants = variants_in(tree)
    left = limits.MOST_LINES_READ_AGAIN
    reports = []
    for variant in variants[: 1 + limits.MOST_READ_AGAIN // (1 + len(source.text))]:
        if left < 0:
            break
        reports.append(Report())
        _network(source, request.replace(variant=variant), reports[-1], beside=False)
        left -= reports[-1].lines
    if len(reports) < len(variants) and isinstance(tree, MappingTree):  # the others are looked at without being read
        reports.append(Report())
        check_others(tree, variants[0], reports[-1])
    for report in reports:
        for each in report.in_order():
            found.setdefault((each.name, each.message, str(each.span)), each)
    if found:
        raise SpecError([*found.values()])


def _member(request: _Request, names: Sequence[str]) -> _Request:
    """The same for the member of a family that is meant, whether its letters are large or small."""
    if request.variant is None:
        return request
    variant = named_alike(request.variant, names)
    path = None if request.path is None else request.path.removesuffix(request.variant) + variant
    return request.replace(variant=variant, path=path)


def _network(source: Source, request: _Request, report: Report, *, beside: bool = True) -> Network | None:
    """The network that is asked for; the other members of its family are looked at ``beside`` it."""
    try:
        tree, early = parse(source)
        report.take(early)
        body = report.mapping(tree, "a spec", Span(source, 0, 0, 0, 0), "begin with `input:` and `layers:`")
        if body is None:
            return None
        request = _member(request, variants_in(body))
        if request.variant is not None and beside:
            check_others(body, request.variant, report)
        apply_variant(body, request.variant, request.called, KEYS, report)
        inner = apply_changes(body, request.changes, report)
        apply_input(body, request.input, report)
        network = read_document(body, request.name, request.variant, request.path, inner, report)
        lets, of_blocks = ({}, {}) if network is None else (_lets(body), _of_blocks(body))
        if network is None or not (lets or of_blocks):
            return network
        return network.replace(lets=lets, of_blocks=of_blocks, reread=_Again(source, request))
    except Invalid as invalid:
        report.diagnostics = [invalid.diagnostic]
        return None
