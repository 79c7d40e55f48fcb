"""Why tools count otherwise: conventions that are known, each tried on the numbers of one part of a module."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from torch import nn
from torch.nn.modules.conv import _ConvNd, _ConvTransposeNd

from archscope.oracles.findings import Finding, Verdict, compared, not_covered
from archscope.oracles.own.parts import Part


@dataclass(frozen=True)
class Convention:
    """A way of counting that is not ours.

    Attributes:
        why: what it does, for a report.
        count: what it makes of a part; None where it has nothing to say.
    """

    why: str
    count: Callable[[Part, int], float | None]


def _ours(part: Part) -> int:
    return part.macs or 0


def _biases(part: Part) -> int:
    """Additions of a bias: one to every output of a layer that has one; to every gate of a recurrent one."""
    own = dict(part.module.named_parameters(recurse=False))
    if any(name.startswith("weight_ih") for name in own):
        held = sum(each.numel() for name, each in own.items() if name.startswith("bias"))
        return held * sum(int(facts.inputs[0][0]) for _, facts in part.nodes if facts.macs and len(facts.inputs[0]) > 1)
    added = 0
    for _, facts in part.nodes:
        if any(weight.name.rpartition(".")[2] == "bias" for weight in facts.weights):
            added += math.prod(int(extent) for extent in facts.output)
    return added


def _parameters(part: Part) -> int:
    return sum(each.numel() for each in part.module.parameters(recurse=False))


def _bias_counted(part: Part, batch: int) -> float | None:
    return _ours(part) + _biases(part) * batch if _biases(part) else None


def _batch_counted(part: Part, batch: int) -> float | None:
    return _ours(part) * batch if batch > 1 else None


def _batch_missed(part: Part, batch: int) -> float | None:
    return _ours(part) / batch if batch > 1 else None


def _over_outputs(part: Part, batch: int) -> float | None:
    """Weights times output positions, the bias with them: a stride of two makes four times as much."""
    if not isinstance(part.module, _ConvTransposeNd):
        return None
    return _parameters(part) * _places(part) * batch


def _over_outputs_without_bias(part: Part, batch: int) -> float | None:
    if not isinstance(part.module, _ConvTransposeNd):
        return None
    return part.module.weight.numel() * _places(part) * batch


def _places(part: Part) -> int:
    """Positions that a part's products give; an activation behind them, which is its part too, gives none."""
    return sum(math.prod(int(extent) for extent in facts.output[1:]) for _, facts in part.nodes if facts.macs)


def _one_position(part: Part, batch: int) -> float | None:
    runs = sum(bool(facts.macs) for _, facts in part.nodes)
    return _parameters(part) * batch * runs if isinstance(part.module, nn.Linear) else None


def _first_axis(part: Part, batch: int) -> float | None:
    """A dense layer's parameters times the first axis that it is given: parts of a sample stand there for samples."""
    if not isinstance(part.module, nn.Linear) or any(len(facts.output) < 3 for _, facts in part.nodes if facts.macs):
        return None
    return _parameters(part) * batch * sum(int(facts.output[0]) for _, facts in part.nodes if facts.macs)


def _units_for_samples(part: Part, _: int) -> float | None:
    """A dense layer's weights at each unit that it gives: of one vector it takes the units for samples."""
    if not isinstance(part.module, nn.Linear) or any(len(facts.output) > 1 for _, facts in part.nodes):
        return None
    runs = sum(bool(facts.macs) for _, facts in part.nodes)
    return _parameters(part) * part.module.out_features * runs


def _every_parameter(part: Part, batch: int) -> float | None:
    """One for each parameter, whatever the module does with it; also a convolution's that goes by another name."""
    if _called_convolution(part) or isinstance(part.module, nn.Linear):
        return None
    return _parameters(part) * batch * max(1, sum(bool(facts.weights) for _, facts in part.nodes))


def _by_layers_names(part: Part, batch: int) -> float | None:
    """One for each parameter that is called as a layer's are; a module's other parameters go by."""
    if _called_convolution(part) or isinstance(part.module, nn.Linear):
        return None
    own = dict(part.module.named_parameters(recurse=False))
    return sum(own[name].numel() for name in ("weight", "bias") if name in own) * batch


