"""What PyTorch runs for attention on a CPU: one fused operation where it can, products and a softmax where not."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from archscope.layers.steps import LIFT, MASK, WIDE, Made, Step, added, copied_linear
from archscope.record import Record
from archscope.working import bare

FUSED: Final = "scaled_dot_product_attention"
"""PyTorch's attention in one operation."""


class Product(Record):
    """A product of attention: the names of what it reads, and how large they are.

    Attributes:
        reads: queries, keys, values by name, of ``(heads, …, features)``.
        output: what it is called.
        heads: the leading axes of the queries.
        groups: those of keys and values.
        lengths: queries and keys.
        widths: features of queries and keys, and of values.
        mask: the name of a mask that is added to the scores.
        mask_shape: its extents.
        causal: whether nothing later is seen.
        dropout: probability that a weight is dropped.
    """

    reads: tuple[str, str, str]
    output: str
    heads: tuple[int, ...]
    groups: tuple[int, ...]
    lengths: tuple[int, int]
    widths: tuple[int, int]
    mask: str = ""
    mask_shape: tuple[int, ...] = ()
    causal: bool = False
    dropout: float = 0.0


def attended(product: Product) -> tuple[Step, ...]:
    """The steps of a product: fused where there is one axis of heads, one width, and nothing is dropped.

    Values of a head that do not lie side by side run in parts, too.
    """
    mask, parts = (product.mask,) if product.mask else (), _in_parts(product)
    if len(product.heads) != 1 or product.widths[0] != product.widths[1] or product.dropout:
        return (Step(FUSED, product.reads, (), mask, reads_too=mask, parts=parts),)
    fused = _fused(product, mask).replace(unlined=parts)
    # The fused operation has no gradient for a mask.
    return (fused.replace(learned=(product.mask, parts)),) if mask else (fused,)


def _fused(product: Product, mask: tuple[str, ...]) -> Step:
    """It keeps queries, keys, values, its output, and a sum of exponentials for each query; all gradients are made."""
    out = (*product.heads, product.lengths[0], product.widths[1])
    made = (Made(product.output, out), Made(f"sums of {product.output}", out[:-1], "float32"))
    saves = (*product.reads, *mask, product.output, f"sums of {product.output}")
    return Step(FUSED, product.reads, made, saves, reads_too=mask, lies=(0, 2, 1, 3), every=True)


def _in_parts(product: Product) -> tuple[Step, ...]:
    """Queries and keys scaled, their product, a softmax, and the product with the values, all in float32 at least."""
    length, seen = product.lengths
    width, made = product.widths
    heads = product.heads
    query, key, value = wide = tuple(f"{name} in {WIDE}" for name in product.reads)
    steps = [Step("to", (name,), (Made(each, (), WIDE, like=name),))
             for name, each in zip(product.reads, wide, strict=True)]  # fmt: skip
    bias = ""
    also: tuple[str, ...] = ()
    if product.causal:
        steps += _later(length, seen, typed=query)
        bias, also = "later added", ("later added",)
    steps.append(Step("mul", (query,), (Made("queries scaled", (*heads, length, width)),)))
    if product.groups != heads:
        times = bare(heads[-1]) // bare(product.groups[-1])
        steps += _repeated(key, "keys of all", product.groups, times, (seen, width))
        steps += _repeated(value, "values of all", product.groups, times, (seen, made))
        key, value = "keys of all", "values of all"
    turned = (*range(len(heads) + 1), len(heads) + 2, len(heads) + 1)
    steps += [
        Step("transpose", (key,), (Made("keys upright", (*heads, width, seen)),), views=True, turns=turned),
        Step("mul", ("keys upright",), (Made("keys scaled", (*heads, width, seen)),)),
        *multiplied_rows("queries scaled", "keys scaled", "scores", heads, (length, width, seen)),
    ]
    came, scores = "scores", (*heads, length, seen)
    if product.mask:
        smaller = product.mask_shape != scores
        steps.append(added(came, product.mask, scores, (product.mask,) if smaller else ())
                     .replace(makes=(Made("scores masked", scores),)))  # fmt: skip
        came = "scores masked"
    elif bias:
        steps.append(added(came, bias, scores).replace(reads=(came,), reads_too=(bias,), passes=(came,),
                                                       makes=(Made("scores masked", scores),)))  # fmt: skip
        came = "scores masked"
    steps.append(Step("softmax", (came,), (Made("shares", scores),), ("shares",)))
    came = "shares"
    if product.dropout:
        steps += [
            Step("bernoulli", (), (Made("shares kept", scores, typed="shares"),), reads_too=("shares",)),
            Step("mul", ("shares",), (Made("shares left", scores),), ("shares kept",), reads_too=("shares kept",)),
        ]
        came = "shares left"
    # PyTorch gives the shares too, in the type of the queries, though nobody asks for them.
    given = product.reads[0]
    steps.append(Step("to", (came,), (Made("shares given", (), like=came, typed=given),)))
    steps += multiplied_rows(came, value, f"{product.output} in {WIDE}", heads, (length, seen, made))
    held = dict.fromkeys(("shares given", "queries scaled", *also, *product.reads, *wide, key, value, came))
    output = Made(product.output, (), like=f"{product.output} in {WIDE}", typed=given)
    steps.append(Step("to", (f"{product.output} in {WIDE}",), (output,), reads_too=tuple(held)))
    return tuple(step.replace(inside=True) for step in steps)


