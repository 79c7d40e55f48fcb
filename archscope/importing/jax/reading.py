"""`read_traced`: a module of Flax NNX or Equinox as a network."""

from __future__ import annotations

import inspect
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Final

from archscope.errors import UsageError
from archscope.factories import factory_of
from archscope.importing.graph import Graph, Operator
from archscope.importing.jax.counting import Tally, tally
from archscope.importing.jax.flat import Flat, Step
from archscope.importing.jax.lowering import Group, Lowering, grouped, together_of
from archscope.importing.jax.marks import Use
from archscope.importing.jax.meaning import translate
from archscope.importing.jax.modules import lower_module
from archscope.importing.jax.patterns import simplified
from archscope.importing.jax.steps import lower
from archscope.importing.jax.things import Library, Lies, library_of
from archscope.importing.jax.tracing import Traced
from archscope.importing.onnx.patterns import simplified as as_files
from archscope.importing.recognise import network_of
from archscope.layers.base import NOTHING
from archscope.network import Network
from archscope.observed import Value
from archscope.working import total

_FLATTENED: Final = ("Features that are flattened lie channels first here, and channels last in Flax: the rows of the "
                     "matrix behind them lie in another order.")  # fmt: skip


def read_traced(call: Traced, module: Any, *, name: str, path: str, batch: int = 1) -> tuple[Network, Lies]:
    """The network that a module is, called so, and what lies otherwise in the module.

    Shapes have their channels first, as everywhere in archscope.

    Args:
        call: what the module does, as `archscope.importing.jax.tracing.traced` has it.
        module: of Flax NNX or Equinox.
        name: what the network is called.
        path: what it can be opened by again.
        batch: samples that run at once.

    Raises:
        UsageError: its rows would not add up to what its jaxpr multiplies.
    """
    whole = tally(call.jaxpr.jaxpr).macs
    for as_layers in (True, False):
        low = Lowering(Flat(call), call, last=(library_of(module) or Library.NNX) is Library.NNX)
        graph = graph_of(low, name, batch, as_layers=as_layers, factory=factory_of(path))
        short = as_files(graph, _multiplied)
        network = network_of(short if _multiplies(short) == _multiplies(graph) else graph, translate, path)
        rows = total(facts.macs_at_least if facts.macs is None else facts.macs for facts in network.facts.values())
        squares = total(network.facts[each.name].macs or NOTHING for each in network.nodes if each.layer.type == "rbf")
        if rows == whole + squares:  # a distance squares what it adds up, and no product of a jaxpr has that
            flattened = (node for (node, _), each in _values(network) if each.name in low.flattened)
            return network, Lies(low.orders, frozenset(flattened), low.in_front)
    told = "".join(f"; {each}" for each in list(unusual(call.uses))[:1])
    raise UsageError(f"{name}: the rows multiply {rows:,} and its jaxpr {whole:,}; archscope does not read it right, "
                     f"and gives no numbers rather than wrong ones{told}")  # fmt: skip


def unusual(uses: Sequence[Use]) -> Iterator[str]:
    """Options of Flax's layers that are not as they are usually, and may be what is not read: which, and the remedy."""
    for use in uses:
        kind = type(use.module)
        if not kind.__module__.startswith("flax."):
            continue
        for name, each in inspect.signature(kind.__init__).parameters.items():
            value = getattr(use.module, name, each.default)
            if name in _READ or each.default is each.empty or value is each.default or not _is_other(value, each):
                continue
            yield (f"`{use.path}` ({kind.__name__}) has `{name}={value}`, which is not what it is usually: leave that "
                   "out, or write the layer in a spec")  # fmt: skip


_READ: Final = frozenset({
    "use_bias", "strides", "padding", "kernel_dilation", "input_dilation", "feature_group_count", "epsilon", "momentum",
    "use_scale", "num_groups", "qkv_features", "out_features", "num_kv_heads", "in_kv_features", "dropout_rate", "rate",
    "use_running_average", "deterministic", "dtype", "param_dtype", "precision", "rngs", "decode", "broadcast_dims",
})  # fmt: skip
"""Options that are read, or are no matter of numbers."""


def _is_other(value: Any, each: inspect.Parameter) -> bool:
    return not callable(value) and not hasattr(value, "shape") and bool(value != each.default)


def _multiplied(operators: Sequence[Operator]) -> dict[str, Tally]:
    return {"tally": together_of([each.attributes.get("tally", Tally()) for each in operators])}


def _multiplies(graph: Graph) -> int:
    """What is known of the products of all operators; one that stands for several has theirs."""
    return sum(each.attributes.get("tally", Tally()).macs for each in graph.operators)


def _values(network: Network) -> Iterable[tuple[tuple[str, int], Value]]:
    return () if network.observed is None else network.observed.values.items()


def graph_of(low: Lowering, name: str, batch: int, *, as_layers: bool = True, factory: str = "") -> Graph:
    """A call in the words of a graph, with channels in front; with modules as layers, or operation by operation.

    A factory is told where one made the module.
    """
    _lower(grouped(low.flat.steps), low, as_layers)
    outputs = [low.maps(each) if low.is_map(each) else low.plain(each) for each in low.flat.outputs]
    operators = simplified(low.finished(outputs), low.shapes, low.constants, low.weights, outputs)
    library = Library.NNX if low.last else Library.EQUINOX
    made = f"{factory}: " if factory else ""
    summary = f"Read from {made}a module of {library.value}; shapes have their channels first."
    return Graph(
        name=name, title=name, summary=summary, inputs=low.traced.inputs, outputs=tuple(outputs), operators=operators,
        shapes=low.shapes, dtypes=low.dtypes, weights=low.weights, constants=low.constants, batch=batch,
        remarks=(_FLATTENED,) if low.flattened else (),
    )  # fmt: skip


def _lower(items: Sequence[Step | Group], low: Lowering, as_layers: bool) -> None:
    for each in items:
        if isinstance(each, Step):
            lower(each, low)
        elif not as_layers or not lower_module(each, low):
            lower(each.begins, low)
            _lower(each.inside, low, as_layers)
            lower(each.ends, low)
