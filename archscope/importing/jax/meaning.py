"""What an operator of a jaxpr means: what files have, with the products that the jaxpr has."""

from __future__ import annotations

from typing import Final

from archscope.importing.graph import Operator
from archscope.importing.jax.counting import Tally
from archscope.importing.jax.lowering import JAX
from archscope.importing.meaning import Meaning, Values
from archscope.importing.onnx.calls import translate as of_files


def translate(operator: Operator, values: Values) -> Meaning:
    """What an operator means; what it multiplies is what the jaxpr says."""
    tally: Tally = operator.attributes.get("tally", Tally())
    meaning = _own(operator, values) if operator.domain == JAX else of_files(operator, values)
    if meaning is None:
        meaning = Meaning(operator.type)
    if tally.why:
        return meaning._replace(rule="", known=False, macs=tally.macs, why=tally.why)
    return meaning._replace(rule="", macs=tally.macs or None, known=True)


def _own(operator: Operator, values: Values) -> Meaning:
    attributes = operator.attributes
    if "layer" in attributes:
        more = {name: attributes[name] for name in ("after", "roles") if name in attributes}
        return Meaning(operator.type if more else attributes["layer"].type, layers=(attributes["layer"],), **more)
    if operator.type == "log_sigmoid":
        return Meaning("log_sigmoid", {"input": values.tensor(operator.inputs[0])}, pointwise=True)
    name = f"jax_{operator.type}" if operator.type in _TAKEN else operator.type
    return Meaning(name, pointwise=bool(attributes.get("pointwise")))


_TAKEN: Final = frozenset({"pad", "tile"})
"""Names that functions of PyTorch have, which take other arguments."""
