"""Random modules as people write them: layers, free functions, views, constants and parameters that code works on."""

from __future__ import annotations

from random import Random
from typing import Final

import torch
from torch import Tensor

from tools.fuzz.authors import BATCH, Author, Way, Written


def _extents(shape: tuple[int, ...]) -> str:
    """Extents as code has them: the batch by its name."""
    return ", ".join("B" if each == BATCH else str(each) for each in shape)


def _layer(author: Author, depth: int) -> str:
    text, value = author.numbers(depth)
    chance, shape = author.random, tuple(value.shape)
    last = shape[-1]
    kinds = [f"nn.Linear({last}, {chance.choice((4, 6, 8, last))})", f"nn.Linear({last}, {last}, bias=False)",
             f"nn.Linear({last}, {last})", f"nn.Linear({last}, 1)", f"nn.LayerNorm({last})", "nn.Dropout(0.1)",
             "nn.ReLU()", "nn.GELU()", "nn.Tanh()", "nn.Softmax(-1)", "nn.ReLU(inplace=True)",
             f"nn.Sequential(nn.Linear({last}, 12), nn.ReLU(inplace=True), nn.Linear(12, {last}))",
             f"nn.Sequential(nn.LayerNorm({last}), nn.Linear({last}, {last}), nn.GELU(), nn.Dropout(0.1))"]  # fmt: skip
    if len(shape) == 3:
        kinds += [f"nn.Conv1d({shape[1]}, 6, 3, padding=1)", f"nn.BatchNorm1d({shape[1]})", "nn.MaxPool1d(2)",
                  "nn.AvgPool1d(2)", f"nn.GroupNorm(1, {shape[1]})",
                  f"nn.TransformerEncoderLayer({last}, 2, 12, batch_first=True)",
                  f"nn.TransformerEncoderLayer({last}, 2, 12)"]  # fmt: skip
    if len(shape) == 4:
        kinds += [f"nn.Conv2d({shape[1]}, 6, 3, padding=1)", f"nn.Conv2d({shape[1]}, {shape[1]}, 1, bias=False)",
                  f"nn.BatchNorm2d({shape[1]})", "nn.MaxPool2d(2)", "nn.AvgPool2d(2)", "nn.AdaptiveAvgPool2d(1)",
                  f"nn.ConvTranspose2d({shape[1]}, 4, 2, 2)", f"nn.GroupNorm(1, {shape[1]})"]  # fmt: skip
    if len(shape) == 2:
        kinds += [f"nn.BatchNorm1d({last})"]
    return f"{author.layer(chance.choice(kinds))}({text})"


def _words_of(author: Author, depth: int) -> str:
    text, _ = author.value(lambda each: each.dtype == torch.int64, depth)
    return f"{author.layer('nn.Embedding(9, 8)')}({text})"


def _recurrent(author: Author, depth: int) -> str:
    text, value = author.numbers(depth, 3, 3)
    chance = author.random
    kind = chance.choice(("LSTM", "GRU", "RNN"))
    options = chance.choice((", batch_first=True", ", batch_first=True", "", ", num_layers=2, batch_first=True",
                             ", batch_first=True, bidirectional=True"))  # fmt: skip
    layer = author.layer(f"nn.{kind}({value.shape[-1]}, 6{options})")
    if "batch_first" not in options:
        return f"{layer}({text}.transpose(0, 1))[0].transpose(0, 1)"
    return f"{layer}({text})[{'1' if kind != 'LSTM' and chance.random() < 0.2 else '0'}]"


def _attention(author: Author, depth: int) -> str:
    text, value = author.numbers(depth, 3, 3)
    chance = author.random
    layer = author.layer(f"nn.MultiheadAttention({value.shape[-1]}, 2, batch_first=True)")
    other = text
    if chance.random() < 0.3:
        other, _ = author.value(lambda each: each.dim() == 3 and each.shape[-1] == value.shape[-1], 0)
    more = chance.choice((*(", need_weights=False",) * 8, "", ", average_attn_weights=False"))
    return f"{layer}({text}, {other}, {other}{more})[0]"