def _by_other_names(part: Part, batch: int) -> float | None:
    """Weights that are called otherwise, as a norm of weights has it, at each unit; what is called so as it is."""
    own = dict(part.module.named_parameters(recurse=False))
    usual = sum(each.numel() for name, each in own.items() if name in ("weight", "bias"))
    others = sum(each.numel() for name, each in own.items() if "weight" in name or "bias" in name) - usual
    if not others:
        return None
    known = isinstance(part.module, (_ConvNd, nn.Linear))
    every = [facts.output for _, facts in part.nodes if facts.macs or not known]
    found = 0
    for output in every if known else every[-1:]:
        places = math.prod(map(int, output[1:])) if _called_convolution(part) else 1
        found += usual * places + others * (int(output[0]) if output else 1)
    return found * batch


def _first_axis_of_any(part: Part, batch: int) -> float | None:
    """Each parameter at the first axis that a module gives, frames or steps that the code puts where samples stand."""
    if _called_convolution(part) or isinstance(part.module, nn.Linear):
        return None
    return (
        _parameters(part)
        * batch
        * sum(int(facts.output[0]) for _, facts in part.nodes if facts.weights and len(facts.output) > 1)
    )


def _every_position(part: Part, batch: int) -> float | None:
    """Each parameter at each position of what the module gives, because of its name."""
    if not _called_convolution(part) or isinstance(part.module, _ConvNd) or not part.nodes:
        return None
    places = math.prod(int(extent) for extent in part.nodes[-1][1].output[1:])
    named = [each.numel() for name, each in part.module.named_parameters(recurse=False) if name in ("weight", "bias")]
    return sum(named) * places * batch


def _units_of_a_cell(part: Part, batch: int) -> float | None:
    """A cell's weights at each unit that it gives: it takes the units for positions."""
    if not isinstance(part.module, nn.RNNCellBase):
        return None
    units = sum(math.prod(int(extent) for extent in facts.output) for _, facts in part.nodes if facts.macs)
    return _parameters(part) * units * batch


def _units_of_packed(part: Part, _: int) -> float | None:
    """A recurrent layer's weights at each unit of each step: packed sequences have steps where samples stand."""
    module = part.module
    if not isinstance(module, nn.RNNBase):
        return None
    products = sum(each.numel() for name, each in module.named_parameters() if name.startswith("weight"))
    steps, left = divmod(_ours(part), products)
    units = (module.proj_size or module.hidden_size) * (2 if module.bidirectional else 1)
    return None if left else steps * units * _parameters(part)


def _called_convolution(part: Part) -> bool:
    """What torchinfo goes by: the name of the class."""
    return "Conv" in type(part.module).__name__


def _without_attention(part: Part, batch: int) -> float | None:
    """All but the two products of a fused attention."""
    fused = [facts for node, facts in part.nodes if "attention" in _label(node.layer)]
    if not fused:
        return None
    if isinstance(part.module, nn.MultiheadAttention):
        return _projections(part) * batch
    return _ours(part) - sum(int(facts.macs or 0) for facts in fused)


def _without_scores(part: Part, batch: int) -> float | None:
    """All but the first of the two products of an attention, which are of one size."""
    if not isinstance(part.module, nn.MultiheadAttention):
        return None
    return (_ours(part) + _projections(part) * batch) / 2


def _without_vectors(part: Part, _: int) -> float | None:
    """All but products of a matrix with a vector, which leave one axis less."""
    found = [int(facts.macs or 0) for node, facts in part.nodes
             if "matmul" in _label(node.layer) and facts.inputs and facts.output == facts.inputs[0][:-1]]  # fmt: skip
    return _ours(part) - sum(found) if found else None


def _without_outer(part: Part, _: int) -> float | None:
    """All but products of vectors with each other, which PyTorch runs value by value."""
    found = [int(facts.macs or 0) for node, facts in part.nodes if _label(node.layer).split()[-1] in _VALUE_BY_VALUE]
    return _ours(part) - sum(found) if found else None


