"""The known slips: what a pupil forgets or exchanges, tried on the rule's own working.

A slip takes a layer in its place, `Place`, and gives it back as somebody who makes that slip would see it, with the
sentence a tutor would say. So slips can follow one another, and no formula is written here a second time: a layer
with another option is asked for its facts, or a term of the arithmetic that it kept is changed.

>>> import archscope
>>> analysis = archscope.analyze(archscope.load("lenet5"))
>>> place = Place.of(analysis, analysis["C1"], "parameters")
>>> place.value.working
'(5·5·1 + 1)·6'
>>> [(each.says, each.place.value.working) for each in SLIPS["bias forgotten"](place)]
[('the 6 biases are missing', '5·5·1·6')]
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

from archscope.classroom import edits, fields
from archscope.classroom.place import Place, Slipped, Tree
from archscope.layers import TYPES
from archscope.working import Count

Slip = Callable[[Place], Iterator[Slipped]]


def _shared(place: Place) -> Iterator[Slipped]:
    if place.shared and place.quantity == "parameters":
        says = f"the weights are those of {place.shared}; shared weights are counted once, there"
        yield Slipped(place.replace(known=None, shared=""), says)


def _bias_forgotten(place: Place) -> Iterator[Slipped]:
    if place.quantity not in ("parameters", "connections") or not all(facts.output for facts in place.facts):
        return
    biases = [weight for facts in place.facts for weight in facts.weights if "bias" in weight.name]
    missing = f"the {sum(int(each.values) for each in biases):,} biases are missing"
    if place.quantity == "connections":
        missing = "the bias line of each unit is missing: the + 1 in the brackets"
    if place.has("bias"):
        if getattr(place.layer, "bias", False):
            tied = {"untie_biases": False} if place.has("untie_biases") else {}
            yield Slipped(place.with_options(bias=False, **tied), missing)
    elif biases:
        yield Slipped(place.replace(after=(*place.after, edits.without_constant)), missing)


def _bias_shared(place: Place) -> Iterator[Slipped]:
    if place.quantity == "parameters" and getattr(place.layer, "untie_biases", False):
        says = "the units of a map are given one bias together; here each of them has one of its own"
        yield Slipped(place.with_options(untie_biases=False), says)


def _bias_once(place: Place) -> Iterator[Slipped]:
    if place.quantity in ("parameters", "connections"):
        says = "one bias is added to the whole layer; every unit has one of its own, so the + 1 stands in the brackets"
        yield Slipped(place.replace(after=(*place.after, edits.constant_once)), says)


def _padding(place: Place) -> Iterator[Slipped]:
    padding = getattr(place.layer, "padding", None) if place.has("padding") else None
    if padding and (padding == "same" or any(map(any, padding))):
        told = "" if padding == "same" else f" of {padding[0][0]}"
        yield Slipped(place.with_options(padding=0), f"the padding{told} is ignored")
        once = f"the padding{told} is counted on one side only; it widens both"
        yield Slipped(place.replace(across=(*place.across, edits.padded_once)), once)


def _groups(place: Place) -> Iterator[Slipped]:
    groups = getattr(place.layer, "groups", 1) if place.has("groups") else 1
    if groups > 1:
        says = f"the {groups} groups are ignored: a kernel sees 1/{groups} of the maps that come in"
        yield Slipped(place.with_options(groups=1), says)
    elif place.split > 1 and (place.has("out_channels") or place.has("out_features")):
        says = f"each tower sees only its own maps, 1/{place.split} of those that come in"
        yield Slipped(place.with_inputs(lambda shape: (int(shape[0]) * place.split, *shape[1:])), says)


def _table(place: Place) -> Iterator[Slipped]:
    table = getattr(place.layer, "connection_table", None)
    if table is not None:
        pairs, whole = sum(map(len, table)), len(table) * int(place.parts[0].inputs[0][0])
        says = f"the connection table is taken as dense: it joins {pairs} pairs of maps and not all {whole}"
        yield Slipped(place.with_options(connection_table=None), says)
        alone = f"a kernel for each of the {pairs} pairs of the connection table is needed, not one for each map"
        one = ((0,),) * len(table)
        yield Slipped(place.with_options(connection_table=one), alone)


def _channels_left_out(place: Place) -> Iterator[Slipped]:
    if place.layer.kernel is None or place.quantity in ("output", "receptive_field") or not place.has("out_channels"):
        return
    maps = int(place.parts[0].inputs[0][0])
    groups = getattr(place.layer, "groups", 1) if place.has("groups") else 1
    if maps // groups > 1 and getattr(place.layer, "connection_table", None) is None:
        says = f"the input channels are left out: a kernel spans all {maps // groups} maps that it sees"
        yield Slipped(place.replace(after=(*place.after, lambda root: edits.without(root, "c"))), says)


def _rounding(place: Place) -> Iterator[Slipped]:
    for change, says in (
        (edits.rounded_up, "the size is rounded up; the last window has to fit, so it is rounded down"),
        (
            edits.rounded_down,
            "the size is rounded down; `ceil_mode` lets the last window hang over, so it is rounded up",
        ),
    ):
        yield Slipped(place.replace(across=(*place.across, change)), says)


def _plus_one(place: Place) -> Iterator[Slipped]:
    if place.layer.kernel is not None:
        says = "the + 1 of the size is missing: the window also stands at its first position"
        yield Slipped(place.replace(across=(*place.across, edits.without_constant)), says)


def _stride(place: Place) -> Iterator[Slipped]:
    if place.layer.kernel is None or not place.has("stride"):
        return
    says = "the stride stands on the wrong side: {}"
    for change, how in (
        (edits.one_inside, "the + 1 comes after the division"),
        (edits.divided_first, "it divides what is left after the kernel is taken off, not the input alone"),
        (edits.multiplied, "it divides the steps and does not multiply them"),
    ):
        yield Slipped(place.replace(across=(*place.across, change)), says.format(how))
    steps = getattr(place.layer, "steps", None) or getattr(place.layer, "stride", None)
    if steps and any(step != 1 for step in steps):
        yield Slipped(place.with_options(stride=1), f"the stride of {steps[0]} is ignored")


def _pooling(place: Place) -> Iterator[Slipped]:
    """A window without kernels of its own, given weights as those that have them; or the reverse."""
    layer = place.layer
    if not place.has("kernel_size", "stride") or place.has("out_channels") or layer.axes not in (1, 2, 3):
        return
    if place.quantity in ("output", "receptive_field"):
        return
    weighted = any(facts.weights for facts in place.facts)
    means = "sub-sampling trains one weight and one bias a map" if weighted else "pooling has no weights"
    if weighted:
        yield Slipped(_as_type(place, f"avg_pool{layer.axes}d", {}), f"it is taken for plain pooling; {means}")
    maps = int(place.parts[0].inputs[0][0])
    instead: list[tuple[str, dict[str, Any], str]] = []
    if not weighted and layer.axes == 2:
        instead.append(("subsampling", {}, "those of LeCun's trainable sub-sampling are counted"))
    conv = f"conv{layer.axes}d"
    for groups, whose in ((1, "those of a convolution are counted"), (maps, "a kernel for each map is counted")):
        for bias in (True, False):
            options = {"out_channels": maps, "groups": groups, "bias": bias}
            instead.append((conv, options, whose if bias else f"{whose}, without biases"))
    for type_, options, how in instead:
        yield Slipped(_as_type(place, type_, options), f"{means}; {how}")


def _as_type(place: Place, type_: str, options: Mapping[str, Any]) -> Place:
    """The same windows as another type has them."""
    made: Any = TYPES[type_]
    parts = []
    for part in place.parts:
        layer: Any = part.layer
        stride = getattr(layer, "steps", None) or layer.stride
        parts.append(part.replace(layer=made(kernel_size=layer.kernel_size, stride=stride, **options)))
    return place.replace(parts=tuple(parts), known=None)


_EXCHANGED: Final[Mapping[tuple[str, str], str]] = {
    ("parameters", "connections"): "these are the connections; a parameter is shared by all positions and counted once",
    ("parameters", "macs"): "these are the MACs; a parameter is shared by all positions and counted once",
    ("parameters", "units"): "these are the units; parameters are the trainable values",
    ("connections", "parameters"): "these are the parameters; connections are counted at every position",
    ("connections", "macs"): "these are the MACs; connections count the bias line of every unit too",
    ("connections", "units"): "these are the units; each of them has a connection for every input of its window",
    ("macs", "connections"): "these are the connections; a bias is added and not multiplied, so it is no MAC",
    ("macs", "parameters"): "these are the parameters; a product is taken at every position",
    ("macs", "flops"): "these are the FLOPs, two for each MAC",
    ("flops", "macs"): "these are the MACs; each is two FLOPs",
    ("units", "parameters"): "these are the parameters; units are the output values",
    ("units", "connections"): "these are the connections; units are the output values",
}  # fmt: skip


def _exchanged(place: Place) -> Iterator[Slipped]:
    for (asked, given), says in _EXCHANGED.items():
        if asked == place.quantity:
            yield Slipped(place.replace(quantity=given, known=None), says)


def _factors(place: Place) -> Iterator[Slipped]:
    """A factor of the product left out."""
    if place.quantity in ("output", "receptive_field"):
        return
    words = {
        "n": "the kernels are counted once: the number of units, {}, is missing as a factor",
        "h": "the height, {}, is missing as a factor: a unit stands at every position",
        "w": "the width, {}, is missing as a factor: a unit stands at every position",
        "k": "the kernel is counted along one side only: {0} and not {0}·{0}",
    }
    letters = place.value.letters
    for letter, says in words.items():
        if letter in letters:
            tree = _leaving_one if letter == "k" else _leaving(letter)
            yield Slipped(place.replace(after=(*place.after, tree)), says.format(letters[letter]))


def _leaving_one(root: Count) -> Iterator[Count]:
    return edits.without_one(root, "k")


def _leaving(letter: str) -> Tree:
    return lambda root: edits.without(root, letter)


def _flatten(place: Place) -> Iterator[Slipped]:
    if place.before is not None and place.quantity != "output":
        maps, whole = int(place.before[0]), int(place.parts[0].inputs[0][0])
        if maps != whole:
            says = f"each of the {maps} maps is counted as one input; flattened they are {whole:,} values"
            yield Slipped(place.with_inputs(lambda _: (maps,)), says)


def _maps_kept(place: Place) -> Iterator[Slipped]:
    if place.has("out_channels"):
        maps = int(place.parts[0].inputs[0][0])
        if place.quantity == "output":
            kernels = sum(int(facts.output[0]) for facts in place.facts)
            says = f"each of the {kernels} kernels makes a map: {kernels} go out, and not the {maps} that came in"
            yield Slipped(place.replace(channels=maps), says)
        elif getattr(place.layer, "connection_table", None) is None and len(place.parts) == 1:
            own: Any = place.layer
            swapped = place.with_inputs(lambda shape: (own.out_channels, *shape[1:])).with_options(out_channels=maps)
            yield Slipped(
                swapped, f"input and output channels are exchanged: {maps} come in and {own.out_channels} go out"
            )


def _sides_swapped(place: Place) -> Iterator[Slipped]:
    if place.quantity == "output":
        yield Slipped(place.replace(swapped=True), "height and width are swapped")
    kernel = place.layer.kernel
    if kernel is not None and place.has("kernel_size") and len(set(kernel)) > 1:
        says = "the height and the width of the kernel are swapped"
        yield Slipped(place.with_options(kernel_size=tuple(reversed(kernel))), says)


def _kernel(place: Place) -> Iterator[Slipped]:
    kernel = place.layer.kernel
    if kernel is None or not place.has("kernel_size") or len(set(kernel)) != 1:
        return
    own = int(kernel[0])
    for side in sorted(range(1, 12), key=lambda each: (abs(each - own), each)):
        if side != own:
            says = f"the side of the kernel is {own} and not {side}"
            yield Slipped(place.with_options(kernel_size=side), says)


def _doubled(place: Place) -> Iterator[Slipped]:
    if place.quantity in ("output", "receptive_field"):
        return
    twice = "it is twice the number" + (": these are FLOPs, two for each MAC" if place.quantity == "macs" else "")
    yield Slipped(place.replace(after=(*place.after, lambda root: (Count(2) * root,))), twice)
    yield Slipped(
        place.replace(after=(*place.after, lambda root: () if root % 2 else (root.over(2),))), "it is half the number"
    )


SLIPS: Final[Mapping[str, Slip]] = {
    "shared weights counted": _shared,
    "bias forgotten": _bias_forgotten,
    "bias shared": _bias_shared,
    "pooling given weights": _pooling,
    "quantities exchanged": _exchanged,
    "padding ignored": _padding,
    "groups ignored": _groups,
    "table taken as dense": _table,
    "input channels left out": _channels_left_out,
    "rounding": _rounding,
    "plus one forgotten": _plus_one,
    "stride on the wrong side": _stride,
    "flatten forgotten": _flatten,
    "maps exchanged": _maps_kept,
    "height and width swapped": _sides_swapped,
    "strides forgotten": fields.strides,
    "pools left out": fields.pools,
    "dilation ignored": fields.dilations,
    "jump mistaken": fields.jumps,
    "reach mistaken": fields.reaches,
    "beginning mistaken": fields.beginnings,
    "doubled": _doubled,
    "factor missing": _factors,
    "bias counted once": _bias_once,
    "kernel side mistaken": _kernel,
}
"""Every slip by name, the likeliest first."""
