"""What is written on a block of a transformer: what it is, how large, and its numbers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from archscope.diagrams.graph.units import label_of
from archscope.diagrams.request import Request
from archscope.diagrams.transformer.merging import ways_of
from archscope.diagrams.transformer.model import Model, Part
from archscope.diagrams.transformer.pieces import Piece
from archscope.diagrams.transformer.roles import tables_of
from archscope.diagrams.transformer.stream import Source
from archscope.diagrams.transformer.turning import turns
from archscope.diagrams.words import named_output
from archscope.layers.base import spell_count, spell_shape
from archscope.network import Network, Ref

USUAL: Final = ("op", "shape", "parameters")
"""What is written if nothing else is asked for."""

MOST_OUTPUTS: Final = 3
"""So many outputs of one block have their names written."""


@dataclass(frozen=True)
class Words:
    """The text of a block: what it is, and in smaller letters below, the rest."""

    title: tuple[str, ...]
    below: tuple[str, ...]


def words_of(part: Part | Source, model: Model, request: Request) -> Words:
    """The text of a block."""
    shows = {each: request.shows(each, *USUAL) for each in ("name", "op", "shape")}
    if isinstance(part, Source):
        shape = model.analysis.network.inputs[part.name]
        return Words((part.name,), (spell_shape(shape),) if shows["shape"] else ())
    labels = [label for piece in part.pieces if (label := label_of(piece.row.node, model.analysis.network))]
    title = (labels[0],) if labels else _title(part, model, brief=request.brief) if shows["op"] else ()
    if shows["name"]:
        title = title or (part.head.name,)
    below = list(_sizes(part)) if shows["shape"] else _positions_in(part) if request.brief and not request.bare else []
    if shows["name"] and title and title[-1] != part.head.name:
        below.insert(0, _named(part))
    return Words(title, (*below, *numbers_of(part, model, request), *outputs_on_the_way(part, model)))


def numbers_of(part: Part, model: Model, request: Request) -> list[str]:
    """What of a block's numbers shall be written."""
    numbers = _parameters(part, model) if request.shows("parameters", *USUAL) else []
    numbers += _macs(part) if request.shows("macs", *USUAL) else []
    return [*numbers, *request.price(part.layers, part.copies)]


def outputs_on_the_way(part: Part, model: Model) -> tuple[str, ...]:
    """The outputs that a block gives while the stream goes on, as arrows out of it say them."""
    given = () if part in model.ends else model.given(part)
    return tuple(f"→ {each}" for each in _outputs(given, model.analysis.network)) if given else ()


def words_of_end(part: Part | Source, model: Model, request: Request) -> Words:
    """The text where an arrow leads out of a block: which outputs it gives, and their shapes."""
    network = model.analysis.network
    given = model.given(part)
    shapes = dict.fromkeys(spell_shape(network.shape_of(ref)) for ref in given)
    return Words(_outputs(given, network), tuple(shapes) if request.shows("shape", *USUAL) else ())


def _outputs(given: Sequence[Ref], network: Network) -> tuple[str, ...]:
    if len(network.outputs) == 1:
        return ("output",)
    if len(given) > MOST_OUTPUTS:
        return (f"{len(given)} outputs",)
    return tuple(f"output {named_output(ref, network)}" for ref in given)


def _named(part: Part) -> str:
    """What the network calls it: what the names of its layers begin with."""
    names = [piece.name for piece in part.pieces if piece.row.weights] or [part.head.name]
    parts = [name.split(".") for name in names]
    shared = 0
    while all(len(each) > shared and each[shared] == parts[0][shared] for each in parts):
        shared += 1
    return ".".join(parts[0][:shared]) or part.head.name


def _parameters(part: Part, model: Model) -> list[str]:
    each, once = part.parameters
    shared = dict.fromkeys(name for piece in part.pieces for name in piece.row.shares)
    said = [f"{each:,} par."] if each else []
    said += [f"{once:,} par. for all {part.copies}"] if once else []
    return said + [f"shared with {_called(name, model)}" for name in shared]


def _called(name: str, model: Model) -> str:
    """A layer by the title of its block, where that is the only one of this title."""
    part = model.home.get(model.pieces.drawn_as(name))
    if not isinstance(part, Part):
        return name
    title = _title(part, model)
    alone = sum(each.role == part.role and _title(each, model) == title for each in model.parts) == 1
    return " ".join(title) if alone else name


