"""`Seen`: a call that has run, and its numbers where no layer type says them."""

from __future__ import annotations

from collections.abc import Container, Iterable, Mapping
from types import MappingProxyType
from typing import Final, NamedTuple

from archscope.layers import TYPES, Facts, Layer, Shape
from archscope.layers.base import NOTHING, Weight
from archscope.layers.facts import extents
from archscope.network import Ref
from archscope.recognising.calls import is_read
from archscope.recognising.function import ALONG_SAMPLES
from archscope.recognising.operations import Frame, is_complex
from archscope.recognising.signatures import SIGNATURES
from archscope.record import EMPTY
from archscope.working import Count, count

_SLICES: Final = frozenset({"chunk", "split", "split_with_sizes", "unsafe_split", "tensor_split", "narrow", "getitem",
                            "select", "slice"})  # fmt: skip
"""Functions that take some channels and leave the grid as it is, where nothing but the channels becomes fewer."""


_PRODUCTS: Final = frozenset({
    "matmul", "rmatmul", "imatmul", "mm", "bmm", "mv", "dot", "vdot", "inner", "outer", "ger", "kron", "tensordot",
    "einsum", "chain_matmul", "linalg_multi_dot", "linalg_vecdot",
})  # fmt: skip
"""Functions of which each product is a line from a value to a sum, where all they are given else is weights."""

ADDING: Final[Mapping[str, tuple[str, str, str]]] = MappingProxyType(
    {
        "addmm": ("input", "mat1", "mat2"),
        "addmv": ("input", "mat", "vec"),
        "baddbmm": ("input", "batch1", "batch2"),
        "addbmm": ("input", "batch1", "batch2"),
    }
)
"""Functions that add a product to what they are given, and what they call that and the two sides."""

_BACKWARD: Final = frozenset({"grad", "backward"})
"""Functions that multiply with weights which they are not given."""


class Place(NamedTuple):
    """Where in the module a call stands: the path, and whether what it is may have the path for a name."""

    path: str
    alone: bool


class Adds(NamedTuple):
    """What a call adds to the product that it makes: ``baddbmm``.

    Attributes:
        value: the node that made it, if one did.
        learned: whether it is a weight instead, of which each sum has a line.
        weighs: whether a side of the product is a weight.
    """

    value: Ref | None
    learned: bool
    weighs: bool


class Seen(NamedTuple):
    """A call that has run.

    Attributes:
        called: the function, by its plain name.
        place: where it stands.
        refs: the nodes that made its inputs.
        outputs: the shapes of its results.
        frame: the operations that ran for it.
        layers: the layer that it is, or the layers one after another; none, if no type describes it.
        weights: the weights that it read.
        beyond: an option that the layer's type does not have; it then counts as the layer does.
        why: why its lines are not known, where it is no layer.
        main: how many of the inputs the layer takes, where it is given more; None is all of them.
        ours: whether it is a layer of archscope's own, whose rule knows better than the operations under it.
        derived: whether it read what was made of weights, in the place of one of them.
        turned: the weights of which it read the axes exchanged.
        roles: the weights by the names of the arguments that they were given as, which a layer calls them too; an
            empty one for a constant.
        samples: of how many samples it is; None where that is not known, 0 where nobody asked, as of files.
        adds: what it adds to a product, if it does.
    """

    called: str
    place: Place
    refs: tuple[Ref, ...]
    outputs: tuple[Shape, ...]
    frame: Frame
    layers: tuple[Layer, ...] = ()
    weights: frozenset[str] = frozenset()
    beyond: str = ""
    why: str = ""
    ours: bool = False
    main: int | None = None
    derived: bool = False
    turned: frozenset[str] = frozenset()
    roles: Mapping[str, str] = EMPTY
    samples: int | None = 0
    adds: Adds | None = None


