"""What the code makes of numbers alone is known without values: masks are looked at, rows of a table are found."""

from __future__ import annotations

import random
from collections.abc import Callable

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

import archscope
from archscope import analyze, trace
from archscope.recognising.operations import Frame
from archscope.tracing.ledger import Ledger
from archscope.tracing.numbers import ROOM, Numbers, making
from archscope.tracing.turns import Turn
from archscope.writing.stating import state


def ledger() -> Ledger:
    made = Ledger(lambda *_: None, lambda _: None, Numbers(), Turn())
    made.frame = Frame()
    return made


STEPS: tuple[Callable[[Tensor], Tensor], ...] = (
    lambda x: x + 1,
    lambda x: x * 2,
    lambda x: x.cumsum(-1),
    lambda x: x.flip(0),
    lambda x: torch.where(x > 2, x, -x),
    lambda x: x.unsqueeze(0).expand(2, *x.shape).reshape(2, -1)[1],
    lambda x: x[1:] if len(x) > 2 else x,
    lambda x: torch.cat([x, torch.ones_like(x)])[:6],
    lambda x: x.clone().fill_(3),
    lambda x: torch.zeros(8, dtype=x.dtype, device=x.device).index_put_((x.abs() % 8,), x),
    lambda x: x.masked_fill(x == 2, 0),
    lambda x: x.tolist() and x if not x.is_meta else x,
)


def written(x: Tensor) -> Tensor:
    """Writes into a view; whoever sees the same memory sees it."""
    made = x.clone()
    made[1:2] = 7
    return made


@pytest.mark.parametrize("seed", range(40))
def test_what_is_worked_out_beside_a_run_is_what_the_run_would_have_made(seed: int) -> None:
    chosen = [random.Random(seed).choice((*STEPS, written)) for _ in range(6)]

    def program(device: str) -> Tensor:
        x = torch.arange(5, device=device)
        for step in chosen:
            x = step(x)
        return x

    numbers = ledger()
    with torch.no_grad(), numbers:
        made = program("meta")
    known = numbers.numbers.of(made)
    assert known is not None
    assert torch.equal(known, program("cpu"))


def test_the_masks_of_equal_blocks_are_worked_out_once_and_are_still_written_apart() -> None:
    numbers = ledger()
    with torch.no_grad(), numbers:
        one, other, third = (torch.ones(4, 4, device="meta").triu(1) for _ in range(3))
        of = numbers.numbers.of
        assert of(one) is of(other) is of(third) is not None
        row = one[0]
        row.fill_(7)
        other += 1
        fourth = torch.ones(4, 4, device="meta").triu(1)
    later = torch.ones(4, 4).triu(1)
    for made, right in ((other, later + 1), (third, later), (fourth, later), (row, torch.full((4,), 7.0))):
        assert torch.equal(of(made), right)  # type: ignore[arg-type]
    assert of(one)[:2].tolist() == [[7] * 4, [0, 0, 1, 1]]  # type: ignore[index]


def test_what_an_unknown_value_is_written_into_is_unknown_and_its_equal_is_not() -> None:
    numbers = ledger()
    with torch.no_grad(), numbers:
        one, other = (torch.ones(4, device="meta") for _ in range(2))
        one += torch.empty(4, device="meta")
    assert numbers.numbers.of(one) is None
    assert numbers.numbers.of(other).tolist() == [1] * 4  # type: ignore[union-attr]


def test_a_constant_on_the_cpu_may_change_between_two_uses() -> None:
    numbers = ledger()
    with torch.no_grad(), numbers:
        constant = torch.zeros(3)
        one = constant.to("meta")
        constant += 1
        other = constant.to("meta")
    assert [numbers.numbers.of(each).tolist() for each in (one, other)] == [[0] * 3, [1] * 3]  # type: ignore[union-attr]


def test_zeros_like_another_have_its_shape_whichever_it_was() -> None:
    numbers = ledger()
    with torch.no_grad(), numbers:
        made = [torch.zeros_like(torch.empty(size, device="meta"), dtype=kind) for size in (2, 3)
                for kind in (torch.float, torch.long)]  # fmt: skip
    assert [numbers.numbers.of(each).shape for each in made] == [(2,), (2,), (3,), (3,)]  # type: ignore[union-attr]
    assert [numbers.numbers.of(each).dtype for each in made] == [torch.float, torch.long] * 2  # type: ignore[union-attr]