def _macs(part: Part) -> list[str]:
    counts = [piece.row.macs for piece in part.pieces]
    if any(each is None for each in counts):
        return ["MACs not covered"]
    total = sum(int(each) for each in counts if each is not None)
    return [f"{total:,} MACs"] if total else []


def _title(part: Part, model: Model, *, brief: bool = False) -> tuple[str, ...]:
    head = part.head
    if part.role == "attention":
        return _attention(part, model, brief=brief and model.paired)
    if part.role == "embedding":
        several = sum(each.role == "embedding" for each in model.parts) > len(model.stacks)
        if several:
            own = head.inputs[0].node.removesuffix("_ids").removesuffix("s").replace("_", " ").title()
            return (f"{own} Embedding",)
        if model.paired:
            first = model.home[head.name] in {model.home[piece.name] for piece in _before(model, head)}
            return ("Embedding" if brief else "Input Embedding" if first else "Output Embedding",)
        return ("Token Embedding",)
    if part.role == "learned":
        return _learned(part, model)
    if part.role == "positions" and (tables := tables_of(head)):
        return ("Position Embedding",) if tables[0].trainable else ("Positional Encoding",)
    if part.role in ("norm", "add-norm"):
        kind = _norm(part)
        return ("Add & Norm",) if part.role == "add-norm" else (kind,)
    if part.role == "convolution":
        return ("Patch Embedding",) if is_patches(part) else (head.layer.label,)
    if part.role == "block":
        return (_block(part),)
    fixed = {"feed": ("Feed Forward",), "linear": ("Linear",), "softmax": ("Softmax",), "gate": ("Gate",),
             "up": ("Up",), "down": ("Down",), "experts": ("Mixture of Experts",),
             "positions": ("Positional", "Encoding"), "merge": ("Patch Merging",)}  # fmt: skip
    return fixed.get(part.role, (_other(part),))


def _block(part: Part) -> str:
    """What the network calls layers that interweave; how many there are, where it has no word for them."""
    name = _named(part).rpartition(".")[2]
    return spell_count(len(part.pieces), "layer") if name.isdigit() or part.head.name.endswith(name) else name


def is_patches(part: Part | Source) -> bool:
    """Whether it is a convolution whose windows lie side by side: each makes a vector of a patch."""
    if isinstance(part, Source) or part.role != "convolution":
        return False
    kernel = part.head.layer.kernel
    steps = tuple(window.stride for window in part.head.row.facts[0].windows or ())
    return kernel is not None and max(kernel) > 1 and tuple(kernel) == steps


def is_image(source: Source, model: Model) -> bool:
    """Whether an input is cut into patches."""
    return any(is_patches(model.home[piece.name]) for piece in model.pieces.readers[source.name])


def _before(model: Model, head: Piece) -> Sequence[Piece]:
    """The pieces of the first of two stacks that are an embedding like this one."""
    top = model.top(model.stacks[0])
    if isinstance(top, Source):
        return ()
    return [head] if model.pieces.leads(head.name, top.head.name) else ()


def _other(part: Part) -> str:
    layer = part.head.layer
    if layer.verb == "Selection":
        return layer.label.replace("select", "Position")
    if layer.label == "getitem" and any(piece.layer.label == "argmax" for piece in part.pieces):
        return "Position of argmax"
    return layer.label


def _attention(part: Part, model: Model, *, brief: bool) -> tuple[str, ...]:
    """Its title in two lines: whether it is masked and how its heads are, and to what it attends; in brief in one."""
    heads = _heads_in(part)
    kind = "Single-Head"
    if heads is None or (heads[0] > 1 and heads[0] == heads[1]):
        kind = "Multi-Head"
    elif heads[0] > heads[1]:
        kind = "Multi-Query" if heads[1] == 1 else "Grouped-Query"
    masked = "Masked " if _looks_back(part) else ""
    what = "Cross-Attention" if is_cross(part, model) else "Self-Attention"
    return (f"{masked}{what}",) if brief else (f"{masked}{kind}", what)


def _looks_back(part: Part) -> bool:
    """Whether what comes later is hidden: the layer says so, or a mask that is added in its block, as in T5."""
    masks = [hidden for piece in part.pieces if (hidden := piece.layer.hides()) is not None]
    return part.head.layer.looks_back or any(hidden.later for hidden in masks)


def is_cross(part: Part, model: Model) -> bool:
    """Whether it attends to the other stack."""
    return bool(memory_of(part, model))


