"""An encoder and its decoder, each a loop that calls a cell, as people write them by hand."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

import archscope
from tests.diagrams.geometry import not_contained, parameters, problems
from tests.diagrams.unrolled import heads, strings


class Both(nn.Module):
    """Words one at a time into a cell, its states all kept; then another that attends to them.

    Args:
        attends: "after" with what the cell gives (Luong et al. 2015), "before" with its state before (Bahdanau et
            al. 2015), or "" for not at all.
        cell: "gru" or "lstm".
        inside: whether words become vectors in the loop, one at a time.
        bridge: whether a layer makes the decoder's first state.
        dot: whether the state is multiplied as it is with those that are attended to.
    """

    def __init__(
        self, attends: str, cell: str = "gru", *, inside: bool = False, bridge: bool = False, dot: bool = False
    ) -> None:
        super().__init__()
        kind = nn.GRUCell if cell == "gru" else nn.LSTMCell
        self.attends, self.long, self.inside = attends, cell == "lstm", inside
        self.reads, self.writes = nn.Embedding(30, 4), nn.Embedding(20, 4)
        self.encoder = kind(4, 6)
        self.decoder = kind(10 if attends == "before" else 4, 6)
        self.bridge = nn.Linear(6, 6) if bridge else nn.Identity()
        self.asks = nn.Linear(6, 6, bias=False) if attends and not dot else nn.Identity()
        self.head = nn.Linear(12 if attends == "after" else 6, 20)

    def looks(self, state: Tensor, memory: Tensor) -> Tensor:
        scores = (memory @ self.asks(state).unsqueeze(-1)).squeeze(-1)
        return (scores.softmax(-1).unsqueeze(1) @ memory).squeeze(1)

    def forward(self, source: Tensor, target: Tensor) -> Tensor:
        empty = torch.zeros(len(source), 6)
        state = (empty, empty) if self.long else empty
        kept = []
        read, given = (source, target) if self.inside else (self.reads(source), self.writes(target))
        for step in range(source.shape[1]):
            state = self.encoder(self.reads(read[:, step]) if self.inside else read[:, step], state)
            kept.append(state[0] if self.long else state)
        memory, found = torch.stack(kept, 1), []
        if not self.long:
            state = self.bridge(state)
        for step in range(target.shape[1]):
            word = self.writes(given[:, step]) if self.inside else given[:, step]
            if self.attends == "before":
                word = torch.cat([word, self.looks(state[0] if self.long else state, memory)], -1)
            state = self.decoder(word, state)
            gives = state[0] if self.long else state
            found.append(self.head(torch.cat([gives, self.looks(gives, memory)], -1) if self.attends == "after"
                                   else gives))  # fmt: skip
        return torch.stack(found, 1)


@pytest.mark.parametrize(
    ("network", "begins"),
    [
        (Both("after"), "recurrence that attends"),
        (Both("before"), "recurrence that attends"),
        (Both("after", "lstm"), "recurrence that attends"),
        (Both("before", "lstm"), "recurrence that attends"),
        (Both("before", bridge=True), "recurrence that attends"),
        (Both("after", bridge=True), "recurrence that attends"),
        (Both("after", inside=True), "recurrence that attends"),
        (Both("before", inside=True), "recurrence that attends"),
        (Both("after", dot=True), "recurrence that attends"),
        (Both("", inside=True), "recurrence that begins where another ends"),
        (Both("", "lstm"), "recurrence that begins where another ends"),
    ],
    ids=["after", "before", "after, LSTM", "before, LSTM", "before, a layer between", "after, a layer between",
         "after, words in the loop", "before, words in the loop", "after, as it is",
         "not, words in the loop", "not, LSTM"],
)  # fmt: skip
def test_two_loops_are_drawn_as_the_encoder_and_the_decoder_that_they_are(network: Both, begins: str) -> None:
    words = torch.zeros(1, 5, dtype=torch.long), torch.zeros(1, 4, dtype=torch.long)
    traced = archscope.trace(network, *words)
    picture = archscope.draw(traced)
    assert picture.style == "unrolled"
    assert str(picture.choice).startswith(f"style unrolled: {begins}")
    assert "in a loop that calls `encoder` and `decoder` again at each step" in str(picture.choice)
    assert problems(picture.svg, traced) == []
    assert not_contained(picture.svg) == []
    assert parameters(picture.svg) == archscope.analyze(traced).totals.parameters
    said = strings(picture.scene)
    assert {"encoder", "decoder", "5×6 · 216 parameters" if not network.long else "5×6 · 288 parameters"} <= {*said}
    # Three of five steps are drawn and all of four, each with its word.
    assert said.count("embedding") == 7
    assert said.count("attention") == (5 if network.attends else 0)
    assert (heads(picture.scene, "source"), heads(picture.scene, "target")) == (3, 4)
