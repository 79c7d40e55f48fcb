"""Layers of an exported program that it has as several operations, as the modules that they were."""

from __future__ import annotations

import operator
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final

import torch
from torch import fx, nn

from archscope.tracing.reheaded import Written, attention_of
from archscope.tracing.remade import Remade, remade

_KINDS: Final[Mapping[Any, tuple[type[nn.RNNBase], int, Mapping[str, Any]]]] = MappingProxyType({
    torch.ops.aten.lstm.input: (nn.LSTM, 4, {}),
    torch.ops.aten.gru.input: (nn.GRU, 3, {}),
    torch.ops.aten.rnn_tanh.input: (nn.RNN, 1, {"nonlinearity": "tanh"}),
    torch.ops.aten.rnn_relu.input: (nn.RNN, 1, {"nonlinearity": "relu"}),
})  # fmt: skip
"""Operations of recurrence: the module, how many gates it has, and what else it is made with."""


def rejoin(part: Any) -> None:
    """Put modules in the place of what they were written out as, wherever a part of a program calls one."""
    known: dict[str, tuple[Written | None, Any, Remade | None]] = {}
    for node in list(part.graph.nodes):
        if node.op != "call_module" or "@" in node.target:  # a second call has its own name
            continue
        written = part.get_submodule(node.target)
        if isinstance(getattr(written, "graph", None), fx.Graph):
            known[node.target] = attention_of(written), _read(written), remade(written)
        attends, recurs, ours = known.get(node.target, (None, None, None))
        if attends is not None:
            _put(part, node, attends.module)
            _attend(part.graph, node, attends)
        elif recurs is not None:
            _put(part, node, recurs[0])
            _call(part.graph, node, *recurs)
        elif ours is not None:
            _put(part, node, ours.module)
            _run_again(node, ours)
    for node in list(part.graph.nodes):
        if node.target in _KINDS:
            _beside(part, node)


def _put(part: Any, node: fx.Node, module: nn.Module) -> None:
    owner, _, name = str(node.target).rpartition(".")
    setattr(part.get_submodule(owner), name, module)


def _run_again(node: fx.Node, made: Remade) -> None:
    given = node.args
    node.args = tuple(given[place] for place in made.reads)
    node.kwargs = {} if made.mask is None else {"mask": given[made.mask]}


def _attend(graph: fx.Graph, node: fx.Node, attention: Written) -> None:
    """Call attention, and hand on what it gives beside its weights."""
    given = node.args
    node.args = tuple(given[place] for place in attention.reads)
    node.kwargs = {**{name: given[place] for name, place in attention.masks.items()}, "need_weights": False}
    if attention.causal:
        with graph.inserting_before(node):
            mask = graph.call_function(nn.Transformer.generate_square_subsequent_mask, (attention.causal,))
        node.kwargs = {**node.kwargs, "attn_mask": mask, "is_causal": True}
    readers = list(node.users)
    with graph.inserting_after(node):
        made = graph.call_function(operator.getitem, (node, 0))
    for each in readers:
        each.replace_input_with(node, made)


def _beside(part: Any, node: Any) -> None:
    """Put a module in the place of recurrence beside which a part of a program does more."""
    taken, given = node.args[:2]
    module = _made(part, node)
    if module is None:
        return
    states = list(given) if isinstance(given, (list, tuple)) else [given]
    if all(each.target is torch.ops.aten.zeros.default for each in states):
        states = []
    part.add_module(node.name, module)
    first = tuple(states) if isinstance(module, nn.LSTM) else states[0] if states else None
    with part.graph.inserting_before(node):
        called = part.graph.create_node("call_module", node.name, (taken, first) if states else (taken,))
    for each in list(node.users):
        with part.graph.inserting_before(each):
            each.replace_all_uses_with(_result(part.graph, called, module, each.args[1]))
        part.graph.erase_node(each)
    part.graph.erase_node(node)


def _made(written: Any, ran: Any) -> nn.RNNBase | None:
    """The module of recurrence that an operation is, with the weights that it reads; None if it has no such names."""
    _, _, weights, biased, layers, dropout, training, both, first = ran.args
    if any(each.op != "get_attr" for each in weights):
        return None
    kind, gates, more = _KINDS[ran.target]
    shapes = [getattr(written, each.target).shape for each in weights[:2]]
    hidden = shapes[0][0] // gates
    options = {"bias": biased, "batch_first": first, "dropout": dropout, "bidirectional": both, **more}
    if shapes[1][1] != hidden:
        options["proj_size"] = shapes[1][1]
    module = kind(shapes[0][1], hidden, layers, device="meta", **options)
    for name in [each.target for each in weights]:
        if name not in module._parameters:
            return None
        setattr(module, name, getattr(written, name))
    module.train(training)
    return module


def _read(written: Any) -> tuple[nn.RNNBase, list[int] | int, list[int]] | None:
    """The module, which of its results are read, and the places of its inputs; None if more is done than it does."""
    nodes = list(written.graph.nodes)
    ran = [each for each in nodes if each.target in _KINDS]
    placed = [each for each in nodes if each.op == "placeholder"]
    if len(ran) != 1 or any(each.op == "call_function" and not _belongs(each, ran[0]) for each in nodes):
        return None
    taken, states = ran[0].args[:2]
    states = states if isinstance(states, (list, tuple)) else [states]
    known = [each in placed for each in states]
    if taken not in placed or any(known) != all(known) or (module := _made(written, ran[0])) is None:
        return None
    made = nodes[-1].args[0]
    read = [each.args[1] for each in made] if isinstance(made, (list, tuple)) else made.args[1]
    return module, read, [placed.index(each) for each in ([taken, *states] if all(known) else [taken])]


def _belongs(node: fx.Node, ran: fx.Node) -> bool:
    """Whether an operation is the recurrence, its first states, or takes one of its results."""
    taken = node.target is operator.getitem and node.args[0] is ran
    return node is ran or taken or node.target is torch.ops.aten.zeros.default


def _call(graph: fx.Graph, node: fx.Node, module: nn.RNNBase, read: list[int] | int, given: list[int]) -> None:
    """Call the module, and hand on those of its results that were read."""
    taken = [node.args[place] for place in given]
    states = tuple(taken[1:]) if isinstance(module, nn.LSTM) else taken[-1]
    node.args = (taken[0], states) if len(taken) > 1 else (taken[0],)
    readers = list(node.users)
    with graph.inserting_after(node):
        if isinstance(read, int):
            made = _result(graph, node, module, read)
            for each in readers:
                each.replace_input_with(node, made)
            return
        for each in readers:
            place: Any = each.args[1]
            each.replace_all_uses_with(_result(graph, node, module, read[place]))
            graph.erase_node(each)


def _result(graph: fx.Graph, node: fx.Node, module: nn.RNNBase, place: int) -> fx.Node:
    """One of what a module gives: its output, its last states, its last cells."""
    if place == 0 or not isinstance(module, nn.LSTM):
        return graph.call_function(operator.getitem, (node, place))
    both = graph.call_function(operator.getitem, (node, 1))
    with graph.inserting_after(both):
        return graph.call_function(operator.getitem, (both, place - 1))
