"""The ``published:`` entries of a spec → `Published`: who printed which figure, and why it does not hold."""

from __future__ import annotations

from collections.abc import Mapping, Set
from functools import partial
from typing import Any, Final

from archscope.errors import Rejects, did_you_mean
from archscope.network import COUNTS, QUANTITIES, Published
from archscope.options import Kind, Option, choice, described, flag, option, shape, spell, text
from archscope.printed import read_printed
from archscope.reader.entries import Entry
from archscope.reader.report import FAILED, Report
from archscope.source import List, Scalar, Tree, to_data
from archscope.source import Mapping as MappingTree

TOTALS: Final = (*COUNTS, "output", "input")
"""Quantities that a whole network has."""


def _value(value: Any) -> Any:
    """A shape, or a number in the notation of whoever printed it."""
    if isinstance(value, str):
        return read_printed(value)
    if isinstance(value, bool) or not isinstance(value, (int, float, list, tuple)):
        raise Rejects(f"expected a number or a shape, got {spell(value)}")
    if isinstance(value, (list, tuple)):
        return tuple(shape.parse(value))
    if value < 0:
        raise Rejects(f"expected a number or a shape, got {spell(value)}")
    return value


def _kilo(value: Any) -> int:
    if value not in (1000, 1024) or isinstance(value, bool):
        raise Rejects(f"expected 1000 or 1024, got {spell(value)}")
    return int(value)


FIGURE: Final[Mapping[str, Option]] = {
    "source": option(text, doc="Short name of the source, a key of `sources`."),
    "layer": option(text, default=None, doc="The layer it is about; the whole network if left out or `total`."),
    "quantity": option(choice(*QUANTITIES), default=None, doc="What it is a figure of."),
    "value": option(
        Kind(
            "a number or a shape",
            _value,
            {"anyOf": [{"type": "number", "minimum": 0}, {"type": "string"}, shape.schema]},
        ),
        default=None,
        doc='What was printed, as it was: `138000000`, `"138M"`, `87e6`, `"about 70,000"`, `">25M"`, or a shape.',
    ),
    "kilo": option(
        Kind("1000 or 1024", _kilo, {"enum": [1000, 1024]}),
        default=1000,
        doc="What the source takes K for; M and G are its powers.",
    ),
    "claim": option(text, default=None, doc="The words of a claim that is no quantity of archscope's."),
    "where": option(text, default=None, doc="The place in the source."),
    "why": option(text, default=None, doc="Why it does not hold."),
    "note": option(text, default=None, doc="A remark on a figure that does hold."),
    "seen": option(flag, default=True, doc="Whether it was seen in its source; false for one at second hand."),
    "set": option(
        described("a mapping of values"), default=None, doc="Options it is stated for, such as `{C1.padding: 2}`."
    ),
    "input": option(shape, default=None, doc="The input shape it is stated for, if that is another."),
}
"""What an entry of ``published:`` can say."""


def read_figures(
    tree: Tree | None,
    entries: Mapping[str, Entry],
    groups: Set[str],
    sources: Mapping[str, str] | None,
    report: Report,
) -> tuple[Published, ...]:
    """Read all published figures; an entry with a mistake is left out."""
    if tree is None:
        return ()
    if not isinstance(tree, List):
        report.add(
            "wrong-value",
            f"`published` must be a list, got {spell(to_data(tree))}",
            tree.span,
            help="write `- {layer: C1, quantity: parameters, value: 156, source: lecun1998}`",
        )
        return ()
    known = {*entries, *groups}
    read = (_read_figure(each, entries, groups, known, sources, report) for each in tree.items)
    return tuple(figure for figure in read if figure is not None)