def _without_distances(part: Part, _: int) -> float | None:
    """All but the products of distances between vectors."""
    found = [int(facts.macs or 0) for node, facts in part.nodes if "cdist" in _label(node.layer)]
    return _ours(part) - sum(found) if found else None


_VALUE_BY_VALUE: Final = ("outer", "ger", "kron", "linalg_vecdot")
"""Functions that are products by their name, and that PyTorch runs value by value."""


def _projections(part: Part) -> float:
    """Products of an attention with its weights: the projections before and after it."""
    module: Any = part.module
    sizes = (int(module.embed_dim), int(module.kdim), int(module.vdim))
    total = 0
    for _, facts in part.nodes:
        places = [math.prod(int(extent) for extent in shape[:-1]) for shape in facts.inputs]
        places = places * 3 if len(places) == 1 else places
        total += sum(place * sizes[0] * size for place, size in zip(places, sizes, strict=False))
        total += math.prod(int(extent) for extent in facts.output[:-1]) * sizes[0] ** 2
    return total


def _zeros_counted(part: Part, batch: int) -> float | None:
    """A dense layer's weights that are sparse, zeros and all."""
    found = 0
    for _, facts in part.nodes:
        matrices = [each for each in facts.weights if each.stored is not None and len(each.shape) > 1]
        if facts.macs and not matrices:
            return None
        found += sum(each.values for each in matrices) * math.prod(int(extent) for extent in facts.output[:-1])
    return found * batch or None


def _complex_once(part: Part, _: int) -> float | None:
    """A product of two complex numbers as one, where it is four of real ones."""
    of_complex = sum(int(facts.macs or 0) for node, facts in part.nodes if _beyond(node.layer) == "complex numbers")
    return _ours(part) - of_complex * 3 / 4 if of_complex else None


def _beyond(layer: object) -> object:
    return getattr(layer, "beyond", "")


def _label(layer: object) -> str:
    return f"{getattr(layer, 'type', '')} {getattr(layer, 'called', '')}"


BLIND: Final = {
    "torchinfo": "it looks at modules, and sees no function that is called in `forward`",
    "fvcore": "it has no rule for what runs there",
    "FLOPs": "it has no formula for what runs there",
}  # fmt: skip
"""Why a tool counts nothing where there are products."""

ELSEWHERE: Final = "it counts what ran there, and not as this module's: a copy of it ran, or another module"
AROUND: Final = "it counts it with the module around: `forward` or the weights were used, and the module not called"
"""Why a tool counts nothing of a module, and yet has it in its total."""

CONVENTIONS: Final[dict[str, tuple[Convention, ...]]] = {
    "torchinfo": (
        Convention("its mult-adds count the bias", _bias_counted),
        Convention("it multiplies a transposed convolution's weights with its own outputs, not its inputs: "
                   "four times as much for a stride of 2", _over_outputs),
        Convention("it counts a dense layer at one position of several", _one_position),
        Convention("it takes the first axis that a dense layer is given for samples, one position of each",
                   _first_axis),
        Convention("it takes the units of a dense layer that is given one vector for samples, and counts every weight "
                   "at each", _units_for_samples),
        Convention("it takes weights of other names, as a norm of weights gives them, for a recurrent layer's, and "
                   "counts them at each unit", _by_other_names),
        Convention("it counts every parameter of such a module once", _every_parameter),
        Convention("it counts the parameters that such a module calls `weight` or `bias` once, and no other",
                   _by_layers_names),
        Convention("it takes the first axis that such a module gives for samples, and counts every parameter at each",
                   _first_axis_of_any),
        Convention("it takes the units of a recurrent cell for positions, and counts every weight at each",
                   _units_of_a_cell),
        Convention("it takes the units of packed sequences for steps, and counts every weight at each",
                   _units_of_packed),
        Convention("it takes a module for a convolution by its name, and counts its weights at every position",
                   _every_position),
        Convention("it counts every sample of the batch", _batch_counted),
    ),
    "fvcore": (
        Convention("it counts a product of two complex numbers, four of real ones, as one", _complex_once),
        Convention("its trace has no rule for fused attention, and misses its two products", _without_attention),
        Convention("its trace has no rule for the product that is added to a mask (`baddbmm`), and misses that of the "
                   "scores", _without_scores),
        Convention("it sees an outer product (`outer`, `kron`, `vecdot`) as PyTorch runs it, value by value, and "
                   "misses that", _without_outer),
        Convention("it multiplies a transposed convolution's weights with its own outputs, not its inputs: "
                   "four times as much for a stride of 2", _over_outputs_without_bias),
        Convention("it has no rule for distances (`cdist`), and misses those", _without_distances),
        Convention("it counts one sample of the batch", _batch_missed),
    ),
    "FLOPs": (
        Convention("it counts a product of two complex numbers, four of real ones, as one", _complex_once),
        Convention("it has no formula for this fused attention, and misses its two products", _without_attention),
        Convention("it has no formula for a matrix times a vector (`mv`), and misses that", _without_vectors),
        Convention("it sees an outer product (`outer`, `kron`, `vecdot`) as PyTorch runs it, value by value, and "
                   "misses that", _without_outer),
        Convention("it has no formula for distances (`cdist`), and misses those", _without_distances),
        Convention("it counts the zeros of sparse weights too", _zeros_counted),
        Convention("it counts one sample of the batch", _batch_missed),
    ),
}  # fmt: skip
"""The conventions of each tool, the likeliest first."""


