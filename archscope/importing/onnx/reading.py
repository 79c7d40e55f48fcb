"""What an ONNX file says, as a `Graph`; weights that lie in other files are not read."""

from __future__ import annotations

import ast
import os
import re
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from archscope.errors import MissingExtra, UsageError
from archscope.escaping import LONGEST_OF_STRANGERS, line, terminal
from archscope.importing.graph import Constant, Graph, Operator
from archscope.importing.hiding import is_causal
from archscope.importing.onnx.checking import Looked, checked
from archscope.importing.onnx.fused import written_out
from archscope.importing.onnx.lineage import Lineage
from archscope.importing.onnx.numbers import DTYPES, MOST, small
from archscope.importing.onnx.shapes import Settled, inside, settle
from archscope.importing.stated import Stated
from archscope.layers.base import Weight

if TYPE_CHECKING:
    import onnx_ir as ir

_STEP: Final = re.compile(r"^\S+: (?P<kind>\w+) target='(?P<target>[^']*)'", re.MULTILINE)
_SCOPES: Final = "pkg.torch.onnx.name_scopes"
_CLASSES: Final = "pkg.torch.onnx.class_hierarchy"
_PLAIN: Final = re.compile(r"\['[^'\\\n]*'(?:, '[^'\\\n]*')*\]")
"""A list of words in which no word has quotes."""
_FOLDED: Final = "pkg.onnxscript.optimizer.folded_from"
_RULES: Final = "pkg.onnxscript.rewriter.rule_name"
_SIGNATURE: Final = "pkg.torch.export.ExportedProgram.graph_signature"
_LISTED: Final = (("archscope.trained", True), ("archscope.fixed", False))
_LAYER: Final = "archscope.layer"
_TENSOR: Final = 4
_GRAPHS: Final = (5, 10)
"""Numbers of the types of attributes that are a tensor, and graphs."""


def read_onnx(path: str | os.PathLike[str], stated: Stated) -> Graph:
    """The network in an ONNX file.

    Args:
        path: the file.
        stated: what was said of its inputs.

    Raises:
        MissingExtra: ``onnx-ir`` is not installed.
        UsageError: the file is not whole, or is no network; an axis has a name where a number is wanted.
    """
    shown = os.fspath(path)
    if find_spec("onnx_ir") is None:
        raise MissingExtra(f"reading {shown}", "onnx-ir", "onnx")
    with _unheard():
        model, declared, made = _loaded(shown)
        lineage = Lineage(model, _trained(model), made, signed=bool(_signature(model)))
        learned = {name for name, each in lineage.known.items() if each}
        return _graph(model, settle(model, stated, shown, learned, declared), lineage, shown)


@contextmanager
def _unheard() -> Iterator[None]:
    """Without what ``onnx-ir`` writes of a model that is invalid, which quotes the file as it is."""
    import logging

    logger = logging.getLogger("onnx_ir")
    before = logger.level
    logger.setLevel(logging.CRITICAL + 1)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logger.setLevel(before)


def _loaded(shown: str) -> tuple[ir.Model, Mapping[str, Any], Mapping[str, frozenset[str]]]:
    """The model with its functions written out where they are called, what it states of types, what tensors come of.

    Types of values are a third of what ``onnx-ir`` makes objects of; they are looked up here where they are asked for.
    """
    import onnx
    import onnx_ir as ir
    from google.protobuf.message import DecodeError

    # ONNX IR wraps what goes wrong inside of a graph; functions that call themselves and attributes of another type
    # than they say come from its passes.
    wrong = (DecodeError, OSError, ir.serde.SerdeError, ir.passes.InvariantError, ir.passes.PassError, TypeError,
             ValueError)  # fmt: skip
    try:
        stored = onnx.load(shown, format="protobuf", load_external_data=False)
        looked = checked(stored, shown)
        written_out(stored)
        declared = {each.name: each.type for each in stored.graph.value_info}
        made = _made_of(stored.graph)
        del stored.graph.value_info[:]
        model = _written_out(ir.serde.deserialize_model(stored), stored, looked)
        if stored.functions or looked.nested or not looked.ordered:
            model.graph.sort()
        return model, declared, made
    except RecursionError:
        raise UsageError(f"{shown} is nested too deeply to be read") from None
    except wrong as error:
        said = terminal(line(str(error)).rstrip("."), LONGEST_OF_STRANGERS)
        raise UsageError(f"{shown} is no whole ONNX file: {said or type(error).__name__}") from error


