"""Train a built network by the recipe in its spec's ``training:`` block.

>>> from archscope.reader import load
>>> recipe = Recipe.of(load("lenet5"))
>>> recipe.optimizer, recipe.loss, recipe.targets
('sgd', 'mse', (-1.0, 1.0))
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, fields
from typing import Final, Literal

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from archscope.building.historic import TableConv2d
from archscope.errors import UsageError
from archscope.network import Network
from archscope.training.samples import Samples

EVALUATION_BATCH: Final = 256


@dataclass(frozen=True, slots=True)
class Recipe:
    """How a network is trained: what a ``training:`` block says that can be carried out.

    Attributes:
        optimizer: how weights are updated.
        learning_rate: step size, the same from the first step to the last.
        momentum: share of the last step that is kept; SGD and RMSProp only.
        weight_decay: share of each weight taken off at each step.
        batch_size: samples a step.
        epochs: passes over the training set.
        loss: what is made small.
        targets: what ``mse`` asks of the outputs of the wrong classes and of the right one.
    """

    optimizer: Literal["sgd", "adam", "adamw", "rmsprop"]
    learning_rate: float
    momentum: float
    weight_decay: float
    batch_size: int
    epochs: int
    loss: Literal["cross_entropy", "mse"]
    targets: tuple[float, float]

    @classmethod
    def of(cls, network: Network) -> Recipe:
        """The recipe of a spec. Its ``schedule`` is words, and not part of it.

        Raises:
            UsageError: the spec has no ``training:`` block.
        """
        if network.training is None:
            raise UsageError(f"{network.name} says nothing about its training; add a `training:` block to its spec")
        return cls(**{field.name: network.training[field.name] for field in fields(cls)})

    def optimizer_for(self, model: nn.Module) -> torch.optim.Optimizer:
        """A fresh optimizer over all trainable weights of a model."""
        weights, rate, decay = model.parameters(), self.learning_rate, self.weight_decay
        if self.optimizer == "adam":
            return torch.optim.Adam(weights, lr=rate, weight_decay=decay)
        if self.optimizer == "adamw":
            return torch.optim.AdamW(weights, lr=rate, weight_decay=decay)
        if self.optimizer == "rmsprop":
            return torch.optim.RMSprop(weights, lr=rate, momentum=self.momentum, weight_decay=decay)
        return torch.optim.SGD(weights, lr=rate, momentum=self.momentum, weight_decay=decay)

    def loss_of(self, outputs: Tensor, labels: Tensor, *, probabilities: bool = False) -> Tensor:
        """The mean loss of a batch; ``probabilities`` says that the outputs went through a softmax already.

        >>> recipe = Recipe("sgd", 0.1, 0.0, 0.0, 1, 1, "mse", (-1.0, 1.0))
        >>> recipe.loss_of(torch.tensor([[1.0, -1.0, 0.0]]), torch.tensor([0])).item()  # (0 + 0 + 1)/3
        0.3333...
        """
        if self.loss == "mse":
            low, high = self.targets
            return F.mse_loss(outputs, F.one_hot(labels, outputs.shape[1]) * (high - low) + low)
        if probabilities:
            return F.nll_loss(outputs.clamp_min(torch.finfo(outputs.dtype).tiny).log(), labels)
        return F.cross_entropy(outputs, labels)


@dataclass(frozen=True, slots=True)
class Epoch:
    """One pass over the training set.

    Attributes:
        number: counted from 1.
        loss: mean over the training set, while it was learned.
        accuracy: share of the test set that was right afterwards; None without a test set.
        seconds: since training began.
    """

    number: int
    loss: float
    accuracy: float | None
    seconds: float


@dataclass(frozen=True, slots=True)
class Evaluation:
    """How a model does on labelled samples.

    Attributes:
        confusion: samples by true class (row) and answer (column).
        predictions: the answer to each sample.
    """

    confusion: Tensor
    predictions: Tensor

    @property
    def accuracy(self) -> float:
        """Share of samples whose class was found."""
        return int(self.confusion.diagonal().sum()) / int(self.confusion.sum())


def train(
    model: nn.Module,
    recipe: Recipe,
    samples: Samples,
    *,
    test: Samples | None = None,
    seed: int = 0,
    progress: bool = False,
) -> list[Epoch]:
    """Train a model in place and return what each epoch reached.

    The order of the samples comes from ``seed`` alone. The model may be on any device; a bar on standard
    error shows the progress where ``progress`` asks for it.

    Raises:
        UsageError: the loss is no number any more, or there are no samples.
    """
    if not len(samples):
        raise UsageError("there are no samples to train on")
    device = next(model.parameters()).device
    probabilities = _ends_in_softmax(model)
    optimizer = recipe.optimizer_for(model)
    shuffle = torch.Generator().manual_seed(seed)
    began = time.perf_counter()
    history = []
    was_training = model.training
    with _bar(recipe.epochs * len(samples), shown=progress) as advance, _dense_tables(model):
        for number in range(1, recipe.epochs + 1):
            model.train()
            summed = 0.0
            for batch in torch.split(torch.randperm(len(samples), generator=shuffle), recipe.batch_size):
                optimizer.zero_grad()
                outputs = model(samples.images[batch].to(device))
                loss = recipe.loss_of(outputs, samples.labels[batch].to(device), probabilities=probabilities)
                if not torch.isfinite(loss):
                    raise UsageError(f"the loss is {loss.item()} in epoch {number}; lower the learning rate of "
                                     f"{recipe.learning_rate:g}")  # fmt: skip
                loss.backward()  # type: ignore[no-untyped-call]
                optimizer.step()
                summed += loss.item() * len(batch)
                advance(len(batch), f"epoch {number}/{recipe.epochs}, loss {loss.item():.4f}")
            accuracy = None if test is None else evaluate(model, test).accuracy
            history.append(Epoch(number, summed / len(samples), accuracy, time.perf_counter() - began))
    model.train(was_training)
    return history


def evaluate(model: nn.Module, samples: Samples) -> Evaluation:
    """Ask a model for the class of every sample: the output that is largest.

    The model is evaluated without gradients or dropout and left in the mode in which it came.
    """
    device = next(model.parameters()).device
    was_training = model.training
    model.eval()
    with torch.no_grad():
        answers = [
            model(images.to(device)).argmax(dim=1).cpu() for images in torch.split(samples.images, EVALUATION_BATCH)
        ]
    model.train(was_training)
    predictions = torch.cat(answers)
    confusion = torch.zeros(samples.classes, samples.classes, dtype=torch.int64)
    confusion.index_put_((samples.labels, predictions), torch.ones_like(predictions), accumulate=True)
    return Evaluation(confusion, predictions)


def _ends_in_softmax(model: nn.Module) -> bool:
    last = None
    for module in model.modules():
        last = module
    return isinstance(last, nn.Softmax)


@contextmanager
def _dense_tables(model: nn.Module) -> Iterator[None]:
    """Compute connection tables the quick way; the values are the same, only the time is not."""
    tables = [(module, module.as_dense) for module in model.modules() if isinstance(module, TableConv2d)]
    for module, _ in tables:
        module.as_dense = True
    try:
        yield
    finally:
        for module, before in tables:
            module.as_dense = before


@contextmanager
def _bar(total: int, *, shown: bool) -> Iterator[Callable[[int, str], None]]:
    if not shown:
        yield lambda _samples, _text: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True)) as progress:
        task = progress.add_task("epoch 1", total=total)
        yield lambda samples, text: progress.update(task, advance=samples, description=text)