def explained(witness: str, part: Part, theirs: int, batch: int) -> str:
    """The convention by which a tool comes to its number; empty if none is known."""
    for each in CONVENTIONS[witness]:
        if each.count(part, batch) == theirs:
            return each.why
    return ""


def handed_up(parts: Sequence[Part], own: Mapping[str, int]) -> tuple[dict[str, int], set[str]]:
    """A tool's counts by path without what it counts at the module around; and the paths of which it does.

    Somebody has called a module's ``forward``, or a function with its weights, where hooks do not notice the module.
    """
    counts, found = dict(own), set[str]()
    ours = {part.path: part.macs or 0 for part in parts}
    for part in parts:
        if not part.macs or own.get(part.path) or not part.path:
            continue
        above = part.path
        while above:
            above = above.rpartition(".")[0]
            if counts.get(above, 0) - ours.get(above, 0) >= part.macs:
                counts[above] -= part.macs
                found.add(part.path)
                break
    return counts, found


def judged(witness: str, part: Part, theirs: int, batch: int, blind: str = "") -> Finding:
    """A tool's multiply-accumulates of a part beside ours; ``blind`` is why it counts nothing, where that is known."""
    place = part.path or part.row
    if part.macs is None:
        reason = next(facts.reasons.get("macs", "") for _, facts in part.nodes if facts.macs is None)
        return not_covered(witness, part.row, "macs", f"archscope has no count there: {reason}", node=place)
    if part.macs and not theirs:
        return not_covered(witness, part.row, "macs", blind or BLIND[witness], node=place)
    found = compared(witness, part.row, "macs", part.macs, theirs, node=place)
    if found.verdict is Verdict.DIFFERS:
        why = explained(witness, part, theirs, batch)
        verdict = Verdict.EXPLAINED if why else Verdict.DIFFERS
        found = replace(found, verdict=verdict, why=why or "no convention of the tool that is known explains it")
    return found


def total(witness: str, quantity: str, ours: int | None, theirs: int, parts: Sequence[Finding]) -> Finding:
    """A tool's total beside ours, with the reasons of its parts; ``theirs`` is what the tool itself added up."""
    if ours is None:
        return not_covered(witness, None, quantity, "archscope has no total: a layer is not covered")
    found = compared(witness, None, quantity, ours, theirs)
    if found.verdict is Verdict.AGREES:
        return found
    reasons = list(dict.fromkeys(each.why for each in parts if each.verdict is Verdict.EXPLAINED))
    silent = list(dict.fromkeys(each.why for each in parts if each.verdict is Verdict.NOT_COVERED))
    known = sum(int(each.theirs or 0) for each in parts)
    if not reasons and not silent:
        return replace(found, why="no convention of the tool that is known explains it")
    if known != theirs:
        return not_covered(witness, None, quantity, f"its total of {theirs:,} is not that of its parts, {known:,}")
    return replace(found, verdict=Verdict.EXPLAINED, why="; ".join(reasons + silent))