def told_what_is_later(steps: Sequence[Step]) -> tuple[Step, ...]:
    """The steps of attention that is given its mask of what comes later: it makes none, and reads another's."""
    given = (Made("later added", (0,)),)

    def parts(every: Sequence[Step]) -> tuple[Step, ...]:
        left = (each for each in every if each.op not in ("ones", "tril"))
        return tuple(
            each.replace(makes=given, reads_too=()) if each.makes[0].name == "later added" else each for each in left
        )

    return tuple(step.replace(parts=parts(step.parts), unlined=parts(step.unlined)) for step in steps)


def multiplied_rows(
    left: str, right: str, output: str, heads: tuple[int, ...], extents: tuple[int, int, int]
) -> list[Step]:
    """A product of matrices for every head: the heads of all samples are one axis for it."""
    rows, inner, columns = extents
    if len(heads) == 0:
        return [bmm(left, right, Made(output, (rows, columns)))]
    lefts, rights = f"rows of {left}", f"rows of {right}"
    many = _one(heads)
    return [
        Step("reshape", (left,), (Made(lefts, (many, rows, inner), folded=True),), views=True),
        Step("reshape", (right,), (Made(rights, (many, inner, columns), folded=True),), views=True),
        bmm(lefts, rights, Made(f"rows of {output}", (many, rows, columns), folded=True))
        # What it was given is there until it has run, rows of it copied or not.
        .replace(reads_too=(left, right)),
        # By `_unsafe_view`, of which autograd knows nothing: what is written over it is written over a view of none.
        Step("reshape", (f"rows of {output}",), (Made(output, (*heads, rows, columns)),), views=True, in_place=True),
    ]


def bmm(left: str, right: str, made: Made) -> Step:
    """A product of matrices: each is kept for the gradient of the other."""
    return Step("bmm", (left, right), (made,), saves_for={left: right, right: left})


def _one(heads: Sequence[int]) -> int:
    many = heads[0]
    for each in heads[1:]:
        many = many * each
    return many


def _later(length: int, seen: int, name: str = "later", typed: str = "") -> list[Step]:
    """A mask of what comes later, as numbers that are added."""
    return [
        Step("ones", (), (Made(f"all of {name}", (length, seen), MASK, each=False),)),
        Step("tril", (), (Made(name, (length, seen), MASK, each=False),), reads_too=(f"all of {name}",)),
        Step("zeros", (), (Made(f"{name} added", (length, seen), each=False, typed=typed),), reads_too=(name,)),
    ]


def _repeated(name: str, made: str, groups: tuple[int, ...], times: int, shape: tuple[int, int]) -> list[Step]:
    """Keys or values of a group, once for every head of it."""
    several = (*groups[:-1], groups[-1] * times, *shape)
    return [Step("repeat_interleave", (name,), (Made(made, several),))]


class Projections(Record):
    """`torch.nn.MultiheadAttention` on some inputs.

    Attributes:
        inputs: how many it reads, one to three.
        lengths: queries and keys.
        features: those that leave.
        heads: how many there are.
        apart: whether keys and values of other widths have matrices of their own.
        bias: whether the projections add constants.
        mask: whether a fourth input is a mask.
        causal: whether nothing later is seen.
        dropout: probability that a weight is dropped.
        learned: whether a learned key and value stand behind those that come.
        zeros: whether a key and a value of zeros stand behind all.
        padding: the name of what hides some keys of a sample from all its positions; empty for nothing.
        numbers: whether that is added to scores as it is, and not yes or no.
    """

    inputs: int
    lengths: tuple[int, int]
    features: int
    heads: int
    apart: bool
    bias: bool
    mask: bool
    causal: bool
    dropout: float = 0.0
    learned: bool = False
    zeros: bool = False
    padding: str = ""
    numbers: bool = False