def memory_of(part: Part, model: Model) -> Part | Source | None:
    """The block of the other stack that it reads."""
    if part.role != "attention" or not model.paired:
        return None
    top = model.top(model.stacks[0])
    mine = {piece.name for piece in part.pieces}
    read = {model.home[name] for piece in part.pieces for name in piece.reads if name not in mine}
    return top if top in read and part is not top else None


def _learned(part: Part, model: Model) -> tuple[str, ...]:
    if not model.pieces.is_constant(part.pieces[0].name):
        return ("Learned Queries",)
    readers = model.pieces.readers[part.pieces[0].name]
    joins = [each for each in readers if each.layer.symbol == "‖"]
    own = part.head.row.output
    if joins:
        return ("Class Token",) if int(own[0]) == 1 else ("Learned Tokens",)
    table = _table(part)
    if table and int(table[0]) < int(own[0]):
        return ("Segment Embedding",)
    given = any(piece.layer.verb == "Expansion" for piece in part.pieces)
    return ("Learned Vector",) if given or int(own[0]) == 1 else ("Position Embedding",)


def _table(part: Part) -> Sequence[int]:
    """The extents of the table that an embedding of its own looks up; none where there is no such table."""
    weights = [weight.shape for facts in part.head.row.facts for weight in facts.weights]
    looks_up = part.head.layer.verb == "Embedding" or part.head.layer.label.startswith("embedding")
    return weights[0] if looks_up and len(weights) == 1 and len(weights[0]) == 2 else ()


def _norm(part: Part) -> str:
    labels = {"LN": "Layer Norm", "RMS norm": "RMS Norm"}
    for piece in part.pieces:
        if piece.layer.verb == "Normalization":
            return labels.get(piece.layer.label, piece.layer.label)
    said = {piece.layer.label.partition(" ")[0] for piece in part.pieces if piece.layer.verb == "Reduction"}
    less = any(piece.layer.symbol == "−" for piece in part.pieces)
    return "Layer Norm" if less else "length 1" if said == {"sum"} else "RMS Norm"


def _sizes(part: Part) -> list[str]:
    """How large it is, in the papers' terms."""
    head = part.head
    if part.role == "attention":
        return _heads(part)
    if part.role == "add-norm":
        return [_norm(part).lower().replace("rms", "RMS")]
    if part.role in ("feed", "linear", "gate", "up", "down"):
        return _dense(part)
    if part.role == "experts":
        return _experts(part)
    if part.role == "merge":
        return _merging(part)
    if part.role == "convolution":
        return [*([head.layer.label] if is_patches(part) else []), _shape(part)]
    if part.role == "embedding":
        return [*_spelled(head), *_after(part)]
    if part.role == "learned":
        return [_times(_table(part) or head.row.output)]
    if part.role == "positions":
        return [_times(table.shape) for table in tables_of(head)]
    if part.role == "block":
        many = spell_count(len(part.pieces), "layer")
        return [*([] if _block(part) == many else [many]), f"to {spell_shape(head.row.output)}"]
    return [_shape(part)] if part.role == "other" else []


def _spelled(piece: Piece) -> list[str]:
    return [_times(weight.shape) for facts in piece.row.facts for weight in facts.weights[:1]]


def _times(shape: Sequence[int]) -> str:
    return " × ".join(f"{int(extent):,}" for extent in shape)


def _shape(part: Part) -> str:
    return f"to {spell_shape(part.pieces[-1].row.output)}"


def _after(part: Part) -> list[str]:
    """What follows in the same block, where it does something: a function, a factor."""
    shown = [piece.layer.label for piece in part.pieces[1:] if piece.layer.verb in ("Activation", "Arithmetic")]
    return shown if len(shown) < 3 else []


def _dense(part: Part) -> list[str]:
    """The widths that its dense layers go through, and the function between."""
    layers = [piece for piece in part.pieces if piece.layer.verb == "Full connection"]
    widths = [f"{int(layers[0].row.input_shapes[0][-1]):,}", *(f"{int(each.row.output[-1]):,}" for each in layers)]
    found = [piece.layer.label for piece in part.pieces if piece.layer.family == "activation"]
    # A factor gives GELU by tanh, or by a sigmoid, away where a module writes it out.
    written_out = any(factor in piece.layer.label for piece in part.pieces for factor in ("0.044715", "1.702"))
    return [" → ".join(widths), *(["GELU"] if written_out else found[:1])]


