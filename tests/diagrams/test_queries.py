"""A decoder that begins with learned queries, as DETR's does, stands beside the encoder that it attends to."""

from __future__ import annotations

import archscope
from tests.diagrams.test_transformer import check, model, roles, strings
from tests.tracing.detecting import Detects


def test_the_decoder_of_learned_queries_has_its_own_attention_and_theirs() -> None:
    network = archscope.trace(Detects(), (3, 32, 48))
    encoder, decoder = roles(model(network))
    assert decoder == ["learned", *["attention", "add-norm", "attention", "add-norm", "feed", "add-norm"], "norm",
                       "linear"]  # fmt: skip
    assert encoder[-5:] == ["attention", "add-norm", "feed", "add-norm", "norm"]
    check(network)
    said = strings(archscope.draw(network, style="transformer").scene)
    assert "Learned Queries" in said
    assert {"Cross-Attention", "7 × 16"} <= {*said}


def test_queries_stay_values_from_beside_where_nothing_attends_before_an_input_comes() -> None:
    pieces = model("vit@b16").pieces
    learned = [each.name for each in pieces.all if each.layer.verb == "Parameter"]
    assert learned
    assert all(map(pieces.is_constant, learned))