def _scaled(author: Author, depth: int) -> str:
    chance = author.random
    q, value = author.numbers(depth, 3, 4)
    if value.dim() == 3:
        if chance.random() < 0.5:
            last, positions = value.shape[-1], value.shape[1]
            apart = f"view(B, {positions}, 2, {last // 2}).transpose(1, 2)"
            heads = [f"{author.layer(f'nn.Linear({last}, {last})')}({q}).{apart}" for _ in range(3)]
        else:
            heads = [q, q, q]
    else:
        heads = [q, author.value(lambda each: each.shape == value.shape, 1)[0], q]
    positions = value.shape[1] if value.dim() == 3 else value.shape[2]
    more = chance.choice((
        "", "", ", is_causal=True", f", attn_mask=torch.ones({positions}, {positions}, dtype=torch.bool).tril()",
        f", attn_mask=torch.zeros({positions}, {positions})", ", dropout_p=0.1 if self.training else 0.0",
    ))  # fmt: skip
    made = f"F.scaled_dot_product_attention({', '.join(heads)}{more})"
    return f"{made}.transpose(1, 2).reshape(B, {positions}, -1)" if heads[0] != q else made


def _by_hand(author: Author, depth: int) -> str:
    text, value = author.numbers(depth, 3, 3)
    last, positions = value.shape[-1], value.shape[1]
    q, k, v = (f"{author.layer(f'nn.Linear({last}, {last})')}({text})" for _ in range(3))
    ways = ("{0} @ {1}.transpose(-2, -1)", "torch.bmm({0}, {1}.transpose(1, 2))",
            "torch.einsum('bij,bkj->bik', {0}, {1})", "torch.matmul({0}, {1}.mT)")  # fmt: skip
    scores = author.random.choice(ways).format(q, k)
    mask = author.random.choice((f"torch.ones({positions}, {positions}, dtype=torch.bool).triu(1)",
                                 f"torch.tril(torch.ones({positions}, {positions})) == 0"))  # fmt: skip
    masked = author.random.choice(("", f".masked_fill({mask}, float('-inf'))"))
    return f"({scores} / 2){masked}.softmax(-1) @ {v}"


_OF_ONE: Final = (
    "F.relu({0})", "torch.tanh({0})", "torch.sigmoid({0})", "F.gelu({0})", "F.silu({0})", "torch.exp({0})",
    "{0}.abs()", "{0}.pow(2)", "-{0}", "{0} * 0.5", "{0} + 1", "1 - {0}", "2 / ({0} + 9)", "{0} / 3", "{0} ** 2",
    "{0}.clamp(min=0)", "{0}.clamp(-1, 1)", "F.leaky_relu({0})", "F.elu({0})", "F.softplus({0})",
    "F.dropout({0}, 0.1, self.training)", "torch.sin({0})", "torch.rsqrt({0}.abs() + 1)", "({0}.abs() + 1).sqrt()",
    "torch.log1p({0}.abs())", "{0}.softmax(-1)", "F.softmax({0}, 1)", "F.log_softmax({0}, -1)", "{0}.cumsum(-1)",
    "{0}.contiguous()", "{0}.clone()", "{0}.float()", "F.relu({0}, inplace=True)", "F.normalize({0}, dim=-1)",
    "{0}.masked_fill({0} > 1, 0.0)", "torch.where({0} > 0, {0}, {0} * 0.1)", "{0}.detach()", "{0} * torch.sigmoid({0})",
    "F.layer_norm({0}, {0}.shape[-1:])",
    "torch.maximum({0}, torch.zeros(1))",
)  # fmt: skip