def seen_facts(
    seen: Seen, own: tuple[Weight, ...], inputs: tuple[Shape, ...], held: Container[str], *, values: int, weighs: bool
) -> Facts:  # fmt: skip
    """The numbers of a call that no layer type describes, of the weights that are its own.

    Of what made its inputs, ``values`` are made of the network's; it ``weighs`` where others are made of weights alone.
    """
    unknown = seen.why or (
        f"this `{seen.called}` works along the samples of a batch"
        if seen.beyond == ALONG_SAMPLES
        else f"this `{seen.called}` takes shapes or weights that its layer type does not"
        if seen.layers or seen.called in TYPES
        else f"archscope has no layer type for {'this ' * is_read(seen.called)}`{seen.called}`"
    )
    missing = seen.frame.not_covered
    reasons: dict[str, str] = {}
    if missing:
        reasons["macs"] = _not_known(missing) if seen.frame.made else unknown
    reads = any(weight in held for weight in seen.weights)
    weighs = (
        (weighs and seen.samples != 0)
        or "weight" in SIGNATURES.get(seen.called, "").split()
        or seen.called in _BACKWARD
    )
    lines = _lines(seen, inputs) if values <= 1 and (reads or weighs) else None
    if lines is None and ((weighs and seen.frame.multiplies) or reads or missing):
        reasons["connections"] = unknown
    elif lines is None:
        lines = NOTHING
    if not _keeps_grid(seen, inputs):
        reasons["receptive_field"] = unknown
    return Facts(
        inputs=inputs,
        outputs=seen.outputs,
        weights=own,
        connections=lines,
        connections_in_bounds=lines,
        macs=None if missing else seen.frame.macs,
        windows=None if "receptive_field" in reasons else (),
        reasons=MappingProxyType(reasons),
        not_covered=tuple(sorted(missing.items())),
        macs_at_least=seen.frame.macs if missing else NOTHING,
        borrows=reads and not own,
    )


def _lines(seen: Seen, inputs: tuple[Shape, ...]) -> Count | None:
    """The lines of a product of values with weights, for one sample; None where its products do not tell."""
    made = seen.frame.made[-1] if seen.frame.made else None
    if seen.called == "cdist" and inputs and not (seen.why or seen.beyond or is_complex(made)):
        return extents((*seen.outputs[0], inputs[0][-1]))  # every distance takes a difference from each value
    multiplies = seen.called in _PRODUCTS if seen.adds is None else seen.adds.weighs
    if not multiplies or seen.why or seen.beyond or seen.frame.not_covered or is_complex(made):
        return None
    if seen.called == "einsum" and not seen.frame.macs:
        ran = [each.operation.called for each in seen.frame.ran]
        return extents(seen.outputs[0]) if ran.count("mul") == 1 and "sum" not in ran else None  # a product each
    if not seen.samples or not seen.frame.macs or seen.frame.macs % seen.samples:
        return None
    lines = seen.frame.macs if seen.samples == 1 else count(int(seen.frame.macs) // seen.samples)
    return lines + extents(seen.outputs[0]) if seen.adds is not None and seen.adds.learned else lines


def at_least(facts: Facts, seen: Seen) -> Facts:
    """The facts of a layer in whose place more ran than it does."""
    missing = seen.frame.not_covered
    reasons = {**facts.reasons, "macs": _not_known(missing), "connections": "more ran there than the layer does"}
    return facts.replace(
        macs=None, macs_in_bounds=None, connections=None, connections_in_bounds=None,
        not_covered=tuple(sorted(missing.items())), macs_at_least=seen.frame.macs,
        reasons=MappingProxyType(reasons),
    )  # fmt: skip


def _not_known(missing: Iterable[str]) -> str:
    return f"what {', '.join(f'`{name}`' for name in missing)} multiplies is not known"


def _keeps_grid(seen: Seen, inputs: tuple[Shape, ...]) -> bool:
    """Whether every position of the results sees that position of the inputs and no other."""
    if not inputs:
        return False
    made = seen.outputs[0]
    if seen.frame.pointwise and all(shape == made for shape in inputs):
        return True
    first = inputs[0]
    fewer = len(made) == len(first) >= 2 and made[1:] == first[1:] and made[0] < first[0]
    return seen.called in _SLICES and fewer


__all__ = ["ADDING", "Adds", "Place", "Seen", "at_least", "seen_facts"]