def _made_of(graph: Any) -> dict[str, frozenset[str]]:
    """What PyTorch's exporter says tensors were worked out of, by name; of a constant among the operators, nothing."""
    found = {name: frozenset[str]() for node in graph.node if node.op_type == "Constant" for name in node.output}
    held = {each.name for each in graph.initializer}
    for value in graph.value_info:
        if value.name in held:
            said = {each.key: each.value for each in value.metadata_props}
            if _FOLDED in said:
                found[value.name] = frozenset(_listed(said, _FOLDED))
    return found


def _written_out(model: ir.Model, stored: Any, looked: Looked) -> ir.Model:
    """A model without functions, its constants and those of graphs inside of it beside its weights.

    These passes are slow to import.
    """
    if not (stored.functions or looked.constants or looked.nested):
        return model
    from onnx_ir.passes import common

    if stored.functions:
        model = common.InlinePass()(model).model
    model = common.LiftConstantsToInitializersPass(size_limit=MOST + 1)(model).model
    return common.LiftSubgraphInitializersToMainGraphPass()(model).model


def _graph(model: ir.Model, settled: Settled, lineage: Lineage, shown: str) -> Graph:
    graph, trained = model.graph, lineage.known
    weights: dict[str, Weight] = {}
    constants = dict(settled.constants)
    dtypes = {name: DTYPES.get(each, "float32") for name, each in settled.dtypes.items()}
    for name, value in graph.initializers.items():
        dtype, shape = dtypes.get(name, "float32"), settled.shapes.get(name, ())
        if (lineage.is_made(name) or (trained and name not in trained)) and _is_filling(
            value, settled.constants.get(name)
        ):
            continue
        if name not in trained and is_causal(settled.constants.get(name) or settled.corners.get(name)):
            continue  # minus infinity is nothing that training ends with
        if trained.get(name) or _is_weight(dtype, shape, trained.get(name, True)):
            weights[name] = Weight(name, shape or (1,), trained.get(name, True) is True, dtype)
    again = lineage.again(weights)
    remarks = (*_remarks(model, weights), *lineage.remarks(weights, again))
    for name in again:
        del weights[name]
        constants.pop(name, None)
    return Graph(
        name=Path(shown).stem,
        title=Path(shown).stem,
        summary=_summary(model, shown),
        inputs=settled.inputs,
        outputs=tuple(value.name or "" for value in graph.outputs),
        operators=(*again.values(), *_operators(model, shown)),
        shapes=settled.shapes,
        dtypes=dtypes,
        weights=weights,
        constants=constants,
        corners=settled.corners,
        plain=frozenset(name for name, each in trained.items() if each is None),
        batch=settled.batch,
        unbatched=settled.unbatched,
        remarks=remarks,
    )


def _remarks(model: ir.Model, weights: Mapping[str, Weight]) -> Iterator[str]:
    """What the file says of how it was written that changes numbers."""
    folded = sum("FuseBatchNormInto" in node.metadata_props.get(_RULES, "") for node in model.graph)
    if folded:
        layers = "1 layer has" if folded == 1 else f"{folded:,} layers have"
        yield (f"{layers} a batch norm folded in by the exporter: its factors are in the weights, and a bias stands "
               "for its shifts unless all are 0; `torch.onnx.export(…, optimize=False)` keeps it.")  # fmt: skip
    shared = sum(_in_several(model.graph.initializers[name]) for name in weights)
    if shared and model.producer_name == "pytorch":
        tensors = "1 tensor is" if shared == 1 else f"{shared:,} tensors are"
        yield (f"{tensors} read by several modules, and counted once: tied there, or equal before training, of which "
               "PyTorch's exporter keeps one.")  # fmt: skip


def _in_several(value: ir.Value) -> bool:
    """Whether operators of several modules read a value."""
    uses = value.uses()
    return len(uses) > 1 and len({_module(use.node)[0] for use in uses}) > 1


def _is_filling(value: ir.Value, numbers: Constant | None) -> bool:
    """Whether they are ones or zeros that PyTorch's exporter gives to a norm that has no weights of its own."""
    if numbers is None:
        return False
    alike = set(numbers.values) in ({0}, {1})
    return alike and all(use.node.op_type.endswith("Normalization") for use in value.uses())


def _is_weight(dtype: str, shape: tuple[int, ...], trained: bool | None) -> bool:
    """Whether a tensor that a file holds may be a weight: numbers with a point, or those of a quantised one."""
    if trained is None or dtype in ("bool", "int64", "string"):
        return False
    return bool(shape) if dtype.startswith(("float", "bfloat", "complex")) else len(shape) > 0


