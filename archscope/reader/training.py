"""The ``training:`` block of a spec: how the network was trained, as its source states it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from archscope.options import (
    Option,
    choice,
    each_axis,
    flag,
    number,
    option,
    positive,
    positive_number,
    probability,
    text,
)
from archscope.reader.report import Report
from archscope.source import Tree

TRAINING: Final[Mapping[str, Option]] = {
    "optimizer": option(choice("sgd", "adam", "adamw", "rmsprop"), default="sgd", doc="How weights are updated."),
    "learning_rate": option(positive_number, default=0.01, doc="Step size at the start."),
    "momentum": option(probability, default=0.0, doc="Share of the last step that is kept."),
    "weight_decay": option(number, default=0.0, doc="Share of each weight taken off at each step."),
    "batch_size": option(positive, default=32, doc="Samples a step."),
    "epochs": option(positive, default=1, doc="Passes over the training set."),
    "loss": option(choice("cross_entropy", "mse"), default="cross_entropy", doc="What is made small."),
    "targets": option(
        each_axis(2, number), default=(0, 1), doc="What `mse` asks of the output of a wrong class and of the right one."
    ),
    "data": option(text, default=None, doc="The training set and how it is prepared."),
    "schedule": option(text, default=None, doc="How the learning rate changes."),
    "source": option(text, default=None, doc="Where this is stated, a key of `sources`."),
    "seen": option(flag, default=True, doc="Whether it was seen in its source; false for what is told at second hand."),
    "note": option(text, default=None, doc="What the source leaves open or states otherwise."),
}
"""What a ``training:`` block can say."""


def read_training(tree: Tree | None, report: Report) -> dict[str, Any] | None:
    """Read a ``training:`` block, with the defaults of what it leaves out; None without one."""
    if tree is None:
        return None
    body = report.mapping(tree, "`training`", tree.span, "write `training: {optimizer: sgd, batch_size: 128, …}`")
    if body is None:
        return None
    values = report.options(TRAINING, body, body.entries, "`training`", body.span)
    if values is None:
        return None
    return {name: values.get(name, each.default) for name, each in TRAINING.items()}
