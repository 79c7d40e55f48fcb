"""Why a number is a dash: each reason where it is true, and nowhere else."""

from __future__ import annotations

import random
import warnings
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.checkpoint import checkpoint

import archscope


class Runs(nn.Module):
    """Code of one's own beside a dense layer, and a parameter of one row."""

    def __init__(self, code: Callable[[Any, Tensor], Tensor]) -> None:
        super().__init__()
        self.code, self.a, self.row = code, nn.Linear(4, 4), nn.Parameter(torch.ones(1, 4))

    def forward(self, x: Tensor) -> Tensor:
        return self.code(self, self.a(x))


def into_a_view(_: Any, z: Tensor) -> Tensor:
    left = z[:, :2]
    z.add_(1)
    return left * 2


MAPPED = "it ran under `vmap`, for all samples at once"
WRITTEN = "it was written into through another view of its memory"
ACROSS = "it makes one of all samples together, and no rule says what that holds"
OF_PARAMETERS = "it works on what is there once for all samples, with an axis for them, and no rule follows that"
ALPHA = "alpha dropout shifts and scales what it leaves, and no rule follows that"
AGAIN = "its code has it run again in the backward pass (`torch.utils.checkpoint`), and no rule follows that"
NO_TYPE = "archscope has no layer type for `erf`"
ALONG = "this `softmax` works along the samples of a batch"
MISFIT = "this `layer_norm` takes shapes or weights that its layer type does not"

CASES: dict[str, tuple[Callable[[Any, Tensor], Tensor], ...]] = {
    MAPPED: (lambda m, z: torch.vmap(lambda each: each.cumsum(0))(z),),
    WRITTEN: (into_a_view,),
    ACROSS: (lambda m, z: z - z.mean(0), lambda m, z: z / z.std(0), lambda m, z: z + z.sum()),
    OF_PARAMETERS: (
        lambda m, z: z + m.row @ m.a.weight,
        lambda m, z: z + m.a(m.row),
        lambda m, z: z + m.a(m.row.expand(len(z), -1)),
    ),
    ALPHA: (lambda m, z: F.alpha_dropout(z, 0.5, m.training),),
    AGAIN: (lambda m, z: checkpoint(torch.tanh, z, use_reentrant=False),),
    "": (
        lambda m, z: z - z.mean(1, keepdim=True),
        lambda m, z: z * m.row,
        lambda m, z: m.a(z) + torch.exp(m.row),
        lambda m, z: z.unflatten(1, (2, 2)).amax(1),
        lambda m, z: z.unflatten(1, (2, 2)).max(1)[0],
        lambda m, z: F.dropout(z, 0.5, m.training),
    ),
}


def reasons(network: archscope.Network) -> set[str]:
    """All that is said of dashes, of numbers and of memory, but for what a grid's end is."""
    seen = network.observed
    assert seen is not None
    said = {why for facts in network.facts.values() for name, why in facts.reasons.items() if name != "output"}
    return {*said, *seen.unruled.values(), *seen.unruled_in_training.values()}


@pytest.mark.parametrize(
    ("why", "code"),
    [(why, each) for why, several in CASES.items() for each in several],
    ids=lambda each: each[:40] or "none" if isinstance(each, str) else "code",
)
def test_a_reason_is_given_where_it_is_true_and_nowhere_else(why: str, code: Callable[[Any, Tensor], Tensor]) -> None:
    said = reasons(archscope.trace(Runs(code), (4,))) & {*CASES}
    assert said == ({why} if why else set())


def test_what_no_type_describes_says_so_and_what_a_type_does_not_take_says_that() -> None:
    network = archscope.trace(Runs(lambda m, z: torch.erf(z.unflatten(1, (2, 2)).softmax(0))), (4,))
    said = [network.facts[node.name].reasons for node in network.nodes if node.layer.type == "function"]
    assert ALONG in said[0].values()
    assert NO_TYPE not in said[0].values()
    network = archscope.trace(Runs(lambda m, z: F.layer_norm(z, (4,), m.row[0] + 1)), (4,))
    said = [network.facts[node.name].reasons for node in network.nodes if node.layer.type == "function"]
    assert MISFIT in said[0].values()
    network = archscope.trace(Runs(lambda m, z: z.unflatten(1, (2, 2)) * m.a.weight[:2, :2].cos()), (4,))
    assert network.facts["mul"].reasons["connections"] == "archscope has no layer type for this `mul`"


