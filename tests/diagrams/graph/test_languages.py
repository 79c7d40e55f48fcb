"""The graph in DOT, read back by Graphviz, and in Mermaid, read back by Mermaid."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pygraphviz
import pytest

import archscope
from archscope.diagrams.graph.dot import dot_source
from archscope.diagrams.graph.mermaid import mermaid_source
from archscope.diagrams.graph.view import Frame, View, view_of
from archscope.diagrams.request import request
from archscope.network import Network
from tests.diagrams.branching import NETWORKS, Builder
from tests.diagrams.browser import launch

NAMES = [*NETWORKS, "alexnet", "lenet5"]


def network(name: str) -> Network:
    return NETWORKS[name]() if name in NETWORKS else archscope.load(name)


def view(name: str) -> View:
    return view_of(archscope.analyze(network(name)))


def awkward() -> Network:
    """Names and a title that mean something in both languages."""
    b = Builder('a "quoted" <b>\\N; {x} # & `y`', input=(4,))
    last = b.add("a:b", "linear", "input", out_features=4)
    last = b.add('c"<d>', "linear", last, out_features=5, group=["e\\f & <i>"])
    b.add("end", "add", last, b.add("1. g", "linear", last, out_features=5))
    return b.network()


def frames(frame: Frame) -> list[Frame]:
    inner = [child for child in frame.children if isinstance(child, Frame)]
    return [*inner, *(each for child in inner for each in frames(child))]


@pytest.mark.parametrize("name", NAMES)
def test_graphviz_reads_the_same_nodes_edges_and_clusters(name: str) -> None:
    seen = view(name)
    graph = pygraphviz.AGraph(string=dot_source(seen, request()))
    assert set(graph.nodes()) == {node.id for node in seen.nodes}
    assert {tuple(edge) for edge in graph.edges()} == {(edge.source, edge.target) for edge in seen.edges}
    labels = []
    stack = list(graph.subgraphs())
    while stack:
        cluster = stack.pop()
        labels.append(cluster.graph_attr["label"])
        stack += cluster.subgraphs()
    assert sorted(labels) == sorted(frame.name for frame in frames(seen.root))
    assert b"<svg" in graph.draw(format="svg", prog="dot")


def test_names_that_mean_something_in_dot_are_only_names() -> None:
    seen = view_of(archscope.analyze(awkward()), depth="full")
    graph = pygraphviz.AGraph(string=dot_source(seen, request()))
    drawn = graph.draw(format="svg", prog="dot").decode()
    assert len(graph.nodes()) == len(seen.nodes)
    assert len(graph.edges()) == len(seen.edges)
    for text in ("a:b", "c&quot;&lt;d&gt;", "1. g"):
        assert text in drawn


def test_dot_says_what_the_picture_says() -> None:
    graph = pygraphviz.AGraph(string=dot_source(view("alexnet"), request(direction="lr", theme="dark")))
    assert graph.graph_attr["rankdir"] == "LR"
    assert graph.get_node("conv1.gpu0").attr["label"] == (
        "<B>conv1</B><BR/>conv 11×11 /4 · ReLU · LRN<BR/>48×55×55 · 17,472 parameters"
    )
    assert graph.get_node("join2").attr["shape"] == "circle"


NODE = re.compile(r'^ *(n\d+)(\["(.*)"\]|\(\("(.*)"\)\))$')
EDGE = re.compile(r"^  (n\d+) --> (n\d+)$")


@pytest.mark.parametrize("name", NAMES)
def test_mermaid_has_every_node_edge_and_subgraph(name: str) -> None:
    seen = view(name)
    ids = {node.id: f"n{place}" for place, node in enumerate(seen.nodes)}
    lines = mermaid_source(seen, request()).splitlines()
    nodes = {match[1]: match[3] or match[4] for match in map(NODE.match, lines) if match}
    assert list(nodes) == [ids[node.id] for node in seen.nodes]
    assert {match.groups() for match in map(EDGE.match, lines) if match} == {
        (ids[edge.source], ids[edge.target]) for edge in seen.edges
    }
    opened = [line.split('["')[1][:-2] for line in lines if line.lstrip().startswith("subgraph ")]
    assert sorted(opened) == sorted(frame.name for frame in frames(seen.root))
    assert sum(line.strip() == "end" for line in lines) == len(opened)


@pytest.mark.browser
@pytest.mark.skipif("MERMAID" not in os.environ, reason="MERMAID names no mermaid.min.js of the npm package")
def test_mermaids_own_parser_reads_the_same_graphs() -> None:
    with launch() as page:
        page.add_script_tag(path=Path(os.environ["MERMAID"]))
        for seen in (*map(view, NAMES), view_of(archscope.analyze(awkward()), depth="full")):
            ids = {node.id: f"n{place}" for place, node in enumerate(seen.nodes)}
            read = page.evaluate(
                """async text => {
                    await mermaid.parse(text);
                    const db = (await mermaid.mermaidAPI.getDiagramFromText(text)).db;
                    return {
                        nodes: [...db.getVertices().values()].map(each => each.id),
                        edges: db.getEdges().map(each => [each.start, each.end]),
                        frames: db.getSubGraphs().map(each => each.classes.join()),
                    };
                }""",
                mermaid_source(seen, request()),
            )
            assert sorted(read["nodes"]) == sorted(ids.values())
            assert {tuple(edge) for edge in read["edges"]} == {
                (ids[edge.source], ids[edge.target]) for edge in seen.edges
            }
            assert read["frames"] == ["frame"] * len(frames(seen.root))
        drawn = page.evaluate(
            "async text => (await mermaid.render('drawn', text)).svg", mermaid_source(view("alexnet"), request())
        )
        assert drawn.startswith("<svg")
