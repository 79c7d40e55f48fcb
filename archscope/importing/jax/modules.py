"""Modules of Flax and Equinox that are one layer each, told by the class whose ``__call__`` ran."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Any, Final

from archscope.errors import Rejects
from archscope.importing.jax import products
from archscope.importing.jax.flat import Step
from archscope.importing.jax.lowering import JAX, Group, Lowering, together
from archscope.importing.jax.marks import Use, owner_of
from archscope.layers import TYPES
from archscope.layers.base import Weight

_QUIET: Final = frozenset({"mask", "key", "inference", "deterministic", "rngs", "rng", "use_running_average", "state",
                           "out_sharding", "decode", "inputs_k", "inputs_v", "is_causal"})  # fmt: skip
"""Arguments by name under which a call is still the layer, where they are no arrays of the network's."""


class Called:
    """One call of a module that may be a layer: its values and weights.

    Args:
        group: what ran.
        low: the operators so far.
    """

    def __init__(self, group: Group, low: Lowering) -> None:
        self.group = group
        self.low = low
        self.use: Use = low.traced.uses[group.begins.use]
        self.module = self.use.module
        self.path = self.use.path
        reads = [low.origin(each) for each in group.begins.reads]
        self.given = [each for each in reads if each in low.reached]
        self.steps = [each for each in group.steps if not each.name.startswith("archscope_")]
        self.tally = together(self.steps)
        for step in group.steps:
            if step.name in ("archscope_begins", "convert_element_type", "stop_gradient", "copy"):
                for name, other in zip(step.makes, step.reads, strict=True):
                    low.same(name, other)
        self.made = group.ends.makes[0] if group.ends.makes else ""

    @property
    def held(self) -> list[str]:
        """The weights that are read, as they are held."""
        reads = [self.low.origin(each) for step in self.steps for each in step.reads]
        return [each for each in dict.fromkeys(reads) if each in self.low.weights]

    def weight(self, *names: str) -> str:
        """The weight of one of some names; empty where there is none."""
        return next((each for name in names for each in self.held if f".{each}".endswith(f".{name}")), "")

    def is_fresh(self) -> bool:
        """Whether it reads nothing but what it is given, weights and constants, and makes one value for others."""
        inside = {name for step in self.group.steps for name in step.makes}
        reads = {self.low.origin(each) for step in self.steps for each in step.reads}
        beside = {each for each in reads - inside if each in self.low.reached} - set(self.given)
        derived = [each for each in reads - inside if each not in self.low.reached and each not in self.low.weights
                   and not each.startswith(("constant:", "state:"))]  # fmt: skip
        return not beside and not derived

    def is_map(self, rank: int) -> str:
        """What it is given with channels in front; empty where that has another number of axes."""
        name = self.given[0]
        return self.low.maps(name) if len(self.low.flat.shapes[name]) == rank else ""

    def keep(self, type_: str, reads: Sequence[str], *, maps: bool, domain: str = "", **attributes: Any) -> bool:
        """Keep it as one operator."""
        low, shape = self.low, self.low.flat.shapes[self.made]
        maps = maps and low.last and len(shape) > 2
        form = low.new((shape[0], shape[-1], *shape[1:-1]) if maps else shape, low.dtypes[self.made])
        low.add(type_, reads, [form], domain=domain, path=self.path, tally=self.tally, **attributes)
        low.know(self.made, form, maps=maps)
        for name, other in list(zip(self.group.ends.makes, self.group.ends.reads, strict=True))[1:]:
            low.same(name, other)
        return True


Reading = Callable[[Called], bool]
"""Keeps a call as a layer; False where it is none, and what ran in it is kept."""


def reading_of(module: Any) -> Reading | None:
    """What makes a layer of a call, by the class that has the call; None for a person's own."""
    owner = owner_of(module)
    if owner is None:
        return None
    library = owner.__module__.partition(".")[0]
    return _READINGS.get((library, owner.__name__))


def lower_module(group: Group, low: Lowering) -> bool:
    """Keep a module's call as the layer that it is; False where it is none."""
    use = low.traced.uses[group.begins.use]
    reading = reading_of(use.module)
    if reading is None or not _is_plain(use):
        return False
    called = Called(group, low)
    if not called.given or not called.made or called.tally.why:
        return False
    return reading(called)


def _is_plain(use: Use) -> bool:
    return all(name in _QUIET for name in use.kwargs) and use.kwargs.get("mask") is None


