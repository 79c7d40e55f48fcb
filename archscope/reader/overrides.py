"""Changes made to a spec from outside, ``C1.padding=2``: applied before it is read, so that they are checked alike."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from itertools import islice
from typing import Any, SupportsIndex

from archscope.diagnostics import Diagnostic, Source, Span
from archscope.errors import UsageError, did_you_mean
from archscope.limits import LARGEST_NUMBER, MOST_AXES
from archscope.options import spell
from archscope.reader.inputs import is_one
from archscope.reader.report import Report
from archscope.source import Invalid, List, Scalar, Tree, parse
from archscope.source import Mapping as MappingTree

Changes = dict[str, dict[str, tuple[Scalar, Tree]]]
"""Changed options by layer, those of layers inside of blocks."""


def apply_changes(body: MappingTree, changes: Mapping[str, Any] | Sequence[str], report: Report) -> Changes:
    """Write changed options into the tree of a spec; those inside of blocks are returned.

    Raises:
        UsageError: a change is not written ``layer.option=value``.
    """
    if isinstance(changes, str):
        changes = [changes]
    inner: Changes = {}
    if isinstance(changes, Mapping):
        for key, value in changes.items():
            if not isinstance(key, str):
                raise UsageError(f'{spell(key)} names no option; write "layer.option", such as "C1.padding"')
            source = Source("changes", f"{key}={spell(value)}")
            _apply(body, key, _planted(value, _whole(source)), source, inner, report)
        return inner
    for text in changes if isinstance(changes, Sequence) else [changes]:
        if not isinstance(text, str):
            raise UsageError(f'{spell(text)} is no change; write "layer.option=value", such as "C1.padding=2"')
        key, sign, value = text.partition("=")
        if not sign or not value.strip():
            raise UsageError(f"`{text}` is no change; write layer.option=value, such as C1.padding=2")
        source = Source("--set", text)
        _apply(body, key.strip(), _parsed(source, len(key) + 1), source, inner, report)
    return inner


def apply_input(
    body: MappingTree, shape: Sequence[int] | str | Mapping[str, Sequence[int] | str] | None, report: Report
) -> None:
    """Write another input shape into the tree of a spec; of several inputs, those that are named.

    Raises:
        UsageError: it is no shape, or the spec has no input of that name.
    """
    if shape is None:
        return
    old = body.get("input")
    several = isinstance(old, MappingTree) and not is_one(old)
    names = (list(old.entries) if isinstance(old, MappingTree) and several else []) or ["input"]
    named: Mapping[str, Sequence[int] | str] = shape if isinstance(shape, Mapping) else {names[0]: shape}
    if len(names) > 1 and not isinstance(shape, Mapping):
        listed = ", ".join(f"`{name}`" for name in names)
        raise UsageError(f"the network has {len(names)} inputs, {listed}; name the one that is meant: "
                         f"--input {names[0]}={_joined(shape)}")  # fmt: skip
    report.replaced += [] if old is None else [old]
    for name, extents in named.items():
        if name not in names:
            raise UsageError(f"the network has no input `{name}`; {did_you_mean(name, names, what='inputs')}")
        written = _shape(extents, report)
        if isinstance(old, MappingTree) and several:
            old.entries[name] = (Scalar(name, written.span), _of_that_shape(old.get(name), written))
        else:
            body.entries["input"] = (Scalar("input", written.span), _of_that_shape(old, written))


def _of_that_shape(old: Tree | None, written: List) -> Tree:
    """An input with another shape; what else it says of itself stays."""
    if not isinstance(old, MappingTree):
        return written
    return MappingTree(written.span, {**old.entries, "shape": (Scalar("shape", written.span), written)})


def _shape(shape: Sequence[int] | str, report: Report) -> List:
    """A shape from outside as the tree that a spec would have for it."""
    text = _joined(shape)
    source = Source("--input", text.strip("[]() "))
    try:
        tree, early = parse(Source("--input", f"[{source.text}]"))
    except Invalid:
        raise UsageError(f"`{text}` is no shape; write its extents, such as 1,28,28") from None
    report.diagnostics.extend(early)
    extents = tree.items if isinstance(tree, List) else [tree]
    items: list[Tree] = [Scalar(item.value if isinstance(item, Scalar) else None, _whole(source)) for item in extents]
    return List(_whole(source), items)


def _joined(shape: Any) -> str:
    """Extents as a person writes them; what is no shape is refused with those words."""
    if isinstance(shape, str):
        return shape
    if not isinstance(shape, Iterable) or isinstance(shape, (bytes, Mapping)):
        raise UsageError(f"{spell(shape)} is no shape; give its extents, such as (1, 28, 28)")
    extents = list(islice(shape, MOST_AXES + 1))
    for each in extents:
        if not isinstance(each, SupportsIndex) or isinstance(each, bool) or abs(int(each)) > LARGEST_NUMBER:
            raise UsageError(f"{spell(each)} is no extent of a shape; give whole numbers, such as (1, 28, 28)")
    return ",".join(str(int(each)) for each in extents)


def _apply(body: MappingTree, key: str, value: Tree, source: Source, inner: Changes, report: Report) -> None:
    name, dot, option = key.rpartition(".")
    if not dot or not option:
        raise UsageError(f"`{key}` names no option; write layer.option=value, such as C1.padding=2")
    layers = body.get("layers")
    if not isinstance(layers, MappingTree):
        return
    layer = layers.get(name)
    written = Scalar(option, Span(source, 0, len(name) + 1, 0, len(key)))
    let = body.get("let")
    if name == "let" and isinstance(let, MappingTree):
        body.entries["let"] = (body.entries["let"][0], MappingTree(let.span, {**let.entries, option: (written, value)}))
    elif layer is None and name.partition(".")[0] in layers.entries:
        inner.setdefault(name, {})[option] = (written, value)
    elif layer is None:
        span = Span(source, 0, 0, 0, len(name))
        report.add(
            "unknown-layer",
            f"there is no layer `{name}` to change",
            span,
            help=partial(did_you_mean, name, layers.entries, what="layers"),
        )
    elif isinstance(layer, MappingTree):
        if option in layer.entries:
            report.replaced.append(layer.entries[option][1])
        changed = MappingTree(layer.span, {**layer.entries, option: (written, value)})
        layers.entries[name] = (layers.entries[name][0], changed)


def _parsed(source: Source, offset: int) -> Tree:
    """The value after the sign, as YAML, with its place in the whole text."""
    blank = " " * offset + source.text[offset:]
    try:
        tree, early = parse(Source(source.name, blank))
    except Invalid as invalid:
        raise Invalid(_moved(invalid.diagnostic, source)) from None
    if early:
        raise Invalid(_moved(early[0], source))
    return _planted_tree(tree, source)


def _moved(diagnostic: Diagnostic, source: Source) -> Diagnostic:
    span = diagnostic.span
    moved = None if span is None else Span(source, span.line, span.column, span.end_line, span.end_column)
    return Diagnostic(diagnostic.name, diagnostic.message, moved, help=diagnostic.help)


def _planted_tree(tree: Tree, source: Source) -> Tree:
    span = Span(source, tree.span.line, tree.span.column, tree.span.end_line, tree.span.end_column)
    if isinstance(tree, Scalar):
        return Scalar(tree.value, span)
    if isinstance(tree, List):
        return List(span, [_planted_tree(item, source) for item in tree.items])
    entries = {key: (Scalar(key, span), _planted_tree(value, source)) for key, (_, value) in tree.entries.items()}
    return MappingTree(span, entries)


def _planted(value: Any, span: Span) -> Tree:
    """A Python value as a tree."""
    if isinstance(value, Mapping):
        return MappingTree(
            span, {str(key): (Scalar(str(key), span), _planted(each, span)) for key, each in value.items()}
        )
    if isinstance(value, (list, tuple)):
        return List(span, [_planted(each, span) for each in value])
    return Scalar(value, span)


def _whole(source: Source) -> Span:
    return Span(source, 0, 0, 0, len(source.text))
