"""Random modules as ONNX of both of PyTorch's exporters, and as ONNX Runtime writes that again, against the module.

What a file counts is what its module counts, or the file says what is otherwise. Of modules that work nothing out of
parameters and hold nothing beside them, it is the same without a word.
"""

from __future__ import annotations

import logging
import tempfile
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from random import Random
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

_AGAIN = "written again by ONNX Runtime"
"""Which works a factor behind a convolution into that, and leaves no word of it."""
STEPS, WIDTH, MAPS, SIDE = 6, 12, 8, 8


class _Piece(nn.Module):
    """A function of some modules, parameters and buffers."""

    def __init__(self, function: Callable[[Any, Tensor], Tensor], **held: Any) -> None:
        super().__init__()
        self.function = function
        for name, each in held.items():
            if isinstance(each, Tensor) and not isinstance(each, nn.Parameter):
                self.register_buffer(name, each)
            else:
                setattr(self, name, each)

    def forward(self, x: Tensor) -> Tensor:
        return self.function(self, x)


def _free(*shape: int) -> nn.Parameter:
    return nn.Parameter(torch.rand(shape) + 0.1)


def _self_attention(**options: Any) -> nn.Module:
    attention = nn.MultiheadAttention(WIDTH, 3, batch_first=True, **options)
    return _Piece(lambda s, x: s.a(x, x, x, need_weights=False)[0], a=attention)


def _cross_attention() -> nn.Module:
    def call(self: Any, x: Tensor) -> Tensor:
        memory = self.m(x)
        return self.a(x, memory, memory, need_weights=False)[0]

    return _Piece(call, a=nn.MultiheadAttention(WIDTH, 3, batch_first=True), m=nn.Linear(WIDTH, WIDTH))