def _merging(part: Part) -> list[str]:
    """What becomes of patches side by side."""
    norms = [piece.layer.label for piece in part.pieces if piece.layer.verb == "Normalization"]
    dense = any(piece.layer.verb == "Full connection" for piece in part.pieces)
    return [" · ".join([f"{ways_of(part)} into 1", *norms]), *(_dense(part) if dense else [_shape(part)])]


def _heads(part: Part) -> list[str]:
    heads = _heads_in(part)
    said = []
    if heads is not None:
        queries, keys, width = heads
        of = f" of {width}"
        said = (
            [f"{spell_count(queries, 'head')}{of}"]
            if queries == keys
            else [f"{spell_count(queries, 'head')}{of}, {keys} for K and V"]
        )
    turned = any(piece.layer.verb == "Rotation" for piece in part.pieces) or turns(part.pieces)
    # Where a module is without values, the table that it looks up in attention is an embedding; tokens have theirs
    # before the blocks.
    biased = any(
        piece.layer.verb == "Relative positions" or piece.layer.label.startswith("embedding") for piece in part.pieces
    ) or _adds_a_table(part.head, heads)
    shifted = any(piece.layer.verb == "Roll" for piece in part.pieces)
    more = {"shifted windows": shifted, "rotary positions": turned, "relative positions": biased}
    return [*said, *(told for told, holds in more.items() if holds)]


def _positions_in(part: Part) -> list[str]:
    """How attention sees where a token stands, which nothing else on a figure in brief says."""
    return [each for each in _heads(part) if each.endswith("positions")] if part.role == "attention" else []


def _heads_in(part: Part) -> tuple[int, int, int] | None:
    """Heads of queries and of keys, and their width; of keys those that there are before each is repeated."""
    heads = _heads_of(part.head)
    shapes = part.head.row.input_shapes
    if heads is None or heads[0] != heads[1] or len(shapes) < 3 or len(shapes[1]) != 3:
        return heads
    queries, keys, width = heads
    pieces = {piece.name: piece for piece in part.pieces}
    before = pieces.get(part.head.inputs[1].node)
    while before is not None and before.inputs and not before.owned:
        shape = before.row.input_shapes[0]
        if len(shape) == 3 and shape[1:] == shapes[1][1:]:
            keys = min(keys, int(shape[0]))
        before = pieces.get(before.inputs[0].node)
    return queries, keys, width


def _heads_of(piece: Piece) -> tuple[int, int, int] | None:
    """Heads of queries and of keys, and their width: as the layer says, or as what a function that attends reads."""
    said = piece.layer.heads(piece.row.facts[0])
    shapes = piece.row.input_shapes
    if piece.layer.symbol == "@":  # of what each key weighs, and the values
        values = [int(extent) for extent in shapes[1]]
        return (
            (1, 1, values[-1]) if len(values) == 2 else (values[0], values[0], values[-1]) if len(values) == 3 else None
        )
    if said is not None or piece.layer.family != "function" or len(shapes) < 3:
        return said
    query, key = (tuple(int(extent) for extent in shape) for shape in shapes[:2])
    known = len(query) == len(key) == 3 and query[-1] == key[-1]
    return (query[0], key[0], query[-1]) if known else None


def _adds_a_table(head: Piece, heads: tuple[int, int, int] | None) -> bool:
    """Whether a function that attends holds a table with a number for each head, which its module calls relative."""
    weights = [weight for facts in head.row.facts for weight in facts.weights]
    return (
        heads is not None
        and head.layer.family == "function"
        and any(
            "relative" in weight.name and len(weight.shape) == 2 and weight.shape[1] == heads[0] for weight in weights
        )
    )


def _experts(part: Part) -> list[str]:
    known = experts_of(part)
    said = [f"{known[1]} of {spell_count(known[0], 'expert')} run"] if known else []
    if not known or known[2] is None:
        return said
    width = int(part.head.row.output[-1])
    return [*said, f"{width:,} → {known[2]:,} → {width:,} each"]


def experts_of(part: Part) -> tuple[int, int, int | None] | None:
    """How many experts there are, how many run at a position, and how wide each is inside, where that is known."""
    for piece in part.pieces:
        if piece.layer.experts is not None:
            return piece.layer.experts
        if piece.layer.label == "topk":
            return int(piece.row.input_shapes[0][-1]), int(piece.row.output[-1]), None
    return None
