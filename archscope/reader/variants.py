"""Families in one file: ``variants:`` says what each member changes, and ``vgg@D`` names one.

A variant is a piece of a spec that is laid over the rest of it: names of ``let:``, blocks, sources and layers one by
one, the options of a layer one by one, figures beside the others; what else it says takes the place of what is there.
"""

from __future__ import annotations

import os
from collections.abc import Collection
from pathlib import Path
from typing import Final

from archscope.errors import NotFound, did_you_mean, listed
from archscope.options import spell
from archscope.reader.report import Report
from archscope.source import Invalid, List, Mapping, Scalar, Tree, to_data

SIGN: Final = "@"

_BY_NAME: Final = ("let", "blocks", "sources", "init", "titles")
"""What is laid over name by name."""


def split(spec: str | os.PathLike[str]) -> tuple[str, str | None]:
    """The file a person means and the variant in it.

    >>> split("vgg@D"), split("lenet5")
    (('vgg', 'D'), ('lenet5', None))
    """
    text = os.fspath(spec)
    head, sign, variant = text.rpartition(SIGN)
    if not sign or not head or os.sep in variant or Path(text).is_file():
        return text, None
    return head, variant


def variants_in(tree: Tree) -> list[str]:
    """The names of the variants of a spec, in the order written."""
    variants = tree.get("variants") if isinstance(tree, Mapping) else None
    return list(variants.entries) if isinstance(variants, Mapping) else []


def named_alike(name: str, names: Collection[str]) -> str:
    """The name that is meant: the one of the same letters, large or small, if there is no other.

    >>> named_alike("XL", ["small", "xl"]), named_alike("a", ["A", "a"]), named_alike("b", ["B", "B1"])
    ('xl', 'a', 'B')
    """
    alike = [each for each in names if each.casefold() == name.casefold()]
    return alike[0] if name not in names and len(alike) == 1 else name


def apply_variant(body: Mapping, variant: str | None, name: str, known: Collection[str], report: Report) -> None:
    """Lay a variant over the tree of its spec, whose keys are ``known``.

    Raises:
        NotFound: there is no such variant, or there are some and none is named.
    """
    names = variants_in(body)
    tree = body.get("variants")
    if tree is not None and not (isinstance(tree, Scalar) and tree.value is None):
        report.mapping(tree, "`variants`", body.key_span("variants"), "write `variants: {D: {let: {d: 768}}}`")
    if variant is None:
        if names:
            members = listed([f"{name}{SIGN}{each}" for each in names])
            raise NotFound(f"{name} is a family of networks; name one of {members}")
        return
    if not names:
        raise NotFound(f"{name} has no variants, so there is no `{name}{SIGN}{variant}`")
    if variant not in names:
        known = [f"{name}{SIGN}{each}" for each in names]
        raise NotFound(
            f"{name} has no variant `{variant}`; {did_you_mean(f'{name}{SIGN}{variant}', known, what='variants')}"
        )
    chosen = tree.get(variant) if isinstance(tree, Mapping) else None
    if isinstance(chosen, Scalar) and chosen.value is None:
        return
    over = report.mapping(chosen, f"the variant `{variant}`", body.key_span("variants"), "write `D: {let: {d: 768}}`")
    if over is not None:
        _lay_over(body, over, variant, known, report)


def _lay_over(body: Mapping, over: Mapping, variant: str, known: Collection[str], report: Report) -> None:
    for key, (written, value) in over.entries.items():
        if key in ("variants", "name"):
            report.add(
                "unknown-key",
                f"the variant `{variant}`: `{key}` belongs to the whole file",
                written.span,
                help="a variant says what it changes: `title`, `let`, `layers` and so on",
            )
            continue
        if key not in known and not key.startswith("x-"):
            report.add(
                "unknown-key",
                f"the variant `{variant}`: unknown key `{key}`",
                written.span,
                help=remedy_of_key(key, value, known),
            )
            continue
        old = body.entries.get(key)
        body.entries[key] = (written if old is None else old[0], _laid(key, None if old is None else old[1], value))


def remedy_of_key(key: str, value: Tree, known: Collection[str]) -> str:
    """What to write for a key that a variant cannot have: it may be a name, and its value."""
    near = did_you_mean(key, known, what="keys")
    plain = isinstance(value, Scalar) and key.isidentifier() and not near.startswith("did you mean")
    return f"a variant says what names are in `let`: write `let: {{{key}: {spell(to_data(value))}}}`" if plain else near


def _laid(key: str, old: Tree | None, new: Tree) -> Tree:
    if isinstance(old, Mapping) and isinstance(new, Mapping) and key in _BY_NAME:
        return Mapping(old.span, {**old.entries, **new.entries})
    if isinstance(old, Mapping) and isinstance(new, Mapping) and key == "layers":
        return _layers(old, new)
    if isinstance(old, List) and isinstance(new, List) and key == "published":
        return List(new.span, [*old.items, *new.items])
    return new


def _layers(old: Mapping, new: Mapping) -> Mapping:
    """Lines over lines: options one by one; a line of nothing takes a layer away."""
    lines = dict(old.entries)
    for name, (written, line) in new.entries.items():
        before = lines.get(name)
        if before is not None and isinstance(line, Scalar) and line.value is None:
            del lines[name]
        elif before is not None and isinstance(before[1], Mapping) and isinstance(line, Mapping):
            lines[name] = (before[0], Mapping(before[1].span, {**before[1].entries, **line.entries}))
        else:
            lines[name] = (written, line)
    return Mapping(old.span, lines)


def variants_of(path: Path) -> list[str]:
    """The names of the variants in a file, ``[]`` for one that has none or cannot be read."""
    from archscope.diagnostics import Source
    from archscope.source import parse

    try:
        text = path.read_text(encoding="utf-8-sig")
        if "variants:" not in text:  # parsing every file of a folder would take a while
            return []
        return variants_in(parse(Source(path.name, text))[0])
    except (OSError, UnicodeDecodeError, Invalid):
        return []