def _read_figure(
    tree: Tree,
    entries: Mapping[str, Entry],
    groups: Set[str],
    known: Set[str],
    sources: Mapping[str, str] | None,
    report: Report,
) -> Published | None:
    body = report.mapping(tree, "a `published` entry", tree.span, "write `{quantity: …, value: …, source: …}`")
    if body is None:
        return None
    before = len(report.diagnostics)
    keys = [key for key in body.entries if key != "set"]
    values = report.options(FIGURE, body, keys, "`published`", body.span)
    changes = _read_changes(body, entries, groups, report)
    if values is None:  # what is wrong with one of its values says nothing of the others
        values = {key: value for key in ("layer", "source") if isinstance(value := _text(body, key), str)}
        _check_layer(None if values.get("layer") == "total" else values.get("layer"), body, known, report)
        _check_source(values.get("source", ""), body, sources, report)
        return None
    layer = None if values.get("layer") == "total" else values.get("layer")
    _check_layer(layer, body, known, report)
    _check_source(values["source"], body, sources, report)
    _check_kind(values, layer, body, report)
    if len(report.diagnostics) > before:
        return None
    stated: dict[str, Any] = {key: value for key, value in values.items() if key not in ("layer", "kilo")}
    number = body.get("value")
    printed = None if number is None else _printed(number, values.get("kilo", 1000), report)
    if printed is FAILED:
        return None
    if printed is not None:
        stated["value"] = printed.value
    return Published(
        **{"quantity": None, "value": None, **stated}, layer=layer, changes=changes, printed=printed, span=body.span
    )


def _printed(tree: Tree, kilo: int, report: Report) -> Any:
    """A number in its own notation; None for a shape, and for a whole number that is written out."""
    if not isinstance(tree, Scalar) or isinstance(tree.value, int):
        return None
    # A number such as 87.0e6 is read from the text: as a float it has lost how many digits were printed.
    text = tree.value if isinstance(tree.value, str) else tree.span.text
    kind = Kind("a number or a shape", lambda _: read_printed(text, kilo), {})
    return report.value(kind, tree, "`published`: `value`")


def _text(body: MappingTree, key: str) -> Any:
    tree = body.get(key)
    return None if tree is None else to_data(tree)


def _check_layer(layer: str | None, body: MappingTree, known: Set[str], report: Report) -> None:
    written = body.get("layer")
    if layer is not None and written is not None and layer not in known:
        report.add(
            "unknown-layer",
            f"`published`: there is no layer `{layer}`",
            written.span,
            help=lambda: did_you_mean(str(layer), [*sorted(known), "total"], what="layers"),
        )


def _check_source(source: str, body: MappingTree, sources: Mapping[str, str] | None, report: Report) -> None:
    written = body.get("source")
    if written is not None and sources is not None and source not in sources:
        help_ = partial(did_you_mean, source, sources, what="sources") if sources else "cite it under `sources:`"
        report.add("unknown-source", f"`published`: there is no source `{source}`", written.span, help=help_)


def _check_kind(values: Mapping[str, Any], layer: str | None, body: MappingTree, report: Report) -> None:
    quantity, value = values.get("quantity"), values.get("value")
    if (quantity is None) == (values.get("claim") is None):
        report.add(
            "missing-option",
            "`published`: an entry has either a `quantity` or a `claim`",
            body.span,
            help="write `quantity: parameters`, or `claim:` and the words",
        )
    elif quantity is not None and value is None:
        report.add("missing-option", "`published`: `value` is missing", body.span, help="add what was printed")
    elif quantity is not None and layer is None and quantity not in TOTALS:
        written = body.get("quantity")
        report.add(
            "unknown-quantity",
            f"`published`: a whole network has no `{quantity}`",
            body.span if written is None else written.span,
            help="add `layer:`",
        )


def _read_changes(body: MappingTree, entries: Mapping[str, Entry], groups: Set[str], report: Report) -> dict[str, Any]:
    tree = body.get("set")
    if tree is None:
        return {}
    changes = report.mapping(tree, "`published`: `set`", tree.span, "write `set: {C1.padding: 2}`")
    if changes is None:
        return {}
    result: dict[str, Any] = {}
    for key, (written, value) in changes.entries.items():
        name, _, changed = key.rpartition(".")
        entry = entries.get(name)
        if name in groups or name == "let":
            result[key] = to_data(value)
        elif entry is None:
            report.add(
                "unknown-layer",
                f"`published`: there is no layer `{name}` to change",
                written.span,
                help=partial(did_you_mean, name, entries, what="layers"),
            )
        elif entry.layer is not None and changed not in entry.layer.options:
            report.add(
                "unknown-option",
                f"`published`: {entry.title} has no option `{changed}`",
                written.span,
                help=partial(did_you_mean, changed, entry.layer.options, what="options"),
            )
        elif entry.layer is not None:
            parsed = report.value(entry.layer.options[changed].kind, value, f"`published`: `{key}`")
            if parsed is not FAILED:
                result[key] = to_data(value)
    return result
