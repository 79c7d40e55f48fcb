"""Norms that read values whose axes code has turned hold what PyTorch's tracker says, or say at least."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from tests.memory.shared import differences, same


class Turned(nn.Module):
    """A norm over the features of positions, which stand in front of it while it runs."""

    def __init__(self, norm: nn.Module, *, first: bool) -> None:
        super().__init__()
        self.first, self.norm, self.last = nn.Linear(4, 4) if first else nn.Identity(), norm, nn.Linear(7, 3)

    def forward(self, x: Tensor) -> Tensor:
        made: Tensor = self.last(self.norm(self.first(x).transpose(1, 2)))
        return made


class LastChannels(nn.Module):
    """Groups normalized of maps whose channels lie last."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.last = nn.Linear(4, 8), nn.Linear(8, 3)

    def forward(self, x: Tensor) -> Tensor:
        maps = self.first(x)[:, None].permute(0, 3, 1, 2)
        made: Tensor = self.last(F.group_norm(maps, 4).permute(0, 2, 3, 1)[:, 0])
        return made


NORMS: dict[str, Callable[[], nn.Module]] = {
    "groups": lambda: nn.GroupNorm(2, 4), "groups without weights": lambda: nn.GroupNorm(2, 4, affine=False),
    "instance": lambda: nn.InstanceNorm1d(4, affine=True), "layer": lambda: nn.LayerNorm(7),
    "batch": lambda: nn.BatchNorm1d(4), "root mean square": lambda: nn.RMSNorm(7),
}  # fmt: skip


@pytest.mark.parametrize("batch", [1, 2])
@pytest.mark.parametrize("optimizer", [None, "sgd"])
@pytest.mark.parametrize("first", [False, True])
@pytest.mark.parametrize("norm", NORMS)
def test_a_norm_of_what_is_turned_is_the_trackers_or_says_at_least(
    norm: str, first: bool, optimizer: str | None, batch: int
) -> None:
    why, wrong = differences(Turned(NORMS[norm](), first=first), (7, 4), optimizer, batch)
    assert not wrong, wrong
    assert ("whose axes were turned" in why) == (norm in ("batch", "root mean square"))


@pytest.mark.parametrize("batch", [1, 3])
@pytest.mark.parametrize("optimizer", [None, "sgd"])
def test_groups_of_maps_with_their_channels_last_make_such_maps(optimizer: str | None, batch: int) -> None:
    same(LastChannels(), (5, 4), optimizer, batch)


class Of(nn.Module):
    """An operation of values whose axes are turned, before a layer that wants them in order."""

    def __init__(self, of: Callable[[Tensor], Tensor]) -> None:
        super().__init__()
        self.of, self.first, self.last = of, nn.Linear(8, 8), nn.Linear(8, 8)

    def forward(self, x: Tensor) -> Tensor:
        made: Tensor = self.last(self.of(self.first(x).transpose(1, 2)))
        return made


IN_ORDER: dict[str, Callable[[Tensor], Tensor]] = {
    "cumsum": lambda x: x.cumsum(-1), "tril": torch.tril, "triu": torch.triu, "roll": lambda x: x.roll(1, -1),
    "masked_fill": lambda x: x.masked_fill(x > 2, 0.0),
}  # fmt: skip


@pytest.mark.parametrize("optimizer", [None, "sgd"])
@pytest.mark.parametrize("name", IN_ORDER)
def test_what_makes_values_in_order_of_turned_ones_is_copied_no_more(name: str, optimizer: str | None) -> None:
    same(Of(IN_ORDER[name]), (8, 8), optimizer)


AT_LEAST: dict[str, tuple[Callable[[Tensor], Tensor], str]] = {
    "cumprod": (lambda x: x.cumprod(-1), "cumprod"), "cdist": (lambda x: torch.cdist(x, x), "cdist"),
    "where": (lambda x: torch.where(torch.eye(8) > 0, x, 0.0), "lies as the mask does"),
    "nothing hidden": (lambda x: x.masked_fill(torch.ones(8, 8) > 2, 0.0), "its code copies"),
}  # fmt: skip


@pytest.mark.parametrize("optimizer", [None, "sgd"])
@pytest.mark.parametrize("name", AT_LEAST)
def test_what_lies_as_nobody_knows_is_copied_for_nothing(name: str, optimizer: str | None) -> None:
    of, said = AT_LEAST[name]
    why, wrong = differences(Of(of), (8, 8), optimizer, 2)
    assert not wrong, wrong
    assert said in why or optimizer is None