_TURNS: Final = (
    "{0}.transpose(1, 2)", "{0}.transpose(-2, -1)", "{0}.mT", "{0}.flatten(1)", "{0}.unsqueeze(1)", "{0}.unsqueeze(-1)",
    "{0}[:, :2]", "{0}[:, 1:]", "{0}[:, -1]", "{0}[:, 0]", "{0}[..., ::2]", "{0}[..., :3]", "{0}[:, None]",
    "{0}.chunk(2, -1)[0]", "{0}.chunk(2, 1)[1]", "{0}.split(2, -1)[0]", "{0}.mean(1)", "{0}.mean(-1)",
    "{0}.mean(-1, keepdim=True)", "{0}.sum(1)", "{0}.sum(-1, keepdim=True)", "{0}.amax(1)", "{0}.max(1)[0]",
    "{0}.max(-1, keepdim=True).values", "{0}.squeeze(1)", "{0}.squeeze(-1)", "{0}.flip(1)", "{0}.roll(1, 1)",
    "F.pad({0}, (1, 1))", "{0}.permute(0, 2, 1)", "{0}.permute(0, 2, 3, 1)", "{0}.permute(1, 0, 2)",
    "{0}.transpose(0, 1)", "{0}.flatten(0, 1)", "{0}.var(-1, keepdim=True)", "{0}.norm(dim=-1, keepdim=True)",
    "{0}.repeat_interleave(2, 1)", "{0}.repeat(1, 2, 1)", "{0}.expand(-1, 3, -1)", "{0}.movedim(1, -1)",
)  # fmt: skip


def _of_one(author: Author, depth: int) -> str:
    text, _ = author.numbers(depth, 1)
    return author.random.choice(_OF_ONE).format(f"({text})" if " " in text else text)


def _turned(author: Author, depth: int) -> str:
    text, _ = author.numbers(depth, 1)
    return author.random.choice(_TURNS).format(f"({text})" if " " in text else text)


