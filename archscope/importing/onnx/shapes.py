"""The shape of every value of an ONNX graph, in one pass: constants are worked out, branches that are known chosen."""

from __future__ import annotations

from collections import deque
from collections.abc import Container, Iterator, Mapping
from typing import TYPE_CHECKING, Any, Final

from archscope.errors import UsageError
from archscope.escaping import line
from archscope.importing.graph import Constant
from archscope.importing.onnx.contributed import made_by
from archscope.importing.onnx.corners import Corners
from archscope.importing.onnx.numbers import Array, array_of, constant, worked_out
from archscope.importing.onnx.others import Known, others_of
from archscope.importing.onnx.quantised import stands_for
from archscope.importing.stated import Entry, Stated, resolved
from archscope.layers.base import Shape
from archscope.record import EMPTY, Record

if TYPE_CHECKING:
    import onnx_ir as ir


class Settled(Record):
    """A graph of which every value has a shape.

    Attributes:
        inputs: the names of its inputs.
        shapes: the extents of each value, with the batch.
        dtypes: ONNX's names of the types of their numbers.
        constants: the numbers of those that are constants, and few.
        corners: the first two rows and columns of large squares that are one number up to their diagonal, and another
            above it.
        batch: samples that run at once; None where there is no axis for them.
        unbatched: inputs without an axis for it.
    """

    inputs: tuple[str, ...]
    shapes: Mapping[str, Shape]
    dtypes: Mapping[str, str]
    constants: Mapping[str, Constant]
    corners: Mapping[str, Constant]
    batch: int | None
    unbatched: frozenset[str]


def settle(
    model: ir.Model, stated: Stated, file: str, learned: Container[str] = (), declared: Mapping[str, Any] = EMPTY
) -> Settled:
    """Give every value its shape; operators that make constants alone are taken out of the graph.

    The numbers of those that the file says are ``learned`` are worked into no others, however few they are.
    ``declared`` are the types that it states of values, by name, as it has them.

    Raises:
        UsageError: an input's axis has no number, or shapes do not fit.
    """
    graph = model.graph
    held = dict(graph.initializers.items())
    given = [value for value in graph.inputs if value.name not in held]
    entries = tuple(Entry(value.name or "", _axes(value)) for value in given)
    found = resolved(entries, stated, file)
    pass_ = _Pass(model, file, found.names, declared)
    for value in given:
        name = value.name or ""
        pass_.anew |= _known(value, {}) != found.shapes[name]
        pass_.know(value, found.shapes[name])
    for value in held.values():
        tensor = value.const_value
        if tensor is not None:
            pass_.know(value, _whole(tensor.shape))
            array = None if value.name in learned else array_of(tensor)
            if array is not None:
                pass_.enter(value.name or "", array)
            else:
                pass_.corners.enter(value, learned)
    pass_.run()
    constants = {name: constant(array) for name, array in (pass_.held | pass_.arrays).items()}
    corners = {name: constant(array) for name, array in pass_.corners.squares()}
    return Settled(
        tuple(each.name for each in entries), pass_.shapes, pass_.dtypes, constants, corners, found.batch,
        found.unbatched,
    )  # fmt: skip


def _axes(value: ir.Value) -> tuple[int | str | None, ...]:
    if value.shape is None:
        return ()
    axes: list[int | str | None] = []
    for each in value.shape:
        if isinstance(each, int):
            axes.append(each if each > 0 else None)
        else:
            axes.append(str(each.value) if each.value is not None else None)
    return tuple(axes)


def _whole(shape: Any) -> Shape:
    return tuple(int(each) for each in shape)


def _known(value: ir.Value, names: Mapping[str, int]) -> Shape | None:
    """The shape of a value that the file has, where every axis has a number, or a name whose number is known."""
    if value.shape is None:
        return None
    extents: list[int] = []
    for each in value.shape:
        found = each if isinstance(each, int) else names.get(str(each.value), -1)
        if found < 0:
            return None
        extents.append(int(found))
    return tuple(extents)


_GRAPHS: Final = (5, 10)
"""Numbers of the types of attributes that are a graph, and several."""
_KEEPING: Final = frozenset({"GroupNormalization", "RMSNormalization", "SimplifiedLayerNormalization", "FastGelu",
                             "Gelu", "QuickGelu", "BiasGelu", "MeanVarianceNormalization"})  # fmt: skip
