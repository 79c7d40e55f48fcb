"""A graph in Mermaid's language, which GitHub and many editors draw."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from archscope.diagrams.graph.paint import described, family_of, shade_of
from archscope.diagrams.graph.sizes import badge
from archscope.diagrams.graph.view import Frame, Node, View
from archscope.diagrams.request import Request
from archscope.diagrams.themes import Shade
from archscope.escaping import mermaid, mermaid_line


def mermaid_source(view: View, request: Request, shade: Callable[[Node], Shade] | None = None, told: str = "") -> str:
    """The source of a flowchart; ``n3`` is the fourth node of the network.

    ``shade`` gives a node's colours, where they are not its family's, and ``told`` what they say.
    """
    colours = shade or (lambda node: shade_of(node, request.theme))
    ids = {node.id: f"n{place}" for place, node in enumerate(view.nodes)}
    lines = [
        f"flowchart {request.direction.upper()}",
        f"  accTitle: {mermaid_line(f'{view.analysis.title}: {told}' if told else view.analysis.title)}",
        f"  accDescr: {mermaid_line(described(view))}",
        *_frame(view.root, ids, "  ", "f", request.direction.upper()),
        *(f"  {ids[edge.source]} --> {ids[edge.target]}" for edge in view.edges),
    ]
    members: dict[tuple[str, Shade], list[str]] = {}
    costs: dict[Shade, str] = {}
    for node in view.nodes:
        own = colours(node)
        name = costs.setdefault(own, f"cost{len(costs)}") if told else family_of(node)
        members.setdefault((name, own), []).append(ids[node.id])
    for (name, own), names in members.items():
        lines.append(f"  classDef {name} fill:{own.fill},stroke:{own.stroke},color:{request.theme.text}")
        lines.append(f"  class {','.join(names)} {name}")
    theme = request.theme
    if any(isinstance(each, Frame) for each in view.root.children):
        lines.append(f"  classDef frame fill:{theme.band},stroke:{theme.frame},color:{theme.text}")
    return "\n".join(lines) + "\n"


def _frame(frame: Frame, ids: dict[str, str], indent: str, path: str, direction: str) -> Iterator[str]:
    for place, child in enumerate(frame.children):
        if isinstance(child, Node):
            yield f"{indent}{ids[child.id]}{_shape(child)}"
            continue
        inner = f"{path}_{place}"
        yield f'{indent}subgraph {inner}["{mermaid(child.name)}"]'
        yield f"{indent}  direction {direction}"
        yield from _frame(child, ids, f"{indent}  ", inner, direction)
        yield f"{indent}end"
        yield f"{indent}class {inner} frame"


def _shape(node: Node) -> str:
    name, *lines = node.lines or ("",)
    if badge(node):
        name = f"{name} {badge(node)}".strip()
    if node.symbol:
        return f'(("{"<br/>".join(map(mermaid, (node.symbol, *filter(None, (name, *lines)))))}"))'
    bold = f"<b>{mermaid(name)}</b>" if name else " "
    return f'["{"<br/>".join((bold, *map(mermaid, lines)))}"]'