def _shaped(author: Author, depth: int) -> str:
    text, value = author.numbers(depth, 2)
    shape, chance = tuple(value.shape), author.random
    inner = 1
    for each in shape[1:]:
        inner *= each
    wanted = chance.choice([
        [shape[0], -1], [shape[0], inner], [shape[0], -1, 2], [-1, shape[-1]], [-1, *shape[1:]],
        [*shape[:-1], 2, shape[-1] // 2], [shape[0], *reversed(shape[1:])],
    ])  # fmt: skip
    return f"({text}).{chance.choice(('view', 'reshape', 'reshape'))}({_extents(tuple(wanted))})"


_OF_TWO: Final = ("{0} + {1}", "{0} + {1}", "{0} + {1}", "{0} - {1}", "{0} * {1}", "{0} * {1}", "{0} / ({1} + 9)",
                  "torch.maximum({0}, {1})", "torch.where({0} > 0, {0}, {1})",
                  "torch.add({0}, {1}, alpha=2)")  # fmt: skip


def _of_two(author: Author, depth: int) -> str:
    chance = author.random
    one, value = author.numbers(depth, 2)
    shape = tuple(value.shape)
    roll = chance.random()
    if roll < 0.45:
        two, _ = author.value(lambda each: tuple(each.shape) == shape and each.is_floating_point(), depth)
    elif roll < 0.55:
        two, _ = author.value(lambda each: each.is_floating_point() and _repeats(each, shape), depth)
    elif roll < 0.8:
        part = chance.choice([shape[-1:], shape[1:], (1, *shape[1:]), (*(1 for _ in shape[:-1]), shape[-1]), (1,)])
        two = author.learned(part)
        two = chance.choice((two, two, two, f"{two}[None]", f"{two} * 2", f"torch.sigmoid({two})"))
    elif roll < 0.9:
        part = chance.choice([shape, shape[1:], (1, *shape[1:]), shape[-1:]])
        two = f"torch.{chance.choice(('zeros', 'ones', 'randn'))}({_extents(part)})"
    else:
        two = author.layer(f"nn.Linear({shape[-1]}, {chance.choice((1, shape[-1]))})") + f"({one})"
    pair = [f"({each})" if " " in each else each for each in (one, two)]
    if chance.random() < 0.25:
        pair.reverse()
    return chance.choice(_OF_TWO).format(*pair)


def _repeats(value: Tensor, shape: tuple[int, ...]) -> bool:
    try:
        return tuple(value.shape) != shape and value.expand(shape).dim() > 0
    except RuntimeError:
        return False


def _joined(author: Author, depth: int) -> str:
    one, value = author.numbers(depth, 2)
    chance, shape = author.random, tuple(value.shape)
    axis = chance.choice((1, -1))
    if chance.random() < 0.25 and len(shape) == 3:
        row = author.learned((1, 1, shape[-1]))
        return f"torch.cat([{row}.expand(B, -1, -1), {one}], 1)"
    if chance.random() < 0.5:
        two, _ = author.value(lambda each: tuple(each.shape) == shape, depth)
        return f"torch.stack([{one}, {two}], {axis})"

    def fits(each: Tensor) -> bool:
        alike = [a == b for a, b in zip(each.shape, shape, strict=False)]
        return each.dim() == len(shape) and each.is_floating_point() and alike.count(False) <= (not alike[axis])

    two, _ = author.value(fits, depth)
    return f"torch.cat([{one}, {two}], {axis})"


def _multiplied(author: Author, depth: int) -> str:
    one, value = author.numbers(depth, 3, 4)
    chance = author.random
    if chance.random() < 0.4:
        matrix = author.learned((value.shape[-1], chance.choice((4, value.shape[-1]))))
        ways = ("({0}) @ {1}", "torch.matmul({0}, {1})", "F.linear({0}, {1}.t())")
        return chance.choice(ways).format(one, matrix)
    two, other = author.value(lambda each: each.dim() == value.dim() and each.shape[:-2] == value.shape[:-2], depth)
    if other.shape[-2] == value.shape[-1]:
        return f"({one}) @ ({two})"
    return f"({one}) @ ({two}).transpose(-2, -1)"


def _learned(author: Author, _: int) -> str:
    shape = author.random.choice(((5, 8), (1, 5, 8), (1, 1, 8)))
    text = author.layer(f"nn.Parameter(torch.zeros({', '.join(map(str, shape))}))")
    if len(shape) == 3:
        return f"{text}.expand(B, -1, -1)"
    ways = ("{0}.repeat(B, 1, 1)", "{0}.expand(B, 5, 8)", "{0}[None].expand(B, -1, -1)")
    return author.random.choice(ways).format(text)


def _places(author: Author, depth: int) -> str:
    text, value = author.numbers(depth, 3, 3)
    positions, last = value.shape[1], value.shape[2]
    table = author.layer(f"nn.Embedding(16, {last})")
    return author.random.choice((f"({text}) + {table}(torch.arange({positions}))",
                                 f"({text}) + {table}.weight[:{positions}]",
                                 f"({text}) + {table}(torch.arange({positions})[None])"))  # fmt: skip


def _residual(author: Author, _: int) -> str:
    text, value = author.value(lambda each: each.is_floating_point() and each.dim() >= 2, 0)
    last = value.shape[-1]
    inner = author.random.choice((f"nn.Sequential(nn.LayerNorm({last}), nn.Linear({last}, {last}))",
                                  f"nn.Sequential(nn.Linear({last}, 12), nn.GELU(), nn.Linear(12, {last}))",
                                  f"nn.Linear({last}, {last})"))  # fmt: skip
    return f"{text} + {author.layer(inner)}({text})"


_WAYS: Final[tuple[Way, ...]] = (
    *(_layer,) * 9, *(_of_one,) * 6, *(_of_two,) * 7, *(_turned,) * 6, *(_shaped,) * 3, *(_joined,) * 3,
    *(_multiplied,) * 2, *(_words_of,) * 3, *(_recurrent,) * 2, *(_attention,) * 2, *(_scaled,) * 2, *(_by_hand,) * 2,
    _learned, _places, *(_residual,) * 3,
)  # fmt: skip


def written(random: Random) -> Written:
    """A module that runs."""
    while True:
        found = Author(random, _WAYS).write()
        if found is not None and found.runs():
            return found
