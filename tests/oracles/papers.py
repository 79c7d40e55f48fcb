"""Parts of networks of papers, as their authors write them: functions between layers, loops, constants, scatter."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class Capsules(nn.Module):
    """Dynamic routing between capsules (Sabour et al. 2017): 6 capsules of 4 numbers vote for 3 classes of 5."""

    def __init__(self) -> None:
        super().__init__()
        self.votes = nn.Parameter(torch.ones(3, 6, 4, 5))

    def forward(self, capsules: Tensor) -> Tensor:
        votes = torch.einsum("bni,cnio->bcno", capsules, self.votes)
        logits = torch.zeros(votes.shape[:3], device=votes.device)
        for _ in range(3):
            out = torch.einsum("bcn,bcno->bco", logits.softmax(1), votes)
            out = out / (1 + out.norm(dim=-1, keepdim=True))
            logits = logits + torch.einsum("bcno,bco->bcn", votes, out)
        return out.norm(dim=-1)


class GraphAttention(nn.Module):
    """A layer of a graph attention network (Veličković et al. 2018) over a list of edges."""

    def __init__(self) -> None:
        super().__init__()
        self.dense, self.out = nn.Linear(5, 8, bias=False), nn.Linear(8, 3)
        self.attention = nn.Parameter(torch.ones(2, 8))

    def forward(self, x: Tensor, edges: Tensor) -> Tensor:
        hidden = self.dense(x)
        begin, end = edges
        scores = F.leaky_relu((hidden @ self.attention[0])[begin] + (hidden @ self.attention[1])[end], 0.2)
        scores = torch.exp(scores - scores.max())
        sums = torch.zeros(x.shape[0], device=x.device).index_add(0, end, scores)
        weighted = hidden[begin] * (scores / sums[end])[:, None]
        return self.out(F.elu(torch.zeros_like(hidden).index_add(0, end, weighted)))


class Glow(nn.Module):
    """A step of Glow (Kingma and Dhariwal 2018): an invertible 1×1 convolution and an affine coupling."""

    def __init__(self) -> None:
        super().__init__()
        self.weight, self.net = nn.Parameter(torch.eye(4)), nn.Conv2d(2, 4, 3, padding=1)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        volume = torch.slogdet(self.weight)[1] * x.shape[2] * x.shape[3]
        left, right = F.conv2d(x, self.weight[:, :, None, None]).chunk(2, 1)
        shift, scale = self.net(left).chunk(2, 1)
        scale = torch.sigmoid(scale + 2)
        return torch.cat([left, (right + shift) * scale], 1), volume + scale.log().flatten(1).sum(1)


class Turing(nn.Module):
    """A neural Turing machine (Graves et al. 2014) that addresses its memory by content."""

    def __init__(self) -> None:
        super().__init__()
        self.controller = nn.LSTMCell(12, 16)
        self.key, self.erase, self.out = nn.Linear(16, 4), nn.Linear(16, 4), nn.Linear(20, 3)
        self.memory = nn.Parameter(torch.ones(6, 4))

    def forward(self, x: Tensor) -> Tensor:
        samples = x.shape[0]
        memory = self.memory.expand(samples, 6, 4)
        read, hidden, cell = (memory.new_zeros(samples, width) for width in (4, 16, 16))
        made = []
        for step in x.unbind(1):
            hidden, cell = self.controller(torch.cat([step, read], -1), (hidden, cell))
            key = self.key(hidden)[:, None]
            place = F.cosine_similarity(key, memory, dim=-1).softmax(-1)[..., None]
            memory = memory * (1 - place * self.erase(hidden).sigmoid()[:, None]) + place * key
            read = (place.transpose(1, 2) @ memory)[:, 0]
            made.append(self.out(torch.cat([hidden, read], -1)))
        return torch.stack(made, 1)


class Quantizer(nn.Module):
    """Codes of VQ-VAE (van den Oord et al. 2017) that follow a moving average: buffers, no parameters."""

    def __init__(self) -> None:
        super().__init__()
        self.encoder, self.decoder = nn.Conv2d(3, 8, 4, 4), nn.ConvTranspose2d(8, 3, 4, 4)
        self.register_buffer("codes", torch.arange(128.0).reshape(16, 8))

    def forward(self, x: Tensor) -> Tensor:
        made = self.encoder(x).permute(0, 2, 3, 1)
        nearest = torch.cdist(made.reshape(-1, 8), self.codes).argmin(-1)
        chosen = (F.one_hot(nearest, 16).type_as(made) @ self.codes).view_as(made)
        return self.decoder((made + (chosen - made).detach()).permute(0, 3, 1, 2))


class Retention(nn.Module):
    """Retention as a matrix (Sun et al. 2023), two heads of 8 with a decay each."""

    def __init__(self) -> None:
        super().__init__()
        self.projection, self.norm = nn.Linear(16, 48), nn.GroupNorm(2, 16)

    def forward(self, x: Tensor) -> Tensor:
        samples, length, _ = x.shape
        q, k, v = self.projection(x).view(samples, length, 3, 2, 8).permute(2, 0, 3, 1, 4)
        place = torch.arange(length)
        past = place[:, None] - place[None]
        decay = torch.where(past >= 0, torch.tensor([0.9, 0.95])[:, None, None] ** past.clamp(min=0), 0.0)
        out = (q @ k.transpose(-1, -2) * decay) @ v
        return self.norm(out.permute(0, 1, 3, 2).reshape(samples, 16, length)).transpose(1, 2)


class Hyper(nn.Module):
    """A filter that a dense layer makes for each sample (Ha et al. 2017)."""

    def __init__(self) -> None:
        super().__init__()
        self.dense = nn.Linear(5, 8 * 3 * 9)

    def forward(self, x: Tensor, z: Tensor) -> Tensor:
        filters = self.dense(z).view(-1, 8, 3, 3, 3)
        return torch.cat([F.conv2d(each[None], its, padding=1) for each, its in zip(x, filters, strict=True)])


class Modulated(nn.Module):
    """A modulated convolution (Karras et al. 2020), whose groups are the samples."""

    def __init__(self) -> None:
        super().__init__()
        self.weight, self.style = nn.Parameter(torch.ones(8, 4, 3, 3)), nn.Linear(6, 4)

    def forward(self, x: Tensor, z: Tensor) -> Tensor:
        weight = self.weight[None] * (self.style(z).view(-1, 1, 4, 1, 1) + 1)
        weight = weight * torch.rsqrt(weight.square().sum((2, 3, 4), keepdim=True) + 1e-8)
        made = F.conv2d(x.reshape(1, -1, 5, 5), weight.reshape(-1, 4, 3, 3), padding=1, groups=x.shape[0])
        return made.view(-1, 8, 5, 5)


class Slots(nn.Module):
    """Slot attention (Locatello et al. 2020): 3 slots, 2 rounds."""

    def __init__(self) -> None:
        super().__init__()
        self.slots = nn.Parameter(torch.ones(1, 3, 8))
        self.query, self.key, self.value = (nn.Linear(8, 8) for _ in range(3))
        self.cell = nn.GRUCell(8, 8)

    def forward(self, x: Tensor) -> Tensor:
        samples = x.shape[0]
        slots = self.slots + torch.randn(samples, 3, 8)
        keys, values = self.key(x), self.value(x)
        for _ in range(2):
            weights = (keys @ self.query(slots).transpose(1, 2) / 8**0.5).softmax(-1) + 1e-8
            weights = weights / weights.sum(1, keepdim=True)
            update = weights.transpose(1, 2) @ values
            slots = self.cell(update.reshape(-1, 8), slots.reshape(-1, 8)).view(samples, 3, 8)
        return slots
