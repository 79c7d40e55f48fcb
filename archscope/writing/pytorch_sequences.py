"""Attention, positions, recurrence and experts as PyTorch source, by the class that their construction names."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, Final

from archscope.writing.listing import assignment

METHODS: Final = {
    "attend": '''
@staticmethod
def attend(layer, query, key, value, mask=None, causal=False):
    """Attention of every head, with a mask added to the scores, or without what comes later."""
    if causal:
        places = (query.shape[1], key.shape[1])
        mask = torch.ones(places, dtype=torch.bool, device=query.device).triu(1)
    elif mask is not None:
        mask = mask.reshape(len(mask), *[1] * (4 - mask.dim()), *mask.shape[1:])
        mask = mask.expand(-1, layer.num_heads, query.shape[1], key.shape[1]).flatten(0, 1)
    causal = causal and layer.bias_k is None and not layer.add_zero_attn
    return layer(query, key, value, need_weights=False, attn_mask=mask, is_causal=causal)[0]
''',
    "attend_in_groups": '''
@staticmethod
def attend_in_groups(query, key, value, heads, groups, mask=None, causal=False):
    """Attention of every head, those of a group to the same keys and values."""
    query = query.unflatten(-1, (heads, -1)).transpose(1, 2)
    key = key.unflatten(-1, (groups, -1)).transpose(1, 2)
    value = value.unflatten(-1, (groups, -1)).transpose(1, 2)
    if mask is not None:
        mask = mask.reshape(len(mask), *[1] * (4 - mask.dim()), *mask.shape[1:])
    seen = F.scaled_dot_product_attention(query, key, value, mask, is_causal=causal, enable_gqa=True)
    return seen.transpose(1, 2).flatten(2)
''',
    "rotate": '''
@staticmethod
def rotate(x, base=10000.0, rotary_dim=None, interleaved=False):
    """Turn pairs of features by an angle that grows with the position."""
    dim = x.shape[-1] if rotary_dim is None else rotary_dim
    turned, rest = x[..., :dim], x[..., dim:]
    places = torch.arange(x.shape[-2], device=x.device, dtype=torch.float32)
    angles = places[:, None] / base ** (torch.arange(0, dim, 2, device=x.device) / dim)
    cos, sin = angles.cos().to(x.dtype), angles.sin().to(x.dtype)
    if interleaved:
        a, b = turned[..., 0::2], turned[..., 1::2]
        turned = torch.stack((a * cos - b * sin, a * sin + b * cos), dim=-1).flatten(-2)
    else:
        a, b = turned.chunk(2, dim=-1)
        turned = torch.cat((a * cos - b * sin, a * sin + b * cos), dim=-1)
    return torch.cat((turned, rest), dim=-1)
''',
    "waves": '''
@staticmethod
def waves(length, features, base=10000.0):
    """Sines and cosines of the position."""
    angles = torch.arange(length)[:, None] / base ** (torch.arange(0, features, 2) / features)
    return torch.stack((angles.sin(), angles.cos()), dim=-1).flatten(1)
''',
    "run_rnn": '''
@staticmethod
def run_rnn(layer, x, hidden=None):
    """Every state and the last states, batch first, as is the state to begin with."""
    first = None if hidden is None else hidden.transpose(0, 1).contiguous()
    output, last = layer(x, first)
    return output, last.transpose(0, 1)
''',
    "run_lstm": '''
@staticmethod
def run_lstm(layer, x, *states):
    """Every state, the last states and the last cells, batch first, as are the first states."""
    first = tuple(state.transpose(0, 1).contiguous() for state in states)
    output, (hidden, cell) = layer(x, first or None)
    return output, hidden.transpose(0, 1), cell.transpose(0, 1)
''',
    "mix_experts": '''
@staticmethod
def mix_experts(x, router, gate, up, down, active, function, shifts=(None, None, None)):
    """The sum of what the chosen experts make of each position, by their share."""

    def dense(values, expert, matrices, shift):
        return F.linear(values, matrices[expert], None if shift is None else shift[expert])

    places = x.reshape(-1, x.shape[-1])
    share, chosen = router(places).softmax(-1).topk(active)
    share = share / share.sum(-1, keepdim=True)
    result = torch.zeros_like(places)
    for expert in range(len(up)):
        place, rank = (chosen == expert).nonzero(as_tuple=True)
        hidden = dense(places[place], expert, up, shifts[1])
        if gate is None:
            hidden = function(hidden)
        else:
            hidden = function(dense(places[place], expert, gate, shifts[0])) * hidden
        made = dense(hidden, expert, down, shifts[2])
        result = result.index_add(0, place, (made * share[place, rank, None]).to(result.dtype))
    return result.reshape(x.shape)
''',
}
"""Methods for the layers that PyTorch does not have, or has in another form."""


def _roles(place: Any) -> tuple[str, str, str]:
    """Expressions for queries, keys and values."""
    last = min(len(place.taken), 3) - 1
    return place.taken[0], place.taken[min(1, last)], place.taken[last]


def _seeing(place: Any) -> str:
    """Arguments that say what a position may see."""
    mask = f", mask={place.taken[3]}" if len(place.taken) > 3 else ""
    return mask + (", causal=True" if place.layer.causal else "")


def _attention(place: Any) -> str:
    made = place.spelled("MultiheadAttention", without=["causal"])
    place.construct(*assignment(f"self.{place.name}", f"{made[:-1]}, batch_first=True)"))
    roles, seeing = ", ".join(_roles(place)), _seeing(place)
    if seeing:
        return f"{place.method('attend')}(self.{place.name}, {roles}{seeing})"
    return f"self.{place.name}({roles}, need_weights=False)[0]"


def _grouped(place: Any) -> str:
    heads, groups = place.call.arguments[1:3]
    shapes = {weight.name: tuple(map(int, weight.shape)) for weight in place.facts.weights}
    for name in ("q_proj", "k_proj", "v_proj", "out_proj"):
        made, width = shapes[f"{name}.weight"]
        rest = "" if f"{name}.bias" in shapes else ", bias=False"
        place.construct(f"self.{place.name}_{name} = nn.Linear({width}, {made}{rest})")
    own = f"self.{place.name}"
    query, key, value = (f"{own}_{name}_proj({each})" for name, each in zip("qkv", _roles(place), strict=True))
    seen = f"{place.method('attend_in_groups')}({query}, {key}, {value}, {heads}, {groups}{_seeing(place)})"
    return f"{own}_out_proj({seen})"


def _dot_product(place: Any) -> str:
    arguments = list(place.taken[:3])
    if len(place.taken) > 3:
        missing = len(place.facts.inputs[0]) - len(place.facts.inputs[3])
        arguments.append(f"attn_mask={place.taken[3]}" + (f"[:{', None' * missing}]" if missing else ""))
    for name, value in place.call.options.items():
        arguments.append(f"{name}={value}" + (" if self.training else 0.0" if name == "dropout_p" else ""))
    return f"F.scaled_dot_product_attention({', '.join(arguments)})"


def _rotary(place: Any) -> str:
    rest = "".join(f", {name}={value!r}" for name, value in place.call.options.items())
    return f"{place.method('rotate')}({place.taken[0]}{rest})"


def _waves(place: Any) -> str:
    rest = "".join(f", {value!r}" for value in place.call.options.values())
    length, features = place.call.arguments
    place.construct(f'self.register_buffer("{place.name}_table", {place.method("waves")}({length}, {features}{rest}))')
    cut = "" if length == place.shape[0] else f"[:{place.shape[0]}]"
    return f"{place.taken[0]} + self.{place.name}_table{cut}"


def _recurrent(place: Any) -> str:
    if place.first_alone and len(place.taken) == 1:
        return f"{place.made(place.call.name)}({place.taken[0]})"
    run = place.method("run_lstm" if place.layer.type == "lstm" else "run_rnn")
    return f"{run}({', '.join([place.made(place.call.name), *place.taken])})"


def _lstm_cell(place: Any) -> str:
    states = f", ({', '.join(place.taken[1:])})" if len(place.taken) > 1 else ""
    return f"{place.made('LSTMCell')}({place.taken[0]}{states})"


def _bag(place: Any) -> str:
    weights = f", per_sample_weights={place.taken[1]}" if len(place.taken) > 1 else ""
    return f"{place.made('EmbeddingBag')}({place.taken[0]}{weights})"


def _experts(place: Any) -> str:
    own, layer = f"self.{place.name}", place.layer
    shapes = {weight.name: tuple(map(int, weight.shape)) for weight in place.facts.weights}
    experts, features = shapes["router.weight"]
    bias = "" if layer.router_bias else ", bias=False"
    place.construct(f"{own}_router = nn.Linear({features}, {experts}{bias})")
    for name, shape in shapes.items():
        if "." not in name:
            reach = f"{layer.hidden_features if name.startswith('down') else features} ** -0.5"
            place.construct(
                *assignment(f"{own}_{name}", f"nn.Parameter(torch.empty{shape}.uniform_(-({reach}), {reach}))")
            )
    kinds = ("gate_proj", "up_proj", "down_proj")
    held = ", ".join(f"{own}_{name}" if name in shapes else "None" for name in kinds)
    shifts = ", ".join(f"{own}_{name}_bias" if f"{name}_bias" in shapes else "None" for name in kinds)
    rest = f"{layer.top_k}, F.{layer.nonlinearity}" + (f", ({shifts})" if layer.bias else "")
    mixed = f"{place.method('mix_experts')}({place.taken[0]}, {own}_router, {held}, {rest})"
    return f"{mixed} + {_shared_experts(place, shapes)}" if layer.num_shared_experts else mixed


def _shared_experts(place: Any, shapes: Mapping[str, Any]) -> str:
    """What the experts make that run at every position."""
    called: dict[str, str] = {}
    for name in ("gate_proj", "up_proj", "down_proj"):
        if f"shared_experts.{name}.weight" in shapes:
            made, width = shapes[f"shared_experts.{name}.weight"]
            called[name] = f"self.{place.name}_shared_experts_{name}"
            bias = "" if place.layer.bias else ", bias=False"
            place.construct(f"{called[name]} = nn.Linear({width}, {made}{bias})")
    function, x = f"F.{place.layer.nonlinearity}", place.taken[0]
    up = f"{called['up_proj']}({x})"
    hidden = f"{function}({called['gate_proj']}({x})) * {up}" if "gate_proj" in called else f"{function}({up})"
    return f"{called['down_proj']}({hidden})"


FORMS: Final[Mapping[str, Callable[[Any], str]]] = MappingProxyType({
    "Attention": _attention,
    "GroupedAttention": _grouped,
    "DotProductAttention": _dot_product,
    "Rotary": _rotary,
    "SinusoidalPositions": _waves,
    "RNN": _recurrent,
    "LSTM": _recurrent,
    "GRU": _recurrent,
    "LSTMCell": _lstm_cell,
    "EmbeddingBag": _bag,
    "Experts": _experts,
})  # fmt: skip
"""How to write each, from its place; its constructor lines go into the listing."""