@pytest.mark.parametrize(
    ("code", "types"),
    [
        (lambda m, z: F.softmax(z, _stacklevel=9), ["linear", "softmax"]),
        (lambda m, z: F.softmax(z.unflatten(1, (2, 1, 2)), _stacklevel=9), ["linear", "reshape", "softmax"]),
        (lambda m, z: F.softmax(z.unflatten(1, (2, 2)), _stacklevel=9), ["linear", "reshape", "function"]),
        (lambda m, z: z.softmax(0), ["linear", "function"]),
        (lambda m, z: z.transpose(0, 1).softmax(0).transpose(0, 1), ["linear", "softmax"]),
    ],
)
def test_what_works_along_the_samples_is_no_layer_and_says_so(code: Any, types: list[str]) -> None:
    """Without an axis, PyTorch's softmax is over the first of three axes, and else over the second."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        network = archscope.trace(Runs(code), (4,))
    assert [node.layer.type for node in network.nodes] == types
    functions = [node.layer.label for node in network.nodes if node.layer.type == "function"]
    assert all(label.endswith(", along the samples") for label in functions)


class Begins(nn.Module):
    """Code of one's own behind a dense layer, and a parameter of which most values are zero and not held."""

    def __init__(self, code: Callable[[Any, Tensor], Tensor]) -> None:
        super().__init__()
        self.code, self.a, self.sparse = code, nn.Linear(4, 4), nn.Parameter(torch.eye(4).to_sparse())

    def forward(self, x: Tensor) -> Tensor:
        return self.code(self, self.a(x))


def by_a_sparse_one(m: Any, z: Tensor) -> Tensor:
    return torch.sparse.mm(m.sparse, z.transpose(0, 1)).transpose(0, 1)


def dropping(m: Any, z: Tensor) -> Tensor:
    return m.a(z) if m.training and torch.rand(1, device="cpu") < 0.1 else z


def drawing(m: Any, z: Tensor) -> Tensor:
    return m.a(z) if m.training and random.random() < 0.1 else z


def noisy(m: Any, z: Tensor) -> Tensor:
    return z + torch.rand_like(z) if m.training else z


def no_training(m: Any, z: Tensor) -> Tensor:
    if m.training:
        raise RuntimeError("at inference alone")
    return z * 2


def one_sample(_: Any, z: Tensor) -> Tensor:
    if len(z) > 1:
        raise RuntimeError("one sample")
    return torch.maximum(z, torch.ones(4, device=z.device))


def one_more(_: Any, z: Tensor) -> Tensor:
    for _ in range(len(z)):
        z = torch.maximum(z, torch.ones(4, device=z.device))
    return z


def handed_on(_: Any, z: Tensor) -> Tensor:
    return z + torch.zeros(4, device=z.device)


def by_a_mask_of(*axes: int) -> Callable[[Any, Tensor], Tensor]:
    def attends(_: Any, z: Tensor) -> Tensor:
        q = z.unflatten(1, (1, 2, 2))
        return F.scaled_dot_product_attention(q, q, q, torch.ones(*axes, device=z.device)).flatten(1)

    return attends


SPARSE = "its weight is sparse or packed, and no rule says what the gradient of such a one holds"
TRAINS = "its code draws numbers that decide what it runs while training"
NO_TRAINING = "its code did not run as while training, so that what it does then could be followed"
OTHERS = "its code makes tensors beside its layers, and other ones in another batch"
STOPS = "its code makes tensors beside its layers, and did not run again so that they could be followed"
COPIES = "its code copies what layers make (`add`), and which of the two it has longer is not followed"
APART = "its code gives attention a mask of other than two or four axes, with which it runs in parts"

