"""Built from its spec, the Transformer of 2017 takes the weights of PyTorch's own layers and gives their outputs."""

from __future__ import annotations

import math
from collections.abc import Iterator

import torch
from torch import Tensor, nn

import archscope
from tests.collection import thin

WIDTH, HEADS, WORDS = 64, 4, 97
SCALE = math.sqrt(512)
"""The paper's √d of embeddings: a number in the spec, which the thin one keeps."""


class Usual(nn.Module):
    """PyTorch's encoder and decoder layers below one table of words, which is the output's too; sines for positions."""

    def __init__(self) -> None:
        super().__init__()
        self.words = nn.Embedding(WORDS, WIDTH)
        sizes = (WIDTH, HEADS, 4 * WIDTH)
        self.encoder = nn.ModuleList(nn.TransformerEncoderLayer(*sizes, batch_first=True) for _ in range(6))
        self.decoder = nn.ModuleList(nn.TransformerDecoderLayer(*sizes, batch_first=True) for _ in range(6))
        for module in self.modules():
            if isinstance(module, nn.MultiheadAttention):  # the paper's projections have no biases
                nn.init.zeros_(module.in_proj_bias)
                nn.init.zeros_(module.out_proj.bias)

    def embedded(self, tokens: Tensor) -> Tensor:
        place = torch.arange(tokens.shape[1])[:, None]
        angle = place / 10_000 ** (torch.arange(0, WIDTH, 2) / WIDTH)
        return self.words(tokens) * SCALE + torch.stack((angle.sin(), angle.cos()), -1).flatten(1)

    def forward(self, source: Tensor, target: Tensor) -> Tensor:
        x, y = self.embedded(source), self.embedded(target)
        for layer in self.encoder:
            x = layer(x)
        mask = nn.Transformer.generate_square_subsequent_mask(target.shape[1])
        for layer in self.decoder:
            y = layer(y, x, tgt_mask=mask)
        return y @ self.words.weight.T

    def weights(self) -> Iterator[Tensor]:
        """Those that the paper has, in the order of its Figure 1, from below."""
        yield self.words.weight
        for layer in [*self.encoder, *self.decoder]:
            across = [layer.multihead_attn, layer.norm2] if layer in [*self.decoder] else []
            last = layer.norm3 if across else layer.norm2
            for part in [layer.self_attn, layer.norm1, *across, layer.linear1, layer.linear2, last]:
                attends = isinstance(part, nn.MultiheadAttention)
                yield from [part.in_proj_weight, part.out_proj.weight] if attends else [part.weight, part.bias]


def test_the_transformer_takes_the_weights_of_pytorchs_layers_and_gives_their_outputs() -> None:
    network = thin("transformer@base")
    torch.manual_seed(0)
    theirs, ours = Usual().eval(), archscope.build(network).eval()
    for mine, their in zip(ours.parameters(), theirs.weights(), strict=True):
        assert mine.shape == their.shape
        mine.data.copy_(their.data)
    source, target = (torch.randint(WORDS, (2, 100)) for _ in "st")
    with torch.no_grad():
        torch.testing.assert_close(ours(source, target), theirs(source, target), atol=1e-5, rtol=1e-5)
