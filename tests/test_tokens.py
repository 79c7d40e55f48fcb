"""Inputs that are token numbers: the network keeps their vocabulary, and everything that runs it stays within."""

from __future__ import annotations

import json

import torch

import archscope
from archscope.formats import View, write
from archscope.formats.json import plain
from archscope.network import Network
from archscope.reader.schema import json_schema
from archscope.writing.keras import write_keras
from archscope.writing.pytorch import write_pytorch
from archscope.writing.spec import write_spec

LANGUAGE = """
input: {tokens: {shape: [6], vocabulary: $v}}
let: {d: 4, v: 9}
layers:
  wte: {type: embedding, num_embeddings: $v, embedding_dim: $d}
  up: {type: linear, out_features: 4*$in}
"""

PAIR = """
input: {question: {shape: [6], vocabulary: 9}, answer: {shape: [3], vocabulary: 5}, grade: [4]}
layers:
  asked: {type: embedding, num_embeddings: 9, embedding_dim: 4, from: question}
  first: {type: select, dim: 0, index: 0}
  told: {type: embedding, num_embeddings: 8, embedding_dim: 4, from: answer}
  one: {type: select, dim: 0, index: 0}
  sum: {type: add, from: [first, one, grade]}
"""


def language(**changes: object) -> Network:
    return archscope.read(LANGUAGE, name="language", **changes)  # type: ignore[arg-type]


def test_a_network_knows_the_vocabulary_of_its_tokens_and_their_size_is_in_reach() -> None:
    network = language()
    assert dict(network.inputs) == {"tokens": (6,)}
    assert dict(network.vocabularies) == dict(network.tokens) == {"tokens": 9}
    assert network.facts["wte"].parameters == 9 * 4
    assert network.facts["up"].output == (6, 24)  # 4 · 6 positions


def test_one_nameless_input_of_tokens_is_called_input() -> None:
    network = archscope.read(
        "input: {shape: [8], vocabulary: 5}\nlayers:\n  a: {type: embedding, num_embeddings: 5, embedding_dim: 2}\n"
    )
    assert (dict(network.inputs), dict(network.vocabularies)) == ({"input": (8,)}, {"input": 5})


def test_an_embedding_may_have_more_rows_than_there_are_tokens_and_examples_stay_below_the_vocabulary() -> None:
    network = archscope.read(PAIR, name="pair")
    assert dict(network.tokens) == {"question": 9, "answer": 5}
    model = archscope.build(network)
    question, answer, grade = model.example_inputs(200, generator=torch.Generator().manual_seed(0))
    assert (question.dtype, answer.dtype, grade.dtype) == (torch.long, torch.long, torch.float32)
    assert (int(question.max()), int(answer.max()), int(question.min())) == (8, 4, 0)
    assert model(question, answer, grade).shape == (200, 4)


def test_tokens_that_are_cut_before_they_are_looked_up_are_whole_numbers_all_the_same() -> None:
    network = archscope.read(
        "input: {shape: [8], vocabulary: 5}\n"
        "layers:\n"
        "  cut: {type: slice, dim: 0, start: 0, end: 3}\n"
        "  a: {type: embedding, num_embeddings: 5, embedding_dim: 2}\n"
    )
    (example,) = archscope.build(network).example_inputs(4)
    assert example.dtype == torch.long
    assert archscope.build(network)(example).shape == (4, 3, 2)


def test_another_size_keeps_the_vocabulary() -> None:
    assert dict(language(input="3").inputs) == {"tokens": (3,)}
    assert dict(language(input={"tokens": (3,)}).vocabularies) == {"tokens": 9}


def test_tables_json_source_and_the_flat_spec_say_the_vocabulary() -> None:
    network = language()
    analysis = archscope.analyze(network)
    assert "language: tokens 6 of a vocabulary of 9\n" in write(analysis)
    assert json.loads(json.dumps(plain(analysis, View())))["vocabularies"] == {"tokens": 9}
    again = archscope.read(write_spec(network), name="language")
    assert again.vocabularies == network.vocabularies
    assert again.facts == network.facts
    for source in (write_pytorch(network), write_keras(network)):
        assert "Takes token numbers: whole numbers from 0 to 8." in source
    assert "`answer` are token numbers: whole numbers from 0 to 4." in write_pytorch(archscope.read(PAIR, name="pair"))


def test_editors_complete_the_vocabulary() -> None:
    assert set(json_schema()["$defs"]["input"]["properties"]) == {"shape", "vocabulary"}
