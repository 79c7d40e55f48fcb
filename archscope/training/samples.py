"""Labelled images to train on: scikit-learn's digits, which come with it, and the sets torchvision fetches."""

from __future__ import annotations

import importlib.util
from dataclasses import dataclass
from typing import Any, Final

import torch
from torch import Tensor
from torch.nn import functional as F

from archscope.errors import MissingExtra, UsageError

SIDE: Final = 32
"""LeNet-5's input is 32×32, so that strokes near the edge lie in the middle of a window."""


@dataclass(frozen=True, slots=True)
class Samples:
    """Images and the class of each.

    Attributes:
        images: ``(samples, channels, height, width)``.
        labels: class numbers, counted from 0.
        classes: how many classes there are.
    """

    images: Tensor
    labels: Tensor
    classes: int = 10

    def __len__(self) -> int:
        return len(self.labels)

    def split(self, share: float, *, seed: int = 0) -> tuple[Samples, Samples]:
        """Two sets without a sample in common, the first with ``share`` of them, in an order fixed by ``seed``.

        >>> sets = Samples(torch.zeros(10, 1, 2, 2), torch.arange(10)).split(0.8)
        >>> [len(each) for each in sets]
        [8, 2]
        """
        order = torch.randperm(len(self), generator=torch.Generator().manual_seed(seed))
        first = round(len(self) * share)
        return self._at(order[:first]), self._at(order[first:])

    def _at(self, chosen: Tensor) -> Samples:
        return Samples(self.images[chosen], self.labels[chosen], self.classes)


def digits() -> Samples:
    """1,797 handwritten digits of 43 people, which come with scikit-learn: no download.

    Their 8×8 pixels are enlarged to 28×28, the size of MNIST's, and padded to 32×32.

    Raises:
        MissingExtra: scikit-learn is not installed.
    """
    _require("sklearn", "scikit-learn")
    from sklearn.datasets import load_digits

    bundled: Any = load_digits()
    small = torch.tensor(bundled.images, dtype=torch.float32)[:, None] / 16
    enlarged = F.interpolate(small, size=(28, 28), mode="bilinear", align_corners=False)
    return Samples(prepare(enlarged), torch.tensor(bundled.target))


def mnist(folder: str, *, train: bool, download: bool = False) -> Samples:
    """MNIST through torchvision, padded to 32×32; ``download`` fetches it where it is not there.

    Raises:
        MissingExtra: torchvision is not installed.
        UsageError: the folder does not have it, and ``download`` is not set.
    """
    return _torchvision("MNIST", folder, train=train, download=download)


def cifar10(folder: str, *, train: bool, download: bool = False) -> Samples:
    """CIFAR-10 through torchvision: 32×32 colour images of ten classes; as `mnist` otherwise."""
    return _torchvision("CIFAR10", folder, train=train, download=download)


def prepare(images: Tensor) -> Tensor:
    """Pad to 32×32 with paper, and scale as LeCun et al. do: paper is −0.1, ink 1.175.

    The mean is then roughly 0 and the variance roughly 1, which speeds up learning (Sec. II-B).

    Raises:
        UsageError: the images are larger than 32×32.

    >>> ready = prepare(torch.ones(1, 1, 28, 28))
    >>> tuple(ready.shape), round(ready.min().item(), 3), round(ready.max().item(), 3)
    ((1, 1, 32, 32), -0.1, 1.175)
    """
    height, width = images.shape[-2:]
    if height > SIDE or width > SIDE:
        raise UsageError(f"images of {height}×{width} are larger than {SIDE}×{SIDE}; resize them first")
    top, left = (SIDE - height) // 2, (SIDE - width) // 2
    padded = F.pad(images, (left, SIDE - width - left, top, SIDE - height - top))
    return padded * (1.175 + 0.1) - 0.1


def _torchvision(name: str, folder: str, *, train: bool, download: bool) -> Samples:
    _require("torchvision", "torchvision")
    from torchvision import datasets

    try:
        stored: Any = getattr(datasets, name)(folder, train=train, download=download)
    except RuntimeError as error:
        raise UsageError(f"{folder} does not hold {name}; ask for it with `download=True`") from error
    images = torch.as_tensor(stored.data, dtype=torch.float32) / 255
    # MNIST is (n, 28, 28); CIFAR-10 is channels last.
    images = images[:, None] if images.dim() == 3 else images.permute(0, 3, 1, 2)
    return Samples(prepare(images), torch.as_tensor(stored.targets))


def _require(module: str, package: str) -> None:
    if importlib.util.find_spec(module) is None:
        raise MissingExtra("loading these images", f"{package} (pip install {package})")