def attention(asked: Projections) -> tuple[Step, ...]:
    """The steps of `torch.nn.MultiheadAttention`: positions come first inside it, and the samples after."""
    length, seen = asked.lengths
    wide, heads = asked.features, asked.heads
    each = bare(wide) // heads
    steps: list[Step] = []
    held: tuple[str, ...] = ()
    if asked.mask:
        scores = Made("mask of all", (heads, length, seen), folded=True)
        spread = Made("mask spread", (heads, length, seen))
        steps += [
            Step("expand", ("input 4",), (spread,), views=True),
            Step("flatten", ("mask spread",), (scores,), views=True),
        ]
        held = (scores.name,)
    if asked.causal:
        # A module that is no own of archscope's is given such a mask by its code.
        steps += [step.replace(op=LIFT) for step in _later(length, seen, "what is later", typed="input")]
        held = ("what is later", "what is later added")
    padding = asked.padding
    if padding and not asked.numbers:
        padding = "padding added"
        steps.append(Step("zeros", (), (Made(padding, (seen,), typed="input"),), reads_too=(asked.padding,)))
        held = (padding,)
    names = ("input", "input 2", "input 3")[: asked.inputs]
    turned = [f"{name} turned" for name in names]
    steps += [Step("transpose", (name,), (Made(made, ()),), views=True, turns=(1, 0, 2))
              for name, made in zip(names, turned, strict=True)]  # fmt: skip
    steps += _packed(asked, turned) if not asked.apart and asked.inputs < 3 else _one_by_one(asked, turned)
    more = asked.learned + asked.zeros
    hides = "mask of all" if asked.mask else "what is later added" if asked.causal and more else ""
    if asked.learned:
        steps += [*_behind("keys", "bias_k", seen, wide), *_behind("values", "bias_v", seen, wide)]
        hides = _longer(steps, hides, asked, seen + 1)
    many_keys = seen + asked.learned
    for name, many in (("queries", length), ("keys", many_keys), ("values", many_keys)):
        came = f"{name} longer" if asked.learned and name != "queries" else f"{name} projected"
        steps += [
            Step("view", (came,), (Made(f"{name} apart", (many, heads, each), at=1, folded=True),), views=True),
            Step("transpose", (f"{name} apart",),
                 (Made(f"{name} turned", (heads, many, each), folded=True),), views=True, turns=(1, 0, 2)),
        ]  # fmt: skip
    for name in ("keys", "values") if asked.zeros else ():
        longer = Made(f"{name} to zero", (heads, many_keys + 1, each), folded=True)
        steps += [
            Step("zeros", (), (Made(f"zero of {name}", (heads, 1, each), folded=True, typed=f"{name} turned"),)),
            Step("cat", (f"{name} turned",), (longer,), passes=(f"{name} turned",), reads_too=(f"zero of {name}",)),
        ]
    if asked.zeros:
        hides = _longer(steps, hides, asked, seen + more)
    seen = seen + more
    held = (*held, hides) if hides and more else held
    masked = hides
    if asked.mask:
        masked = "mask of heads"
        steps.append(Step("view", (hides,), (Made(masked, (heads, length, seen)),), views=True))
    if padding:
        masked = "padding of heads"
        steps += _for_heads(padding, masked, heads, seen)
        held = (*held, "padding of all")
    for name, many in (("queries", length), ("keys", seen), ("values", seen)):
        came = f"{name} to zero" if asked.zeros and name != "queries" else f"{name} turned"
        steps.append(Step("view", (came,), (Made(name, (heads, many, each)),), views=True))
    scores_ = (length, seen) if asked.causal and more else (heads, 1 if padding else length, seen)
    seen_ = Product(("queries", "keys", "values"), "seen", (heads,), (heads,), (length, seen), (each, each), masked,
                    scores_, asked.causal and not more, asked.dropout)  # fmt: skip
    steps += attended(seen_)
    weights = ("out_proj.weight", "out_proj.bias") if asked.bias else ("out_proj.weight",)
    steps += [
        Step("permute", ("seen",), (Made("seen turned", (length, heads, each), at=1),), views=True, turns=(2, 0, 1, 3)),
        Step("contiguous", ("seen turned",), (Made("seen in order", ()),), views=True, lined=True),
        Step("view", ("seen in order",), (Made("rows", (length, wide), folded=True),), views=True),
        Step("linear", ("rows", *weights), (Made("rows out", (length, wide), folded=True),), ("rows",)),
        Step("view", ("rows out",), (Made("out", (length, wide), at=1),), views=True),
        Step("transpose", ("out",), (Made("output", (length, wide)),), views=True, turns=(1, 0, 2), reads_too=held),
    ]
    return tuple(steps)