"""Operators that leave the shape of what they read, and for which ONNX has no rule by itself."""


_UNASKED: Final = (KeyError, TypeError, ValueError, MemoryError, NotImplementedError)
"""What comes of types that ONNX does not know, of lengths that are none or beyond any memory, and of arrays of words
that lack some."""


class _Pass:
    """One walk over a graph."""

    def __init__(self, model: ir.Model, file: str, names: Mapping[str, int], declared: Mapping[str, Any]) -> None:
        self.model = model
        self.file = file
        self.names = names
        self.declared = declared
        self.anew = False
        self.shapes: dict[str, Shape] = {}
        self.dtypes: dict[str, str] = {}
        self.arrays: dict[str, Array] = {}
        self.held: dict[str, Array] = {}
        self.corners = Corners(file, self.arrays, self.shapes)
        self._values = Known(self.shapes, self.dtypes, self.arrays, {})
        self._ends = {id(value) for value in model.graph.outputs}
        self._types: dict[bytes, tuple[str, tuple[int | str, ...] | None]] = {}

    def know(self, value: ir.Value, shape: Shape) -> None:
        """Know the shape of a value."""
        name, dtype = value.name or "", value.dtype
        self.shapes[name] = shape
        self.dtypes[name] = self._declared(name)[0] if dtype is None else dtype.name

    def _declared(self, name: str) -> tuple[str, tuple[int | str, ...] | None]:
        """ONNX's name of the type that the file states of a value, that of most numbers where it states none; its axes.

        Most values of a file are of a few types, and one is read faster as bytes than part by part.
        """
        said = self.declared.get(name)
        written = b"" if said is None else said.SerializeToString()
        if written not in self._types:
            self._types[written] = _type_of(said)
        return self._types[written]

    def enter(self, name: str, array: Array) -> None:
        """Know the numbers that the file holds; several that may be weights are worked into no others."""
        plain = array.size <= 1 or array.dtype.name in ("int64", "int32", "bool")
        (self.arrays if plain else self.held)[name] = array

    def run(self) -> None:
        """Walk over all operators."""
        left = deque(self.model.graph)
        while left:
            node = left.popleft()
            if node.op_type == "If" and self._branch(node, left):
                continue
            if self._written(node, left):
                continue
            if not self._constant(node):
                self.corners.work_out(node)
                self._shape(node)

    def _constant(self, node: ir.Node) -> bool:
        """Work out an operator on constants, and take it out of the graph; False where it is none."""
        if node.op_type in ("Shape", "Size") and node.domain in ("", "ai.onnx"):
            made: list[Array] | None = self._extents(node)
        else:
            arrays = []
            for each in node.inputs:
                name = None if each is None else each.name
                if name is not None and name not in self.arrays:
                    return False
                arrays.append(None if name is None else self.arrays[name])
            made = worked_out(node, arrays)
        if made is None or len(made) != len(node.outputs):
            return False
        import onnx_ir as ir

        for value, array in zip(node.outputs, made, strict=True):
            name = value.name or ""
            self.arrays[name] = array
            self.shapes[name] = tuple(map(int, array.shape))
            self.dtypes[name] = ir.DataType.from_numpy(array.dtype).name
        if not any(id(value) in self._ends for value in node.outputs):
            for value in node.outputs:
                value.replace_all_uses_with(ir.Value(name=value.name, type=value.type, shape=value.shape))
            self.model.graph.remove(node)
        return True

    def _extents(self, node: ir.Node) -> list[Array] | None:
        import numpy as np

        value = node.inputs[0] if node.inputs else None
        shape = None if value is None else self.shapes.get(value.name or "")
        if shape is None:
            return None
        if node.op_type == "Size":
            return [np.asarray(int(np.prod(shape)), np.int64)]
        start, end = (node.attributes[name].value if name in node.attributes else None for name in ("start", "end"))
        return [np.asarray(shape[start:end], np.int64)]

    def _branch(self, node: ir.Node, left: deque[ir.Node]) -> bool:
        """Put the branch of a condition that is known in its place; False where it is not known."""
        condition = self.arrays.get(node.inputs[0].name or "") if node.inputs and node.inputs[0] is not None else None
        if condition is None or condition.size != 1:
            return False
        name = "then_branch" if condition.reshape(-1)[0] else "else_branch"
        if name not in node.attributes:
            return False
        branch: ir.Graph = node.attributes[name].value
        if node.attributes[name].type.name != "GRAPH" or len(branch.outputs) != len(node.outputs):
            return False
        for value in branch.initializers.values():
            if value.const_value is not None:
                self.know(value, _whole(value.const_value.shape))
                array = array_of(value.const_value)
                if array is not None:
                    self.enter(value.name or "", array)
        nodes = list(branch)
        made = list(branch.outputs)
        branch.outputs.clear()
        branch.remove(nodes)
        self.model.graph.insert_before(node, nodes)
        for value, other in zip(node.outputs, made, strict=True):
            value.replace_all_uses_with(other, replace_graph_outputs=True)
        self._ends = {id(value) for value in self.model.graph.outputs}
        self.model.graph.remove(node)
        left.extendleft(reversed(nodes))
        return True

    def _written(self, node: ir.Node, left: deque[ir.Node]) -> bool:
        """Put others in the place of an operator that is written out as those; False where it stays."""
        import onnx_ir as ir

        made = others_of(node, self._values)
        if made is None:
            return False
        for value, numbers in made.numbers:
            name = value.name or ""
            kind = ir.DataType.from_numpy(numbers.dtype).name if numbers.ndim else self.dtypes[made.names[0]]
            self.dtypes[name], self.shapes[name] = kind, tuple(map(int, numbers.shape))
            self.arrays[name] = numbers.astype(ir.DataType[kind].numpy())
        self.model.graph.insert_before(node, made.nodes)
        self._ends = {id(value) for value in self.model.graph.outputs}
        self.model.graph.remove(node)
        left.extendleft(reversed(made.nodes))
        return True

    def _shape(self, node: ir.Node) -> None:
        shapes = [self._stated(value, EMPTY) for value in node.outputs]
        if self.anew or any(shape is None for shape in shapes):
            shapes = self._inferred(node, [self._stated(value, self.names) for value in node.outputs])
            if shapes[:1] == [None] and node.op_type in _KEEPING and node.inputs and node.inputs[0] is not None:
                shapes[0] = self.shapes.get(node.inputs[0].name or "")
            if shapes[:1] == [None] and node.domain == "com.microsoft":
                said = {name: each.value for name, each in node.attributes.items()}
                read = [None if each is None else self.shapes.get(each.name or "") for each in node.inputs]
                shapes[0] = made_by(node.op_type, said, read)
        for value, shape in zip(node.outputs, shapes, strict=True):
            if shape is not None:
                self.know(value, shape)

    def _stated(self, value: ir.Value, names: Mapping[str, int]) -> Shape | None:
        """The shape that the file states, where every axis has a number, or a name whose number is known."""
        name = value.name or ""
        if value.shape is not None or name not in self.declared:
            return _known(value, names)
        axes = self._declared(name)[1]
        if axes is None:
            return None
        extents = tuple([each if isinstance(each, int) else names.get(each, -1) for each in axes])
        return None if min(extents, default=0) < 0 else extents

    def _inferred(self, node: ir.Node, otherwise: list[Shape | None]) -> list[Shape | None]:
        """The shapes by ONNX's own rules for one operator, from those of its inputs and the numbers among them."""
        import onnx
        import onnx_ir as ir

        try:
            asked = ir.serde.serialize_node(node)
            names = [None if each is None else each.name or "" for each in node.inputs]
            found = self._asked(asked, names, inside(node))
        except onnx.shape_inference.InferenceError as error:
            said = line(str(error).partition(") ")[2] or str(error))[:300]
            called = line(node.name or node.op_type)[:80]
            raise UsageError(f"{self.file}: `{called}` does not take these shapes: {said}") from None
        except (onnx.checker.ValidationError, onnx.defs.SchemaError, ir.serde.SerdeError, *_UNASKED):
            return otherwise  # an operator of another library has no rule, and one may be written wrongly
        shapes: list[Shape | None] = []
        for value, other in zip(node.outputs, otherwise, strict=True):
            made = found.get(value.name or "")
            extents = None if made is None else _extents_of(made)
            shapes.append(other if extents is None else extents)
            if made is not None and made.tensor_type.elem_type:
                value.dtype = ir.DataType(made.tensor_type.elem_type)
        return shapes

    def _asked(self, asked: Any, names: list[str | None], inside: tuple[str, ...]) -> Mapping[str, Any]:
        """What ONNX's rule says an operator makes; of one that stands for another, the other's rule."""
        import onnx
        import onnx_ir as ir

        own, asked_for = asked.domain not in ("", "ai.onnx"), asked.op_type
        stands = stands_for(f"{asked.domain}::{asked.op_type}", len(names)) if own else None
        if stands is not None:
            names = [names[place] for place in stands[1]]
            asked.op_type, asked.domain = stands[0], ""
            del asked.input[:]
            asked.input.extend(name or "" for name in names)
        if asked.op_type == "STFT" and "onesided" not in (each.name for each in asked.attribute):
            asked.attribute.append(onnx.helper.make_attribute("onesided", 1))  # as it says, and its rule forgets
        given = [name for name in (*names, *inside) if name is not None]
        if any(name not in self.shapes for name in given):
            return {}
        domain = "" if asked.domain == "ai.onnx" else asked.domain
        opset = self.model.opset_imports.get(domain, self.model.opset_imports.get("", 0))
        schema = onnx.defs.get_schema(asked.op_type, opset, domain)
        if stands is not None:
            unknown = [each for each in asked.attribute if each.name not in schema.attributes]
            for each in unknown:
                asked.attribute.remove(each)
        types, data = {}, {}
        for name in given:
            kind = ir.DataType.FLOAT if stands is not None else ir.DataType[self.dtypes[name]]
            types[name] = onnx.helper.make_tensor_type_proto(int(kind), self.shapes[name])
            array = self.arrays.get(name, self.held.get(name))
            if array is not None and stands is None:
                data[name] = onnx.numpy_helper.from_array(array.copy(), name)
        found: Mapping[str, Any] = onnx.shape_inference.infer_node_outputs(
            schema, asked, types, data, opset_imports=[onnx.helper.make_opsetid(domain, opset)],
        )  # fmt: skip
        if stands is not None and asked_for.startswith("QLinear"):  # it makes numbers of as few bits as it reads
            for each in found.values():
                each.tensor_type.elem_type = int(ir.DataType[self.dtypes[names[0] or ""]])
        return found