@pytest.mark.parametrize("bias", [False, True])
def test_the_result_of_a_dense_layer_that_is_written_over_is_seen_of_rows_where_it_has_constants(bias: bool) -> None:
    class Over(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.layer = nn.Linear(8, 8, bias=bias)

        def forward(self, x: Tensor) -> Tensor:
            made: Tensor = self.layer(x)
            return made.mul_(0.5)

    same(Over(), (5, 8), "sgd")


class Maps(nn.Module):
    """An operation on maps whose channels lie last, before a layer that wants them so, or the gradient of one does."""

    def __init__(self, of: Callable[[Tensor], Tensor]) -> None:
        super().__init__()
        self.of, self.first, self.last = of, nn.Linear(8, 8), nn.Linear(8, 8)

    def forward(self, x: Tensor) -> Tensor:
        made: Tensor = self.last(self.of(self.first(x).permute(0, 3, 1, 2)).permute(0, 2, 3, 1))
        return made


MAPS: dict[str, Callable[[], Callable[[Tensor], Tensor]]] = {
    "average": lambda: nn.AvgPool2d(2), "largest": lambda: nn.MaxPool2d(2),
    "to a size": lambda: nn.AdaptiveAvgPool2d(2),
    "to one": lambda: nn.AdaptiveAvgPool2d(1), "largest to a size": lambda: nn.AdaptiveMaxPool2d(2),
    "enlarged": lambda: nn.Upsample(scale_factor=2), "bilinear": lambda: nn.Upsample(scale_factor=2, mode="bilinear"),
    "batch": lambda: nn.BatchNorm2d(8), "zeros": lambda: nn.ZeroPad2d(1), "mirrored": lambda: nn.ReflectionPad2d(1),
    "borders": lambda: nn.ReplicationPad2d(1), "joined": lambda: lambda x: torch.cat([x, x * 2], 2),
    "softmax": nn.Softmax2d, "shuffled": lambda: nn.ChannelShuffle(2),
    "pixels": lambda: lambda x: F.pixel_unshuffle(F.pixel_shuffle(x, 2), 2),
    "convolution": lambda: nn.Sequential(nn.BatchNorm2d(8), nn.Conv2d(8, 8, 3, padding=1)),
    "rows": lambda: lambda x: F.avg_pool1d(x.flatten(2), 2).unflatten(2, (2, 4)),
    "largest of rows": lambda: lambda x: F.max_pool1d(x.flatten(2), 2).unflatten(2, (2, 4)),
}  # fmt: skip


@pytest.mark.parametrize("optimizer", [None, "sgd"])
@pytest.mark.parametrize("batch", [1, 2])
@pytest.mark.parametrize("name", MAPS)
def test_what_runs_on_maps_with_their_channels_last_makes_such_maps(
    name: str, batch: int, optimizer: str | None
) -> None:
    why, wrong = differences(Maps(MAPS[name]()), (4, 4, 8), optimizer, batch)
    assert not wrong, wrong
    assert bool(why) == (batch == 1 and "rows" in name), why


@pytest.mark.parametrize("of", [torch.sigmoid, torch.tanh, torch.sin])
def test_a_gradient_that_is_one_number_everywhere_lies_as_what_it_is_multiplied_with(
    of: Callable[[Tensor], Tensor],
) -> None:
    class Ends(nn.Module):
        """Turned values and what a dense layer adds to them, through a function of which the sum is the loss."""

        def __init__(self) -> None:
            super().__init__()
            self.first, self.layer = nn.Linear(5, 5), nn.Linear(8, 8)

        def forward(self, x: Tensor) -> Tensor:
            turned = self.first(x).transpose(1, 2)
            return of(turned + self.layer(turned))

    same(Ends(), (8, 5), "sgd", 3)


@pytest.mark.parametrize("batch", [1, 3])
@pytest.mark.parametrize("optimizer", [None, "sgd"])
@pytest.mark.parametrize("axes", [1, 3, 4])
@pytest.mark.parametrize("again", [False, True])
@pytest.mark.parametrize("first", [False, True])
def test_what_a_parameter_of_more_axes_is_added_to_lies_as_it_did(
    axes: int, first: bool, again: bool, optimizer: str | None, batch: int
) -> None:
    class Wider(nn.Module):
        """Turned values and a parameter, through a dense layer, which copies what does not lie in order."""

        def __init__(self) -> None:
            super().__init__()
            self.first, self.layer, self.last = nn.Linear(5, 5), nn.Linear(4, 4), nn.Linear(4, 1)
            self.shift = nn.Parameter(torch.zeros((1,) * (axes - 1) + (4,)))

        def forward(self, x: Tensor) -> Tensor:
            turned = self.first(x * x).mT
            turned = self.shift + turned if first else turned + self.shift
            return (turned + self.layer(turned)) * self.last(turned) if again else self.layer(turned)

    why, wrong = differences(Wider(), (4, 5), optimizer, batch)
    assert not wrong, wrong
    assert not why or batch == 1, why