def _conv(called: Called) -> bool:
    convs = [each for each in called.steps if each.name == "conv_general_dilated"]
    rest = {each.name for each in called.steps} - {"conv_general_dilated", "reshape", "broadcast_in_dim", "squeeze",
                                                   "add", "convert_element_type"}  # fmt: skip
    if len(convs) != 1 or rest or not called.is_fresh():
        return False
    step: Step = convs[0]
    axes = len(step.params["window_strides"])
    given = called.is_map(axes + 2)
    if not given:
        return False
    products.conv(step, called.low, given=given, bias=called.weight("bias"), made=called.made)
    return True


def _dropout(called: Called) -> bool:
    if called.steps:
        return False
    name = called.given[0]
    maps = called.low.is_map(name)
    rate = getattr(called.module, "rate", getattr(called.module, "p", 0.5))
    source = called.low.maps(name) if maps else called.low.plain(name)
    return called.keep("Dropout", [source], maps=maps, ratio=float(rate))


def _batch_norm(called: Called) -> bool:
    rank = len(called.low.flat.shapes[called.given[0]])
    if called.low.last and tuple(_each(called.module.axis)) not in ((-1,), (rank - 1,)):
        return False
    kept = ("batch_state_index", "ema_state_index")  # Equinox keeps the mean and the variance beside the module
    mean = called.weight("mean", *(f"{each}.0" for each in kept))
    var = called.weight("var", *(f"{each}.1" for each in kept))
    if not mean or not var:
        return False
    reads = [called.is_map(rank), called.weight("scale", "weight"), called.weight("bias"), mean, var]
    momentum, eps = getattr(called.module, "momentum", 0.99), _eps(called.module)
    return called.keep("BatchNormalization", reads, maps=True, epsilon=eps, momentum=float(momentum))


def _each(value: Any) -> tuple[int, ...]:
    return tuple(value) if isinstance(value, (tuple, list)) else (int(value),)


def _eps(module: Any) -> float:
    return float(getattr(module, "epsilon", getattr(module, "eps", 1e-5)))


def _layer_norm(type_: str) -> Reading:
    def reading(called: Called) -> bool:
        name = called.given[0]
        rank = len(called.low.flat.shapes[name])
        shape = getattr(called.module, "shape", None)
        if shape is not None:
            axis = -len(_each(shape))
        else:
            axes = sorted(each % rank for each in _each(called.module.reduction_axes))
            features = sorted(each % rank for each in _each(called.module.feature_axes))
            if axes != features or axes != list(range(axes[0], rank)):
                return False
            axis = axes[0] - rank
        reads = [called.low.plain(name), called.weight("scale", "weight")]
        if type_ == "LayerNormalization":
            reads.append(called.weight("bias"))
        elif called.weight("bias"):
            return False
        return called.is_fresh() and called.keep(type_, reads, maps=False, axis=axis, epsilon=_eps(called.module))

    return reading


def _group_norm(called: Called) -> bool:
    groups = getattr(called.module, "num_groups", getattr(called.module, "groups", None))
    rank = len(called.low.flat.shapes[called.given[0]])
    if not called.is_fresh() or not isinstance(groups, int):
        return False
    reads = [called.is_map(rank), called.weight("scale", "weight"), called.weight("bias")]
    return called.keep("GroupNormalization", reads, maps=True, num_groups=groups, epsilon=_eps(called.module))


def _instance_norm(called: Called) -> bool:
    rank = len(called.low.flat.shapes[called.given[0]])
    reads = [called.is_map(rank), called.weight("scale"), called.weight("bias")]
    return called.is_fresh() and called.keep("InstanceNormalization", reads, maps=True, epsilon=_eps(called.module))


def _embedding(called: Called) -> bool:
    table = called.weight("embedding", "weight")
    reads = [table, called.low.plain(called.given[0])]
    return bool(table) and called.is_fresh() and called.keep("Gather", reads, maps=False)


def _pool(called: Called) -> bool:
    """Equinox's, of channels in front."""
    module = called.module
    ran = {each.name for each in called.steps}
    kind = "Max" if "reduce_window_max" in ran else "Average" if "reduce_window_sum" in ran else ""
    window = next((each for each in called.steps if each.name.startswith("reduce_window")), None)
    if not kind or window is None:
        return False
    axes = len(module.kernel_size)
    pads = window.params["padding"][-1 - axes : -1]
    given = called.is_map(axes + 2)
    if not given:
        return False
    return called.keep(
        f"{kind}Pool", [given], maps=True, kernel_shape=tuple(module.kernel_size), strides=tuple(module.stride),
        pads=[*(before for before, _ in pads), *(after for _, after in pads)], count_include_pad=1,
    )  # fmt: skip