def inside(node: ir.Node) -> tuple[str, ...]:
    """The values from outside that the graphs inside of an operator read: those of a loop, or of a condition."""
    found: dict[str, None] = {}
    for each in node.attributes.values():
        if each.type in _GRAPHS:
            for graph in [each.value] if each.type == _GRAPHS[0] else each.value:
                found |= dict.fromkeys(_read_in(graph))
    return tuple(found)


def _read_in(graph: ir.Graph) -> Iterator[str]:
    own = {value.name for value in (*graph.inputs, *graph.initializers.values())}
    own |= {value.name for node in graph for value in node.outputs}
    read = [value.name for node in graph for value in node.inputs if value is not None]
    read += [name for node in graph for name in inside(node)] + [value.name for value in graph.outputs]
    yield from (name for name in read if name and name not in own)


def _type_of(said: Any) -> tuple[str, tuple[int | str, ...] | None]:
    """ONNX's name of a type that a file states, and the axes, with numbers or names; None where it has none."""
    import onnx_ir as ir

    kind = 0 if said is None else said.tensor_type.elem_type
    axes: tuple[int | str, ...] | None = None
    if said is not None and said.tensor_type.HasField("shape"):
        axes = tuple(each.dim_value if each.HasField("dim_value") else each.dim_param
                     for each in said.tensor_type.shape.dim)  # fmt: skip
    return ir.DataType(kind).name if kind else "FLOAT", axes


def _extents_of(made: Any) -> Shape | None:
    if not made.tensor_type.HasField("shape"):
        return None
    axes = made.tensor_type.shape.dim
    return tuple(int(each.dim_value) for each in axes) if all(each.HasField("dim_value") for each in axes) else None