def _for_heads(padding: str, made: str, heads: int, seen: int) -> list[Step]:
    """What hides keys of a sample, once for every head."""
    return [
        Step("view", (padding,), (Made("padding apart", (1, 1, seen)),), views=True),
        Step("expand", ("padding apart",), (Made("padding spread", (heads, 1, seen)),), views=True),
        Step("flatten", ("padding spread",), (Made("padding of all", (heads, 1, seen), folded=True),), views=True),
        Step("view", ("padding of all",), (Made(made, (heads, 1, seen)),), views=True),
    ]


def _longer(steps: list[Step], mask: str, asked: Projections, seen: int) -> str:
    """A mask for a key more; its name."""
    if not mask:
        return ""
    shape = (asked.heads, asked.lengths[0], seen) if asked.mask else (asked.lengths[0], seen)
    made = Made(f"{mask}, {seen} keys", shape, each=asked.mask, folded=asked.mask, typed=mask)
    steps.append(Step("pad", (mask,) if asked.mask else (), (made,), reads_too=() if asked.mask else (mask,)))
    return made.name


def _behind(name: str, weight: str, many: int, wide: int) -> list[Step]:
    """A learned key or value behind those that come, the same for every sample."""
    whole = f"{name} longer"
    return [
        Step("repeat", (weight,), (Made(f"{name} of its own", (1, wide), at=1),), passes=(weight,), reduces=(weight,)),
        Step("cat", (f"{name} projected", f"{name} of its own"), (Made(whole, (many + 1, wide), at=1),),
             passes=(f"{name} projected", f"{name} of its own")),
    ]  # fmt: skip


def _packed(asked: Projections, turned: Sequence[str]) -> list[Step]:
    """One matrix for queries, keys and values of one input; with two inputs one for keys and values."""
    wide = asked.features
    length, seen = asked.lengths
    if asked.inputs == 1:
        bias = "in_proj_bias" if asked.bias else ""
        together = _side_by_side("projected", length, wide, ("queries", "keys", "values"))
        return [copied_linear(turned[0], "in_proj_weight", bias, Made("projected", (length, 3 * wide), at=1)),
                *together]  # fmt: skip
    steps = _parts_of("in_proj_weight", ("weight of queries", "weight of both"), (wide, 2 * wide), (wide,))
    biases = ("", "")
    if asked.bias:
        biases = ("bias of queries", "bias of both")
        steps += _parts_of("in_proj_bias", biases, (wide, 2 * wide), ())
    steps += [
        copied_linear(turned[0], "weight of queries", biases[0], Made("queries projected", (length, wide), at=1)),
        copied_linear(turned[1], "weight of both", biases[1], Made("both projected", (seen, 2 * wide), at=1)),
    ]
    return [*steps, *_side_by_side("both projected", seen, wide, ("keys", "values"))]


def _parts_of(name: str, parts: Sequence[str], sizes: Sequence[int], rest: tuple[int, ...]) -> list[Step]:
    """Parts of a weight, each seen as one of its own."""
    made = tuple(Made(part, (size, *rest), each=False) for part, size in zip(parts, sizes, strict=True))
    return [Step("split", (name,), made, views=True)]


def _side_by_side(name: str, length: int, wide: int, parts: Sequence[str]) -> list[Step]:
    """What came out of one matrix, copied so that each part lies together."""
    many = len(parts)
    return [
        Step("unflatten", (name,), (Made("side by side", (length, many, wide), at=1),), views=True),
        Step("transpose", ("side by side",), (Made("one by one", (many, length, wide), at=2),), views=True,
             turns=(2, 0, 1, 3)),
        Step("contiguous", ("one by one",), (Made("in order", ()),), views=True, lined=True),
        *(Step("select", ("in order",), (Made(f"{part} projected", (length, wide), at=1),), views=True, takes=0)
          for part in parts),
    ]  # fmt: skip


def _one_by_one(asked: Projections, turned: Sequence[str]) -> list[Step]:
    """A matrix for each: parts of one, or of their own where the widths differ."""
    wide = asked.features
    length, seen = asked.lengths
    roles = ("queries", "keys", "values")
    read = (turned[0], turned[min(1, len(turned) - 1)], turned[-1])
    steps: list[Step] = []
    weights = tuple(f"{letter}_proj_weight" for letter in "qkv")
    if not asked.apart:
        weights = tuple(f"weight of {role}" for role in roles)
        steps += _parts_of("in_proj_weight", weights, (wide, wide, wide), (wide,))
    biases: tuple[str, ...] = ("", "", "")
    if asked.bias:
        biases = tuple(f"bias of {role}" for role in roles)
        steps += _parts_of("in_proj_bias", biases, (wide, wide, wide), ())
    for role, name, weight, bias, many in zip(roles, read, weights, biases, (length, seen, seen), strict=True):
        steps.append(copied_linear(name, weight, bias, Made(f"{role} projected", (many, wide), at=1)))
    return steps
