"""A graph in Mermaid's language, which GitHub and many editors draw."""

from __future__ import annotations

from collections.abc import Iterator

from archscope.diagrams.graph.paint import described, family_of
from archscope.diagrams.graph.sizes import badge
from archscope.diagrams.graph.view import Frame, Node, View
from archscope.diagrams.request import Request


def mermaid_source(view: View, request: Request) -> str:
    """The source of a flowchart; ``n3`` is the fourth node of the network."""
    ids = {node.id: f"n{place}" for place, node in enumerate(view.nodes)}
    lines = [
        f"flowchart {request.direction.upper()}",
        f"  accTitle: {_plain(view.analysis.title)}",
        f"  accDescr: {_plain(described(view))}",
        *_frame(view.root, ids, "  ", "f", request.direction.upper()),
        *(f"  {ids[edge.source]} --> {ids[edge.target]}" for edge in view.edges),
    ]
    members: dict[str, list[str]] = {}
    for node in view.nodes:
        members.setdefault(family_of(node), []).append(ids[node.id])
    for family, names in members.items():
        shade = request.theme.shade(family)
        lines.append(f"  classDef {family} fill:{shade.fill},stroke:{shade.stroke},color:{request.theme.text}")
        lines.append(f"  class {','.join(names)} {family}")
    return "\n".join(lines) + "\n"


def _frame(frame: Frame, ids: dict[str, str], indent: str, path: str, direction: str) -> Iterator[str]:
    for place, child in enumerate(frame.children):
        if isinstance(child, Node):
            yield f"{indent}{ids[child.id]}{_shape(child)}"
            continue
        inner = f"{path}_{place}"
        yield f'{indent}subgraph {inner}["{_text(child.name)}"]'
        yield f"{indent}  direction {direction}"
        yield from _frame(child, ids, f"{indent}  ", inner, direction)
        yield f"{indent}end"


def _shape(node: Node) -> str:
    name, *lines = node.lines or ("",)
    if badge(node):
        name = f"{name} {badge(node)}".strip()
    if node.symbol:
        return f'(("{"<br/>".join(map(_text, (node.symbol, *filter(None, (name, *lines)))))}"))'
    bold = f"<b>{_text(name)}</b>" if name else " "
    return f'["{"<br/>".join((bold, *map(_text, lines)))}"]'


def _text(text: str) -> str:
    """Text inside quotes: what Mermaid or HTML would read as markup, and a list such as ``1. conv``, is spelled out."""
    marks = {"#": "#35;", '"': "#quot;", "<": "#lt;", ">": "#gt;", "&": "#amp;", "`": "#96;", "\\": "#92;"}
    return "".join(marks.get(each, each) for each in text.replace("\n", " "))


def _plain(text: str) -> str:
    """Text of a line of its own, where a semicolon or a hash would end or change it."""
    return text.replace("#", "").replace(";", ",").replace("\n", " ").replace("{", "(").replace("}", ")")
