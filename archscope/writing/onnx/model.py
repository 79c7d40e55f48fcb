"""A network as an ONNX model: its operators, its weights with values, and what it takes and gives."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

import numpy as np
from onnx import TensorProto, helper, numpy_helper

from archscope.building.constructions import no_layer
from archscope.layers import Shape
from archscope.network import Network, Ref
from archscope.writing.onnx import attention, axes, dense, norms, pointwise, pooling, recurrent, windows
from archscope.writing.onnx.sheet import OPSET, Held, Place, Sheet, Values, plain

if TYPE_CHECKING:
    import onnx

FORMS: Final[Mapping[str, Callable[[Place], str | Sequence[str]]]] = MappingProxyType({
    **pointwise.FORMS,
    **axes.FORMS,
    **windows.FORMS,
    **pooling.FORMS,
    **norms.FORMS,
    **dense.FORMS,
    **attention.FORMS,
    **recurrent.FORMS,
})  # fmt: skip
"""The operators of each layer type."""

BATCH: Final = "batch"
"""What the open axis of the samples is called."""

LAYER: Final = "archscope.layer"
"""Under which an operator says the layer that it is, or is a part of."""

TRAINED: Final = "archscope.trained"
FIXED: Final = "archscope.fixed"
"""Under which a model lists its weights, those that are trained and those that are not; other tensors are none."""

_IR: Final = 11
"""The version of the format that came with the opset."""


def sheet_of(network: Network, values: Values) -> tuple[Sheet, list[str]]:
    """The operators of a network, and the names of what it gives.

    Raises:
        UsageError: ONNX has no words for a layer; names it.
    """
    sheet = Sheet(network, values)
    names: dict[Ref, str] = {Ref(name): name for name in network.inputs}
    for node in network.nodes:
        place = Place(sheet, node, [names[ref] for ref in node.inputs])
        if node.layer.type not in FORMS:
            raise no_layer(node.layer)
        made = FORMS[node.layer.type](place)
        results = [made] if isinstance(made, str) else list(made)
        for at, called in enumerate(_called(place, results)):
            names[Ref(node.name, at)] = called
    return sheet, [names[ref] for ref in network.outputs]


def _called(place: Place, results: Sequence[str]) -> list[str]:
    """Have a layer's operators in the sheet under its name, and what they make; a second output by its own."""
    sheet, node, layer = place.sheet, place.node, place.layer
    own = {name for operator in place.made for name in operator.output}
    results = [each if each in own else place.run("Identity", each) for each in results]
    others = [sheet.free(f"{node.name}.{each}") for each in layer.output_names[1:]]
    renamed = dict(zip(results, (node.name, *others), strict=True))
    # An activation that was named on a layer is beside it, and not in it, as in a module.
    path = "_".join(node.name.rsplit(".", 1)) if node.folded else node.name
    seen: Counter[str] = Counter()
    for operator in place.made:
        for names in (operator.input, operator.output):
            names[:] = [renamed.get(each, each) for each in names]
        seen[operator.op_type] += 1
        number = f"_{seen[operator.op_type]}" if seen[operator.op_type] > 1 else ""
        operator.name = node.name if len(place.made) == 1 else f"{node.name}/{operator.op_type}{number}"
        operator.metadata_props.add(key=LAYER, value=path)
        sheet.nodes.append(operator)
    return [renamed[each] for each in results]


def model_of(sheet: Sheet, outputs: Sequence[str], store: Callable[[str, Held], onnx.TensorProto]) -> onnx.ModelProto:
    """A model of what is in a sheet; ``store`` makes the tensor of each weight."""
    network = sheet.network
    ends = [network.shape_of(ref) for ref in network.outputs]
    names = dict(zip(outputs, ends, strict=True))
    constants = [numpy_helper.from_array(array, name) for name, array in sheet.constants.items()]
    graph = helper.make_graph(
        sheet.nodes,
        network.name,
        [_value(network, name, shape) for name, shape in network.inputs.items()],
        [_value(network, name, shape) for name, shape in names.items()],
        [*(store(name, held) for name, held in sheet.held.items()), *constants],
        doc_string=network.title or network.name,
        value_info=[_value(network, node.name, network.facts[node.name].output) for node in network.nodes
                    if node.name not in names],
    )  # fmt: skip
    model = helper.make_model(
        graph, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=_IR, producer_name="archscope",
        doc_string=network.summary,
    )  # fmt: skip
    helper.set_model_props(model, {TRAINED: _listed(sheet, trained=True), FIXED: _listed(sheet, trained=False)})
    return model


def _listed(sheet: Sheet, *, trained: bool) -> str:
    return json.dumps([name for name, held in sheet.held.items() if held.trained is trained])


def _value(network: Network, name: str, shape: Shape) -> onnx.ValueInfoProto:
    kind = TensorProto.INT64 if name in network.tokens else TensorProto.FLOAT
    return helper.make_tensor_value_info(name, kind, [BATCH, *plain(shape)])


def tensor(name: str, held: Held) -> onnx.TensorProto:
    """A weight with its values in the model itself."""
    return numpy_helper.from_array(np.ascontiguousarray(held.make(), np.float32), name)