def _trained(model: ir.Model) -> dict[str, bool | None]:
    """Which tensors are trained, where the file says so; a constant of the code is no weight, None."""
    found: dict[str, bool | None] = {}
    if any(name in model.metadata_props for name, _ in _LISTED):  # a file of archscope's own
        found |= dict.fromkeys(filter(None, model.graph.initializers))
    for name, trained in _LISTED:
        found |= dict.fromkeys(_listed(model.metadata_props, name), trained)
    for each in _STEP.finditer(_signature(model)):
        found[each["target"]] = {"PARAMETER": True, "BUFFER": False}.get(each["kind"])
    return found


def _signature(model: ir.Model) -> str:
    """What PyTorch's exporter says of a program's tensors."""
    said = (each.metadata_props.get(_SIGNATURE, "") for each in (model, model.graph))
    return "\n".join(filter(None, said))


def _summary(model: ir.Model, shown: str) -> str:
    opset = model.opset_imports.get("", model.opset_imports.get("ai.onnx", 0))
    producer = " ".join(filter(None, (model.producer_name, model.producer_version)))
    by = f", written by {line(producer)}" if producer else ""
    said = _signature(model) or any(name in model.metadata_props for name, _ in _LISTED)
    silent = (
        "" if said else " It does not say which tensors are trained, or made of others: all are taken for parameters."
    )
    return f"Read from {Path(shown).name}: ONNX, opset {opset}{by}.{silent}"


def _operators(model: ir.Model, shown: str) -> Iterator[Operator]:
    file, opsets = Path(shown).name, model.opset_imports
    usual = opsets.get("", 0)
    for place, node in enumerate(model.graph):
        path, alone = _module(node)
        attributes = _attributes(node)
        within = inside(node) if None in attributes.values() else ()
        attributes["opset"] = int(opsets.get(node.domain, usual))
        # By place, in the order of its fields: names would take half as long again.
        yield Operator(
            node.op_type,
            (*["" if each is None else each.name or "" for each in node.inputs], *within),
            tuple([each.name or "" for each in node.outputs]),
            attributes,
            "" if node.domain in ("", "ai.onnx") else node.domain,
            path,
            alone,
            f"{file}, node {line(node.name or str(place))[:120]}",
        )


def _attributes(node: ir.Node) -> dict[str, Any]:
    """Numbers, words and lists of them; a small tensor is a `Constant`; None for graphs, and tensors that are large."""
    found: dict[str, Any] = {}
    for name, each in node.attributes.items():
        kind = each.type
        found[name] = small(each.value) if kind == _TENSOR else None if kind in _GRAPHS else each.value
    return found


def _module(node: ir.Node) -> tuple[str, bool]:
    """The module that PyTorch's exporter says an operator comes from, and whether that is one layer."""
    name, said = node.name or "", node.metadata_props
    if not said and "/" not in name:
        return "", False
    if _LAYER in said:
        return _clean(said[_LAYER]), True
    scopes, classes = _listed(said, _SCOPES), _listed(said, _CLASSES)
    if scopes and len(scopes) == len(classes):
        path = next((each for each in reversed(scopes[:-1]) if each), "")
        leaf = len(classes) > 1 and classes[-2].startswith(("torch.nn.modules.", "archscope.building."))
        return _clean(path), leaf and bool(path)
    parts = [each for each in name.split("/") if each]
    if len(parts) < 2:
        return "", False
    # Its older exporter writes `/features/features.0/Conv`: an entry of a list has the list's name before its number.
    path_parts: list[str] = []
    for part in parts[:-1]:
        if path_parts and part.startswith(f"{path_parts[-1]}."):
            path_parts.pop()
        path_parts.append(part)
    return _clean(".".join(path_parts)), False


def _listed(said: Mapping[str, str], name: str) -> list[str]:
    text = said.get(name, "")[:1_000_000]
    if not text:
        return []
    if _PLAIN.fullmatch(text):  # as most are; Python's own parser takes ten times as long
        return text[2:-2].split("', '")
    try:
        found = ast.literal_eval(text)
    except (ValueError, SyntaxError, MemoryError, RecursionError):
        return []
    return [str(each) for each in found] if isinstance(found, list) else []


def _clean(path: str) -> str:
    """A path as names of nodes are: without what a terminal would take for its own, and no longer than one reads."""
    return line(path).replace(" ", "_")[:200]