def _own_attention() -> nn.Module:
    def call(self: Any, x: Tensor) -> Tensor:
        q, k, v = self.qkv(x).reshape(*x.shape[:2], 3, 3, WIDTH // 3).permute(2, 0, 3, 1, 4)
        scores = (q @ k.transpose(-2, -1)) * (WIDTH // 3) ** -0.5
        return self.out((scores.softmax(-1) @ v).transpose(1, 2).reshape(x.shape))

    return _Piece(call, qkv=nn.Linear(WIDTH, 3 * WIDTH), out=nn.Linear(WIDTH, WIDTH))


def _recurrent(kind: type[nn.Module], *, both: bool) -> nn.Module:
    layer = kind(WIDTH, WIDTH // 2 if both else WIDTH, batch_first=True, bidirectional=both)
    return _Piece(lambda s, x: s.a(x)[0], a=layer)


def _masked() -> nn.Module:
    def call(self: Any, x: Tensor) -> Tensor:
        mask = torch.triu(torch.full((x.shape[1], x.shape[1]), float("-inf")), 1)
        return self.a(x, x, x, attn_mask=mask, need_weights=False)[0]

    return _Piece(call, a=nn.MultiheadAttention(WIDTH, 3, batch_first=True))


Makers = dict[str, Callable[[], nn.Module]]
_ROWS: Makers = {
    "dense": lambda: nn.Linear(WIDTH, WIDTH),
    "no bias": lambda: nn.Linear(WIDTH, WIDTH, bias=False),
    "two": lambda: nn.Sequential(nn.Linear(WIDTH, 20), nn.GELU(), nn.Linear(20, WIDTH)),
    "gate": lambda: _Piece(lambda s, x: s.d(F.silu(s.u(x)) * s.v(x)), u=nn.Linear(WIDTH, 16), v=nn.Linear(WIDTH, 16),
                           d=nn.Linear(16, WIDTH)),
    "halves": lambda: _Piece(lambda s, x: F.glu(s.a(x), -1), a=nn.Linear(WIDTH, 2 * WIDTH)),
    "layer norm": lambda: nn.LayerNorm(WIDTH),
    "RMS norm": lambda: nn.RMSNorm(WIDTH),
    "attention": _self_attention,
    "attention without constants": lambda: _self_attention(bias=False),
    "attention to another": _cross_attention,
    "own attention": _own_attention,
    "a block": lambda: nn.TransformerEncoderLayer(WIDTH, 3, 16, batch_first=True),
    "positions": lambda: _Piece(lambda s, x: x + s.p, p=_free(1, STEPS, WIDTH)),
    "a factor": lambda: _Piece(lambda s, x: x * s.g, g=_free(WIDTH)),
    "one factor": lambda: _Piece(lambda s, x: x * s.g, g=_free(1)),
    "twice": lambda: _Piece(lambda s, x: s.a(F.relu(s.a(x))), a=nn.Linear(WIDTH, WIDTH)),
    "LSTM": lambda: _recurrent(nn.LSTM, both=False),
    "LSTM in both directions": lambda: _recurrent(nn.LSTM, both=True),
    "GRU": lambda: _recurrent(nn.GRU, both=False),
    "along time": lambda: _Piece(lambda s, x: s.c(x.transpose(1, 2)).transpose(1, 2),
                                 c=nn.Conv1d(WIDTH, WIDTH, 3, 1, 1)),
    "mixed": lambda: _Piece(lambda s, x: x + s.a(x.transpose(1, 2)).transpose(1, 2), a=nn.Linear(STEPS, STEPS)),
    "from the left": lambda: _Piece(lambda s, x: s.w @ x, w=_free(STEPS, STEPS)),
    "letters": lambda: _Piece(lambda s, x: torch.einsum("btc,cd->btd", x, s.w), w=_free(WIDTH, WIDTH)),
    "products": lambda: _Piece(lambda _, x: x @ x.transpose(1, 2) @ x),
}  # fmt: skip
_ROWS_WORKED_OUT: Makers = {
    "a mask": _masked,
    "a product of two": lambda: _Piece(lambda s, x: F.linear(x, s.u @ s.d), u=_free(WIDTH, 3), d=_free(3, WIDTH)),
    "weight norm": lambda: nn.utils.parametrizations.weight_norm(nn.Linear(WIDTH, WIDTH)),
    "some positions": lambda: _Piece(lambda s, x: x + s.p[:, : x.shape[1]], p=_free(1, 9, WIDTH)),
    "rows of a table": lambda: _Piece(lambda s, x: x + s.p(torch.arange(x.shape[1])), p=nn.Embedding(9, WIDTH)),
    "waves": lambda: _Piece(lambda _, x: x + torch.arange(float(STEPS * WIDTH)).sin().reshape(STEPS, WIDTH)),
    "a buffer": lambda: _Piece(lambda s, x: x @ s.b, b=torch.rand(WIDTH, WIDTH)),
    "a gated weight": lambda: _Piece(lambda s, x: x * torch.sigmoid(s.g), g=_free(WIDTH)),
    "both ways": lambda: _Piece(lambda s, x: F.linear(F.linear(x, s.w), s.w.t()), w=_free(8, WIDTH)),
    "states": lambda: _Piece(lambda s, x: s.a(x, s.h.expand(1, x.shape[0], WIDTH).contiguous())[0],
                             a=nn.GRU(WIDTH, WIDTH, batch_first=True), h=_free(1, 1, WIDTH)),
}  # fmt: skip
_PICTURES: Makers = {
    "convolution": lambda: nn.Conv2d(MAPS, MAPS, 3, padding=1),
    "groups": lambda: nn.Conv2d(MAPS, MAPS, 3, padding=1, groups=2),
    "a way around": lambda: _Piece(lambda s, x: F.relu(x + s.c(x)), c=nn.Conv2d(MAPS, MAPS, 3, padding=1)),
    "group norm": lambda: nn.GroupNorm(2, MAPS),
    "instance norm": lambda: nn.InstanceNorm2d(MAPS, affine=True),
    "norm in front": lambda: nn.Sequential(nn.ReLU(), nn.BatchNorm2d(MAPS)),
    "a gate": lambda: _Piece(lambda s, x: x * s.b(F.relu(s.a(x.mean((2, 3))))).sigmoid()[:, :, None, None],
                             a=nn.Linear(MAPS, 4), b=nn.Linear(4, MAPS)),
    "up": lambda: nn.Sequential(nn.MaxPool2d(2), nn.ConvTranspose2d(MAPS, MAPS, 2, 2)),
    "shuffled": lambda: nn.Sequential(nn.Conv2d(MAPS, 4 * MAPS, 3, 2, 1), nn.PixelShuffle(2)),
    "joined": lambda: _Piece(lambda s, x: torch.cat([x[:, :4], s.c(x)], 1), c=nn.Conv2d(MAPS, 4, 3, padding=1)),
    "slopes": lambda: nn.PReLU(MAPS),
    "factors of maps": lambda: _Piece(lambda s, x: x * s.g, g=_free(MAPS, 1, 1)),
}  # fmt: skip
_PICTURES_WORKED_OUT: Makers = {
    "a norm behind": lambda: nn.Sequential(nn.Conv2d(MAPS, MAPS, 3, padding=1, bias=False), nn.BatchNorm2d(MAPS)),
    "bare norm": lambda: nn.BatchNorm2d(MAPS, affine=False),
    "fixed": lambda: _Piece(lambda s, x: F.conv2d(x, s.k, groups=MAPS, padding=1), k=torch.rand(MAPS, 1, 3, 3)),
}  # fmt: skip


def one(random: Random) -> str | None:
    """Parameters, MACs and connections of a module's files."""
    import archscope
    from archscope.opening import open_network

    torch.manual_seed(random.randrange(10**9))
    pictures = random.random() < 0.4
    plain, worked_out = (_PICTURES, _PICTURES_WORKED_OUT) if pictures else (_ROWS, _ROWS_WORKED_OUT)
    names = random.choices([*plain], k=random.randint(1, 3))
    odd = random.choices([*worked_out], k=1) if random.random() < 0.4 else []
    module = nn.Sequential(*(plain[each]() for each in names), *(worked_out[each]() for each in odd)).eval()
    given = torch.rand(1, MAPS, SIDE, SIDE) if pictures else torch.rand(1, STEPS, WIDTH)
    with torch.no_grad():
        for each in (*module.parameters(), *module.buffers()):
            if each.is_floating_point():
                each.copy_(torch.rand(each.shape) + 0.1)
    wanted = _counted(archscope.trace(module, given))
    new = random.random() < 0.25 or "RMS norm" in names  # which the older exporter has not
    with tempfile.TemporaryDirectory() as folder:
        for kind, path in _files(module, given, Path(folder), new=new):
            try:
                network = open_network(path)
            except archscope.ArchscopeError as error:
                return f"{[*names, *odd]}, {kind}: refused: {error}"
            found, told = _counted(network), network.observed.origin if network.observed else ()
            apart = [f"{ours} for {theirs}" for ours, theirs in zip(found, wanted, strict=True)
                     if ours != theirs and None not in (ours, theirs)]  # fmt: skip
            if apart and not ((odd or kind.endswith(_AGAIN)) and _says(told)):
                return f"{[*names, *odd]}, {kind}: {', '.join(apart)}; it says {told[1:]}"
    return None


def _says(told: tuple[str, ...]) -> bool:
    """Whether a file says that numbers need not be those of the module."""
    return bool(told[1:]) or "does not say which tensors are trained" in told[0]


def _counted(network: Any) -> tuple[int | None, ...]:
    import archscope

    totals = archscope.analyze(network).totals
    return tuple(None if each is None else int(each) for each in (totals.parameters, totals.macs, totals.connections))


def _files(module: nn.Module, given: Tensor, folder: Path, *, new: bool) -> Iterator[tuple[str, str]]:
    """What an exporter writes, as it is, without its optimisations, and as ONNX Runtime writes it again."""
    import onnx

    logging.disable(logging.CRITICAL)  # exporters say what they do
    first, second = str(folder / "first.onnx"), str(folder / "second.onnx")
    exporter = "today's exporter" if new else "the older exporter"
    plainly: dict[str, Any] = {"optimize": False} if new else {"do_constant_folding": False}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for path, options in ((first, {"external_data": False} if new else {}), (second, plainly)):
            torch.onnx.export(module, (given,), path, dynamo=new, verbose=False, **options)
            yield f"{exporter} {options}", path
    if new:
        model = onnx.load(first)
        for each in (model, model.graph, *model.graph.node, *model.graph.value_info):
            del each.metadata_props[:]
        onnx.save(model, second)
        yield f"{exporter}, without its signature", second
    import onnxruntime

    session = onnxruntime.SessionOptions()
    session.log_severity_level = 4
    session.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_EXTENDED
    session.optimized_model_filepath = second
    onnxruntime.InferenceSession(first, session, providers=["CPUExecutionProvider"])
    yield f"{exporter}, {_AGAIN}", second