def test_numbers_take_no_more_room_than_they_are_given() -> None:
    numbers = ledger()
    with torch.no_grad(), numbers:
        made = [torch.full((1024, 1024), each, device="meta") for each in range(2 * ROOM // (8 << 20))]
    known = [numbers.numbers.of(each) for each in made]
    assert known[0] is not None
    assert known[-1] is None
    assert sum(each.untyped_storage().nbytes() for each in known if each is not None) <= ROOM


def test_what_an_input_or_chance_has_a_part_in_is_not_known() -> None:
    numbers, given = ledger(), torch.empty(3, device="meta", dtype=torch.long)
    with torch.no_grad(), numbers:
        drawn = torch.rand(3, device="meta") > 0.5
        mixed = torch.zeros(3, dtype=torch.long, device="meta")
        part = mixed[1:]
        mixed[0] = given[0]
        memory = torch.empty(3, device="meta")
    assert [numbers.numbers.of(each) for each in (given, drawn, mixed, part, memory)] == [None] * 5


def test_a_buffer_of_the_users_is_read_and_not_written() -> None:
    class Keeps(nn.Module):
        places: Tensor

        def __init__(self) -> None:
            super().__init__()
            self.fc = nn.Linear(4, 4)
            self.register_buffer("places", torch.zeros(4, dtype=torch.long))

        def forward(self, x: Tensor) -> Tensor:
            self.places += 1
            return self.fc(x) if bool((self.places >= 0).all()) else x

    module = Keeps()
    assert analyze(trace(module, (4,))).totals.macs == 16
    assert module.places.tolist() == [0, 0, 0, 0]


class Masked(nn.Module):
    """Looks at a mask that it made: `transformers` asks whether anything is masked at all."""

    def __init__(self) -> None:
        super().__init__()
        self.fc = nn.Linear(4, 4)

    def forward(self, x: Tensor) -> Tensor:
        mask = torch.ones(x.shape[:2], dtype=torch.bool, device=x.device)
        places = torch.arange(x.shape[1], device=x.device)
        if mask.all() and places[-1].item() == 5:
            return self.fc(x)
        return self.fc(self.fc(x))


def test_a_module_on_meta_may_look_at_what_it_made_itself() -> None:
    with torch.device("meta"):
        module = Masked()
    assert analyze(trace(module, (6, 4))).totals.macs == 6 * 16


class Looking(nn.Module):
    """Looks at values in a way of its own, and runs another layer if they are not what a network of words sees."""

    def __init__(self, looks: Callable[[Tensor], Tensor | bool]) -> None:
        super().__init__()
        self.looks, self.words, self.fc = looks, nn.Embedding(30, 4), nn.Linear(4, 4)

    def forward(self, ids: Tensor) -> Tensor:
        x = self.fc(self.words(ids))
        return x if bool(self.looks(ids)) else self.fc(x)


def _filled(ids: Tensor) -> Tensor:
    """Sizes of maps as detectors keep them: memory that is filled one by one."""
    sizes = torch.empty(2, 2, dtype=torch.long, device=ids.device)
    for place, size in enumerate((3, 2)):
        sizes[place, 0] = size
        sizes[place, 1] = 1
    return sizes.prod(1).sum() == 5


@pytest.mark.parametrize("device", ["cpu", "meta"])
@pytest.mark.parametrize(
    ("looks", "said"),
    [
        (lambda ids: torch.tensor([2, 3], device=ids.device).sum() == 5, False),
        (_filled, False),
        # Zeros are what nobody gave values for, so these look at an input.
        (lambda ids: (ids == 0).all(), True),
        (lambda ids: 0 in ids[:, [-1, 0]], True),
        (lambda ids: int(ids.max()) == 0, True),
    ],
)
def test_a_module_without_values_is_read_where_it_looks_at_numbers_alone(
    looks: Callable[[Tensor], Tensor | bool], device: str, *, said: bool
) -> None:
    module = Looking(looks).to(device)
    for given in ((6,), torch.zeros(1, 6, dtype=torch.long, device=device)):
        analysis = analyze(trace(module, given))
        assert analysis.totals.macs == 6 * 16
        observed = analysis.network.observed
        assert observed is not None
        assert bool(observed.looked) is said
        assert observed.zeros is (isinstance(given, tuple) or device == "meta")


def test_memory_of_which_a_part_is_unknown_is_not_taken_for_zeros() -> None:
    numbers, given = ledger(), torch.empty((), device="meta")
    with torch.no_grad(), numbers:
        one, other = torch.empty(2, device="meta"), torch.empty(2, device="meta")
        one[0] = given
        one[1] = 3
        other[1] = 3
        other[0] = given
    assert [numbers.numbers.of(each) for each in (one, other)] == [None, None]


class Embeds(nn.Module):
    """The embeddings of BERT: words, places counted in a buffer, and one kind for all of them."""

    position_ids: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.words, self.places, self.kinds = nn.Embedding(30, 8), nn.Embedding(16, 8), nn.Embedding(2, 8)
        self.register_buffer("position_ids", torch.arange(16).expand((1, -1)), persistent=False)
        self.norm = nn.LayerNorm(8)

    def forward(self, ids: Tensor) -> Tensor:
        places = self.places(self.position_ids[:, 2 : 2 + ids.shape[1]])
        kinds = self.kinds(torch.full_like(ids, 1))
        return self.norm(self.words(ids) + kinds + places)


class Indexes(Embeds):
    """The same, with a table that is indexed, as Whisper's decoder has it."""

    def forward(self, ids: Tensor) -> Tensor:
        places = self.places.weight[self.position_ids[:, 2 : 2 + ids.shape[1]]]
        kinds = self.kinds(torch.full_like(ids, 1))
        return self.norm(self.words(ids) + kinds + places)


@pytest.mark.parametrize("kind", [Embeds, Indexes])
def test_rows_that_constant_numbers_select_are_slices_of_a_learned_table(kind: type[nn.Module]) -> None:
    module = kind().eval()
    network = trace(module, ids=torch.zeros(1, 6, dtype=torch.long))
    types = [node.layer.type for node in network.nodes]
    assert types.count("parameter") == 2
    assert types.count("slice") == 2
    assert types.count("expand") == 1
    assert network.observed is not None
    assert not network.observed.unused
    assert analyze(network).totals.parameters == (30 + 16 + 2) * 8 + 16

    built = archscope.build(state(network).network).eval()
    _copied(module, built)
    ids = torch.randint(0, 30, (3, 6), generator=torch.Generator().manual_seed(1))
    with torch.no_grad():
        assert torch.equal(built(ids), module(ids))


def test_rows_are_known_of_a_module_that_is_made_without_values_too() -> None:
    with torch.device("meta"), making():
        module = Embeds()
    network = trace(module, ids=(6,))
    assert [node.layer.type for node in network.nodes].count("expand") == 1


def test_rows_in_no_order_are_no_layer_and_say_so() -> None:
    class Shuffled(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.table, self.fc = nn.Embedding(4, 8), nn.Linear(8, 8)

        def forward(self, x: Tensor) -> Tensor:
            return self.fc(x) + F.embedding(torch.tensor([2, 0, 3], device=x.device), self.table.weight)

    network = trace(Shuffled(), (3, 8))
    assert analyze(network).totals.parameters == 32 + 72
    with pytest.raises(archscope.UsageError, match="has no words for"):
        state(network)


def _copied(module: nn.Module, built: nn.Module) -> None:
    """Give a built module the parameters of the one it was read from, by their order and shapes."""
    left = list(module.parameters())
    for each in built.parameters():
        found = next(mine for mine in left if mine.shape == each.shape)
        left = [mine for mine in left if mine is not found]
        with torch.no_grad():
            each.copy_(found)
    assert not left


class Neighbours(nn.Module):
    """A graph convolution whose adjacency is sparse."""

    def __init__(self, adjacency: Tensor) -> None:
        super().__init__()
        self.lin = nn.Linear(4, 8)
        self.register_buffer("adjacency", adjacency)

    def forward(self, x: Tensor) -> Tensor:
        return torch.sparse.mm(self.adjacency, self.lin(x).T).T


@pytest.mark.filterwarnings("ignore:Sparse CSR tensor support")
@pytest.mark.parametrize("layout", [torch.sparse_coo, torch.sparse_csr])
def test_a_sparse_tensor_multiplies_the_values_that_it_holds(layout: torch.layout) -> None:
    found = analyze(Neighbours(torch.eye(8).to_sparse(layout=layout)), (4,))
    # 4·8 of the layer, and each of 8 ones once.
    assert (found.totals.parameters, found.totals.macs) == (40, 32 + 8)


class Elsewhere(Tensor):
    """A tensor as on a device of its own: it has values, and no operation on the CPU takes it."""

    @property
    def device(self) -> torch.device:  # type: ignore[override]
        return torch.device("cuda")

    def detach(self) -> Tensor:
        return self

    def cpu(self) -> Tensor:  # type: ignore[override]
        return self.as_subclass(Tensor).clone()


def test_values_on_another_device_are_known_too() -> None:
    numbers, stands = Numbers(), torch.empty(3, dtype=torch.long, device="meta")
    numbers.know(stands, torch.tensor([2, 0, 1]).as_subclass(Elsewhere))
    known = numbers.of(stands)
    assert known is not None
    assert type(known) is Tensor
    assert known.tolist() == [2, 0, 1]


class Biased(nn.Module):
    """Attention with a table of what its scores have added, by how far two positions lie apart."""

    apart: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.fc, self.table = nn.Linear(8, 8), nn.Parameter(torch.zeros(7, 2))
        places = torch.arange(4)
        self.register_buffer("apart", (places[:, None] - places[None] + 3).flatten())

    def forward(self, x: Tensor) -> Tensor:
        heads = self.fc(x).view(-1, 4, 2, 4).transpose(1, 2)
        bias = self.table[self.apart].view(4, 4, -1).permute(2, 0, 1).unsqueeze(0)
        return ((heads @ heads.transpose(-1, -2) + bias).softmax(-1) @ heads).transpose(1, 2).reshape(-1, 4, 8)


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no CUDA device")
def test_rows_do_not_go_by_the_device_on_which_a_module_lies() -> None:
    here, there = (analyze(Biased().to(device), (4, 8)) for device in ("cpu", "cuda"))
    assert [row.name for row in there.rows] == [row.name for row in here.rows]
    assert "table" in [row.name for row in here.rows]
