"""The ``figure:`` block of a spec: how its picture is drawn, and what is said on it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import partial
from typing import Any, Final

from archscope.errors import Rejects, did_you_mean
from archscope.options import Kind, Option, flag, list_of, option, positive_number, text
from archscope.reader.report import Report
from archscope.source import Mapping as MappingTree
from archscope.source import Tree

_WIDTH: Final = "`183mm`, `7.2in`, or a number of millimetres"


def _length(value: Any) -> str:
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise Rejects(f"is no length: {value!r}", help=f"write {_WIDTH}")
    return str(value)


def _texts(value: Any) -> dict[str, str]:
    if not isinstance(value, dict) or not value:
        raise Rejects("is no mapping", help="write `{conv1: what it is}`")
    for key, said in value.items():
        if not isinstance(said, str):
            raise Rejects(f"`{key}` is no text", help=f'write `{key}: "{said}"`')
    return {str(key): str(said) for key, said in value.items()}


_LENGTH: Final = Kind("a length", _length, {"type": ["string", "number"]})
_TEXTS: Final = Kind(
    "a mapping of text", _texts, {"type": "object", "additionalProperties": {"type": "string"}, "minProperties": 1}
)
_WORD: Final = Kind("a word", lambda value: str(value), {"type": ["string", "integer"]})

PICTURE: Final[Mapping[str, Option]] = {
    "style": option(text, default=None, doc="What `--style` says: `transformer`, `boxes`, `graph` and the like."),
    "width": option(_LENGTH, default=None, doc=f"How wide it is: {_WIDTH}."),
    "height": option(_LENGTH, default=None, doc="What it must not exceed."),
    "page": option(text, default=None, doc="In place of both: `a4`, `letter`, `ieee-column`, `beamer` or `16:9`."),
    "font_size": option(positive_number, default=None, doc="In points, at that width."),
    "theme": option(text, default=None, doc="`light`, `dark` or `print`."),
    "show": option(text, default=None, doc="What is written on a layer: `name,op,shape,parameters`."),
    "depth": option(
        _WORD, default=None, doc="How many levels of blocks a graph or boxes open; full opens a transformer's stages."
    ),
    "expand": option(text, default=None, doc="Blocks to open whatever the depth: `stage1,inception*`."),
    "collapse": option(text, default=None, doc="Blocks to close whatever the depth."),
    "direction": option(text, default=None, doc="`tb` or `lr`, of a graph."),
    "color": option(text, default=None, doc="What colours say: `family`, `macs`, `parameters` and the like."),
    "color_scale": option(text, default=None, doc="`linear` or `log`."),
    "title": option(text, default=None, doc="What stands over it."),
    "caption": option(text, default=None, doc="What stands under it."),
    "legend": option(flag, default=None, doc="Whether the colours are told under it."),
    "palette": option(_TEXTS, default=None, doc='Colours of families: `{convolution: "#ffd9b3"}`.'),
    "labels": option(_TEXTS, default=None, doc="What layers and groups are called in it: `{features.0: Stem}`."),
    "highlight": option(
        list_of(text, "a list of layers or patterns"), default=None, doc="Layers that stand out: `[conv3, layer4.*]`."
    ),
    "notes": option(_TEXTS, default=None, doc="Remarks under it on layers: `{conv3: reads both towers}`."),
}
"""What a ``figure:`` block can say."""

NAMING: Final = ("labels", "highlight", "notes")
"""Those that name layers."""


def read_picture(tree: Tree | None, names: Iterable[str], report: Report) -> dict[str, Any]:
    """Read a ``figure:`` block: what it states, and nothing else.

    Args:
        tree: the block, if there is one.
        names: of the layers and groups of the network.
        report: takes the mistakes.
    """
    if tree is None:
        return {}
    body = report.mapping(tree, "`figure`", tree.span, "write `figure: {style: graph, width: 183mm, …}`")
    if body is None:
        return {}
    values = report.options(PICTURE, body, body.entries, "`figure`", body.span)
    if values is None:
        return {}
    known = set(names)
    for key in NAMING:
        for name in values.get(key, ()):
            if name not in known and not set("*?[") & set(name):
                entry = body.entries[key][1]
                at = entry.key_span(name) if isinstance(entry, MappingTree) else entry.span
                report.add(
                    "unknown-layer", f"`figure`: `{key}` names `{name}`, which is no layer", at,
                    help=partial(did_you_mean, name, known, what="layers"),
                )  # fmt: skip
    return values