BESIDE: dict[str, tuple[Callable[[Any, Tensor], Tensor], ...]] = {
    SPARSE: (by_a_sparse_one,),
    TRAINS: (dropping, drawing),
    NO_TRAINING: (no_training,),
    OTHERS: (one_more,),
    STOPS: (one_sample,),
    COPIES: (handed_on,),
    APART: (by_a_mask_of(1, 2, 2),),
    "": (
        lambda m, z: m.a(z),
        noisy,
        lambda m, z: z * torch.rand(len(z), 1) if m.training else z,
        lambda m, z: F.dropout(z, 0.5, m.training),
        lambda m, z: torch.maximum(z, torch.ones(4, device=z.device)),
        by_a_mask_of(2, 2),
        by_a_mask_of(1, 1, 2, 2),
    ),
}  # fmt: skip


@pytest.mark.filterwarnings("ignore:Sparse:UserWarning")
@pytest.mark.parametrize(
    ("why", "code"),
    [(why, each) for why, several in BESIDE.items() for each in several],
    ids=lambda each: each[:40] or "none" if isinstance(each, str) else "code",
)
def test_a_reason_of_what_is_held_beside_layers_is_given_where_it_is_true(
    why: str, code: Callable[[Any, Tensor], Tensor]
) -> None:
    network = archscope.trace(Begins(code), (4,))
    seen = network.observed
    assert seen is not None
    said = {*reasons(network), seen.constants.unknown, seen.constants.unknown_in_training}
    assert said & {*BESIDE, STOPS} - {""} == ({why} if why else set())


def _ran(code: Callable[[], Any]) -> list[str]:
    """The operations that PyTorch's dispatcher runs."""

    class Names(TorchDispatchMode):
        def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
            names.append(func.__name__.partition(".")[0])
            return func(*args, **(kwargs or {}))

    names: list[str] = []
    with Names():
        code()
    return names


@pytest.mark.filterwarnings("ignore:Sparse:UserWarning")
def test_the_gradient_of_a_sparse_weight_is_not_as_the_weight_is() -> None:
    module = Begins(by_a_sparse_one)
    module(torch.ones(2, 4)).sum().backward()
    gradient = module.sparse.grad
    assert gradient is not None
    held = gradient._values().numel() if gradient.is_sparse else gradient.numel()
    assert (gradient.is_sparse, held) != (False, 16)  # a dense weight of 4·4 has a dense gradient of 4·4


def test_what_is_said_of_code_that_trains_otherwise_or_not_at_all_is_true() -> None:
    x, module = torch.ones(2, 4), Begins(noisy)
    assert _ran(lambda: module.train()(x)) != _ran(lambda: module.eval()(x))
    with pytest.raises(RuntimeError, match="at inference alone"):
        Begins(no_training).train()(x)
    assert Begins(no_training).eval()(x).shape == x.shape


def test_what_is_said_of_code_that_makes_others_in_another_batch_or_stops_is_true() -> None:
    z = torch.zeros(2, 4)
    assert [_ran(lambda: one_more(None, z[:many])).count("ones") for many in (1, 2)] == [1, 2]  # noqa: B023
    with torch.no_grad():
        assert Begins(one_sample)(torch.ones(1, 4)).shape == (1, 4)
    with pytest.raises(RuntimeError, match="one sample"):
        Begins(one_sample)(torch.ones(2, 4))


def test_what_is_said_of_a_copy_is_true() -> None:
    z = torch.ones(2, 4)
    copy = handed_on(None, z)
    assert torch.equal(copy, z)
    assert copy.data_ptr() != z.data_ptr()


def test_attention_runs_in_parts_with_a_mask_of_three_axes_alone() -> None:
    z = torch.ones(2, 4)
    as_one = {mask: any("scaled_dot_product" in name and "math" not in name for name in
                        _ran(lambda: by_a_mask_of(*mask)(None, z)))  # noqa: B023
              for mask in ((2, 2), (1, 2, 2), (1, 1, 2, 2))}  # fmt: skip
    assert as_one == {(2, 2): True, (1, 2, 2): False, (1, 1, 2, 2): True}