def _global_pool(called: Called) -> bool:
    """Equinox's that make one value of each channel."""
    if any(each != 1 for each in called.module.target_shape):
        return False
    kind = "Max" if "Max" in type(called.module).__name__ else "Average"
    given = called.is_map(len(called.module.target_shape) + 2)
    return bool(given) and called.keep(f"Global{kind}Pool", [given], maps=True)


def _prelu(called: Called) -> bool:
    slope = called.weight("negative_slope")
    name = called.given[0]
    maps = called.low.is_map(name)
    source = called.low.maps(name) if maps else called.low.plain(name)
    return bool(slope) and called.is_fresh() and called.keep("PRelu", [source, slope], maps=maps)


def _attention(called: Called) -> bool:
    """Attention of several heads, if it multiplies what the layer does and its weights have as many values."""
    module, low = called.module, called.low
    causal = bool(called.use.kwargs.get("is_causal"))
    hides = {"sort", "scan", "while", *(() if causal else ("select_n",))}
    if not called.is_fresh() or any(each.name in hides for each in called.steps):
        return False
    given = [low.plain(each) for each in called.given]
    same_keys = len(given) < 3 or given[1] == given[2]
    given = list(dict.fromkeys(given)) if same_keys else given  # two are queries, and what is keys and values
    shapes = tuple(low.shapes[each][1:] for each in given)
    if any(len(each) != 2 for each in shapes):
        return False
    values = [low.weights[each] for each in called.held]
    biased = any(each.name.endswith("bias") for each in values)
    heads = int(module.num_heads)
    width = int(getattr(module, "head_dim", getattr(module, "qk_size", 0)))
    fewer = getattr(module, "num_kv_heads", heads)
    options = {
        "num_heads": heads, "bias": biased, "dropout": float(getattr(module, "dropout_rate", 0.0)),
        "causal": causal,
        "head_dim": None if width * heads == shapes[0][-1] else width,
        "num_kv_heads": None if fewer == heads else fewer,
    }  # fmt: skip
    try:
        layer = TYPES["multihead_attention"](**options)
        facts = layer.facts(*shapes)
    except Rejects:
        return False
    batch = low.shapes[given[0]][0]
    alone = all(step in called.steps or step.name.startswith("archscope_") for each in called.held
                for step in low.readers[each])  # fmt: skip
    same = facts.parameters == sum(each.values for each in values) and (facts.macs or 0) * batch == called.tally.macs
    if not same or not alone or facts.output != low.flat.shapes[called.made][1:]:
        return False
    names = []
    for each in called.held:
        low.weights.pop(each)
    for weight in facts.weights:
        name = f"{called.path}.{weight.name.replace('.', '_')}".lstrip(".")
        names.append(name)
        low.weights[name] = Weight(name, weight.shape, trainable=values[0].trainable, dtype=values[0].dtype)
        low.shapes[name] = tuple(map(int, weight.shape))
        low.dtypes[name] = values[0].dtype
    return called.keep("MultiHeadAttention", [*given, *names], maps=False, domain=JAX, layer=layer, many=len(given))


_READINGS: Final[Mapping[tuple[str, str], Reading]] = MappingProxyType({
    ("flax", "Conv"): _conv, ("flax", "ConvTranspose"): _conv, ("flax", "Dropout"): _dropout,
    ("flax", "BatchNorm"): _batch_norm, ("flax", "LayerNorm"): _layer_norm("LayerNormalization"),
    ("flax", "RMSNorm"): _layer_norm("RMSNormalization"), ("flax", "GroupNorm"): _group_norm,
    ("flax", "InstanceNorm"): _instance_norm, ("flax", "Embed"): _embedding, ("flax", "PReLU"): _prelu,
    ("flax", "MultiHeadAttention"): _attention,
    ("equinox", "Conv"): _conv, ("equinox", "ConvTranspose"): _conv, ("equinox", "Dropout"): _dropout,
    ("equinox", "BatchNorm"): _batch_norm, ("equinox", "LayerNorm"): _layer_norm("LayerNormalization"),
    ("equinox", "RMSNorm"): _layer_norm("RMSNormalization"), ("equinox", "GroupNorm"): _group_norm,
    ("equinox", "Embedding"): _embedding, ("equinox", "PReLU"): _prelu, ("equinox", "MultiheadAttention"): _attention,
    **{("equinox", f"{kind}Pool{axes}d"): _pool for kind in ("Max", "Avg") for axes in (1, 2, 3)},
    ("equinox", "Pool"): _pool,
    **{("equinox", name): _global_pool for name in ("AdaptivePool", *(
        f"Adaptive{kind}Pool{axes}d" for kind in ("Max", "Avg") for axes in (1, 2, 3)))},
})  # fmt: skip
