"""The course's classes are their specs; faulty ones get their differences and costs; a factory's faults are named."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

import archscope
from archscope.errors import UsageError
from archscope.layers import TYPES, Dropout, Linear
from archscope.network import Network, Node, Ref
from archscope.oracles.beside import write
from archscope.oracles.comparison import Comparison, compare, compare_factory
from tests.building.builder_cases import CASES, name_of
from tests.collection import thin
from tests.oracles.test_layer_types import alone

HERE = "tests.oracles.students"


def told(found: Comparison) -> list[str]:
    """What differs, a line each: the layers, and what is said of them."""
    assert found.found is not None
    return [f"{item.names}: {'; '.join(item.phrases) or f'{item.kind} {item.changes[0].label}'}"
            for item in found.found.items]  # fmt: skip


def gap(found: Comparison, quantity: str = "parameters") -> int | None:
    """What the module has more than the network."""
    assert found.found is not None
    return found.found.totals[quantity].gap


@pytest.mark.parametrize(("spec", "factory"), [("lenet5-pytorch", "Net"), ("alexnet-pytorch", "AlexNet")])
def test_the_courses_classes_are_their_specs(spec: str, factory: str) -> None:
    found = compare_factory(archscope.load(spec), f"{HERE}:{factory}")
    assert found.same
    assert (told(found), found.remarks, gap(found)) == ([], (), 0)


LRN = "lrn1–2: `alpha` 0.0001 instead of 0.0005; `k` 1 instead of 2"


def test_one_column_in_groups_is_the_two_towers_of_the_paper_but_for_its_constants_and_softmax() -> None:
    found = compare_factory(archscope.load("alexnet"), f"{HERE}:AlexNet")
    assert told(found) == [LRN, "fc8: no activation instead of softmax"]


@pytest.mark.parametrize(
    ("spec", "factory", "first", "parameters"),
    [
        # 5·5·96·256 + 256 = 614,656 in one group, 5·5·48·256 + 256 = 307,456 in two
        ("alexnet-pytorch", "forgotten_groups", "conv2: 1 group instead of 2", 614_656 - 307_456),
        ("alexnet", "forgotten_groups", LRN, 614_656 - 307_456),
        ("alexnet-pytorch", "padding_1_for_2", "conv2: a padding of 1 instead of 2", 0),
        ("alexnet-pytorch", "bias_off", "conv1: no bias instead of a bias", -96),
        ("alexnet-pytorch", "a_pool_too_many", "features.10: added max pool 3×3", 0),
        ("alexnet-pytorch", "a_layer_too_few", "lrn1: removed LRN", 0),
        ("lenet5-pytorch", "AveragePooled", "pool1: an average pool 2×2 /2 instead of a max pool 2×2 /2", 0),
        ("lenet5-pytorch", "TooWide", "fc1: 128 outputs instead of 120", 8 * 401 + 8 * 84),
        ("lenet5-pytorch", "NoActivation", "fc2: no activation instead of relu", 0),
    ],
)  # fmt: skip
def test_a_students_mistake_is_told_with_its_cost(spec: str, factory: str, first: str, parameters: int) -> None:
    found = compare_factory(archscope.load(spec), f"{HERE}:{factory}")
    assert not found.same
    assert told(found)[0] == first
    assert gap(found) == parameters


def test_swapped_layers_are_one_that_moved() -> None:
    found = compare_factory(archscope.load("alexnet-pytorch"), f"{HERE}:swapped_layers")
    assert "stands after" in told(found)[0]
    assert found.found is not None
    assert found.found.items[0].kind == "moved"


def test_a_module_for_another_size_is_compared_at_that_size() -> None:
    found = compare_factory(archscope.load("alexnet-pytorch"), f"{HERE}:made_for_224")
    (remark,) = found.remarks
    assert "given 3×227×227, stops at `classifier.0`: it takes 6,400 features and is given 9,216" in remark
    assert remark.endswith("it does run on an input of 3×224×224, and what is compared is both at that size")
    assert told(found) == []
    assert not found.same


@pytest.mark.parametrize("name", archscope.reader.spec_names())
def test_what_archscope_builds_is_what_the_spec_says(name: str) -> None:
    network = thin(name)
    found = compare(network, archscope.build(network, device="meta"))
    assert (told(found), found.remarks) == ([], ())


def test_the_tutorials_lenet_is_told_apart_from_lenet() -> None:
    found = compare_factory(archscope.load("lenet5"), f"{HERE}:Net")
    assert "C3: every map connected instead of 60 of 96 pairs of maps" in told(found)
    assert gap(found) == 900 - 12 - 32  # C3 is fully connected, S2 and S4 carry no weights


PORTS = "tests.oracles.ports"


@pytest.mark.filterwarnings("ignore:Lazy modules:UserWarning")
@pytest.mark.parametrize(
    "factory",
    ["nested", "Backwards", "Methods", "Products", "LooksAtValues", "InADictionary", "Talks", "lazy", "in_float64",
     "compiled", "with_an_option", "READY", "Zoo.make"],
)  # fmt: skip
def test_the_same_network_in_other_clothes_is_the_same(factory: str) -> None:
    found = compare_factory(archscope.load("lenet5-pytorch"), f"{PORTS}:{factory}")
    assert found.same, (told(found), found.remarks)
    assert gap(found) == 0


@pytest.mark.parametrize(
    ("factory", "first", "parameters"),
    [
        ("Unused", "what nothing uses: is held by the module: fc4", 110),
        ("Repeated", "fc2: 120 outputs instead of 84", 36 * 121 + 36 * 10),
        ("OneMore", "fc4: added linear", 110),
        ("Scaled", "scale: added group of 2 layers", 1),
        ("lazy_norm", "0: added BN", 2),
        ("WrongResult", "the output: taken from fc2 instead of fc3", 0),
        ("Frozen", "conv1: frozen: the same values, and none is trained", -156),
        ("Kernel3", "conv1: kernels of 3×3 instead of 5×5; no bias instead of a bias", 54 - 156),
        ("Stride2", "conv1: a stride of 2 instead of 1", None),
        ("OverTheBatch", "softmax: added softmax, along the samples", 0),
    ],
)
@pytest.mark.filterwarnings("ignore:Lazy modules:UserWarning")
def test_a_mistake_that_others_make_is_told_with_its_cost(factory: str, first: str, parameters: int | None) -> None:
    found = compare_factory(archscope.load("lenet5-pytorch"), f"{PORTS}:{factory}")
    assert not found.same
    assert told(found)[0] == first
    assert parameters is None or gap(found) == parameters


@pytest.mark.parametrize(
    ("factory", "why"),
    [
        ("NoReturn", "returns nothing; its `forward` lacks a `return`"),
        ("NotFlattened", "stops at `fc1`: it takes 400 features and is given 16×5×5; nothing flattens them before"),
        ("InColour", "stops at `conv1`: it takes 3 channels and is given 1"),
        ("ChannelsLast", "stops at `conv1`: it takes 1 channel and is given 32"),
        ("Stride2", "stops at `fc1`: it takes 400 features and is given 16 (at "),
        ("Stops", "stops: RuntimeError: not written yet (at tests/oracles/ports.py:"),
        ("Leaves", "stops: SystemExit: bye (at tests/oracles/ports.py:"),
    ],
)
def test_a_module_that_does_not_run_is_told_with_the_place(factory: str, why: str) -> None:
    found = compare_factory(archscope.load("lenet5-pytorch"), f"{PORTS}:{factory}")
    (remark,) = found.remarks
    assert why in remark
    assert (found.found is None) == (factory != "Stride2")


def test_a_softmax_over_the_batch_is_not_one_over_the_classes() -> None:
    network = archscope.load("lenet5-pytorch", changes=["fc3.activation=softmax"])
    found = compare_factory(network, f"{PORTS}:OverTheBatch")
    assert told(found) == ["softmax: added softmax, along the samples", "fc3: no activation instead of softmax"]


def test_dropout_that_never_stops_is_told() -> None:
    layers = [Node("fc", Linear(out_features=4), (Ref("input"),), "fc"), Node("drop", Dropout(), (Ref("fc"),), "drop")]
    found = compare_factory(Network("dropped", {"input": (4,)}, layers), f"{PORTS}:StaysOn")
    assert found.remarks == ("its dropout stays on at inference; write `F.dropout(x, p, self.training)`",)
    assert told(found) == []


@pytest.mark.parametrize("case", [case for case in CASES if case[0].type != "identity"], ids=name_of)
def test_every_layer_type_is_recognised_when_it_runs(case: Any) -> None:
    network = alone(case)
    found = compare(network, archscope.build(network))
    assert (told(found), found.remarks) == ([], ())


@pytest.mark.parametrize(
    ("name", "options", "other"),
    [
        ("lstm", {"hidden_size": 8}, {"hidden_size": 9}),
        ("gru", {"hidden_size": 8}, {"hidden_size": 8, "num_layers": 2}),
        ("multihead_attention", {"num_heads": 4}, {"num_heads": 4, "bias": False}),
        ("layer_norm", {}, {"elementwise_affine": False}),
        ("upsample", {"scale_factor": 2, "mode": "linear"}, {"scale_factor": 3, "mode": "linear"}),
    ],
)
def test_a_layer_without_options_to_compare_differs_by_what_it_makes_and_holds(
    name: str, options: dict[str, Any], other: dict[str, Any]
) -> None:
    def network(**chosen: Any) -> Network:
        return alone((TYPES[name](**chosen), ((6, 12),)))

    found = compare(network(**options), archscope.build(network(**other)))
    assert told(found)[0].startswith("layer: ")
    assert not found.same


def test_shared_weights_are_told_from_weights_of_ones_own() -> None:
    def network(shares: str | None) -> Network:
        return Network("tied", {"input": (4,)}, [
            Node("a", Linear(out_features=4), (Ref("input"),), "a"),
            Node("b", Linear(out_features=4), (Ref("a"),), "b", shares=shares),
        ])  # fmt: skip

    tied, free = network("a"), network(None)
    assert compare(tied, archscope.build(tied)).same
    own, shared = compare(tied, archscope.build(free)), compare(free, archscope.build(tied))
    assert told(own) == ["b: has weights of its own instead of those of a"]
    assert told(shared) == ["b: uses the weights of a instead of weights of its own"]
    assert (gap(own), gap(shared)) == (20, -20)


@pytest.mark.parametrize(
    ("factory", "message"),
    [
        ("nowhere", "`nowhere` names no factory; write MODULE:FACTORY, such as mypkg.models:AlexNet"),
        ("no.such:Net", "`no.such` cannot be imported: ModuleNotFoundError: No module named 'no'"),
        ("my/models.py:Net", (f"`my/models.py` is a file, not a module; in the folder {Path('my').absolute()} write "
                             "`models:Net`")),
        (f"{HERE}:Nett", f"`{HERE}` has no `Nett`; did you mean `Net`?"),
        (f"{HERE}:NUMBER", f"`{HERE}:NUMBER` is an int, neither a module nor a function that makes one"),
        (f"{HERE}:returns_a_list", f"`{HERE}:returns_a_list` returned a list, not a torch.nn.Module"),
        (f"{PORTS}:returns_nothing", f"`{PORTS}:returns_nothing` returned nothing, not a torch.nn.Module"),
        (f"{PORTS}:Wants", (f"`{PORTS}:Wants` cannot be called without `classes`, `width`; state them, `--kwargs "
                            "\"classes=…\"`, or write a function that calls it with all it needs, and name that")),
        (f"{PORTS}:scripted", (f"{PORTS}:scripted is TorchScript, which runs where nobody can watch its layers; "
                               "name the module that it was made from")),
    ],
)  # fmt: skip
@pytest.mark.filterwarnings("ignore:.*torch.jit.*:DeprecationWarning")
def test_a_factory_that_gives_no_module_is_a_usage_error(factory: str, message: str) -> None:
    with pytest.raises(UsageError) as caught:
        compare_factory(archscope.load("lenet5-pytorch"), factory)
    assert str(caught.value) == message
    assert caught.value.exit_code == 2


@pytest.mark.parametrize(
    ("factory", "why"), [(f"{HERE}:raises", "ValueError: no such network"), (f"{PORTS}:leaves", "SystemExit: 0")]
)
def test_a_factory_that_raises_is_named_with_the_line(factory: str, why: str) -> None:
    where = factory.partition(":")[0].replace(".", "/")
    with pytest.raises(UsageError, match=rf"raised {why} \(at {where}.py:\d+\)"):
        compare_factory(archscope.load("lenet5-pytorch"), factory)


def test_a_script_that_leaves_while_it_is_imported_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "homework.py").write_text("print('training')\nraise SystemExit(1)\n", encoding="utf-8")
    monkeypatch.syspath_prepend(str(tmp_path))
    with pytest.raises(UsageError, match=r"`homework` cannot be imported: SystemExit: 1 \(at .*homework.py:2\)"):
        compare_factory(archscope.load("lenet5-pytorch"), "homework:Net")


def test_a_compiled_module_is_watched_as_it_was_written() -> None:
    from torch._dynamo.utils import counters

    torch._dynamo.reset()
    counters.clear()
    assert compare_factory(archscope.load("lenet5-pytorch"), f"{PORTS}:compiled").same
    assert not counters["frames"], "nothing was compiled"


def test_what_a_module_prints_is_no_part_of_the_result(capsys: pytest.CaptureFixture[str]) -> None:
    compare_factory(archscope.load("lenet5-pytorch"), f"{PORTS}:Talks")
    captured = capsys.readouterr()
    assert captured.out == ""
    assert "the shape is" in captured.err


@pytest.mark.filterwarnings("ignore:Lazy modules:UserWarning")
def test_a_lazy_module_stays_undecided() -> None:
    from tests.oracles.ports import lazy, lazy_norm

    norm = lazy_norm()
    found = compare(archscope.load("lenet5-pytorch"), norm)
    assert told(found)[0] == "0: added BN"
    assert all(torch.nn.parameter.is_lazy(each) for each in (*norm.parameters(), norm[0].running_mean))

    module = lazy()
    assert compare(archscope.load("lenet5-pytorch"), module).same
    assert all(torch.nn.parameter.is_lazy(each) for each in module.parameters())


def test_a_module_that_keeps_count_is_left_as_it_was() -> None:
    from tests.oracles.ports import Counts

    module = Counts()
    module.norm.eval()
    before = {name: (each, each.clone()) for name, each in module.named_buffers()}
    random, modes = torch.get_rng_state(), [each.training for each in module.modules()]
    compare(archscope.load("lenet5-pytorch"), module)
    after = dict(module.named_buffers())
    assert all(after[name] is each and torch.equal(each, value) for name, (each, value) in before.items())
    assert torch.equal(torch.get_rng_state(), random)
    assert [each.training for each in module.modules()] == modes
    assert all(each.grad is None and each.requires_grad for each in module.parameters())


def test_a_module_is_compared_and_left_as_it_was() -> None:
    from tests.oracles.students import Net

    module = Net()
    module.fc1.eval()
    before = {name: each.clone() for name, each in module.state_dict().items()}
    compare(archscope.load("lenet5-pytorch"), module)
    assert module.training
    assert not module.fc1.training
    assert all(torch.equal(each, before[name]) for name, each in module.state_dict().items())
    assert not any(each._forward_hooks or each._forward_pre_hooks for each in module.modules())


def test_the_report_counts_what_is_alike() -> None:
    found = compare_factory(archscope.load("lenet5-pytorch"), f"{HERE}:Net")
    assert write(found) == f"{HERE}:Net is lenet5-pytorch: 7 layers alike, 61,706 parameters."


SCALED = """
name: scaled
input: [8, 6, 6]
layers:
  conv: {type: conv2d, out_channels: 8, kernel_size: 3, padding: 1}
  last: {type: permute, dims: [1, 2, 0]}
  norm: {type: layer_norm, normalized_shape: 8}
  first: {type: permute, dims: [2, 0, 1]}
  gamma: {type: parameter, shape: [8, 1, 1]}
  scaled: {type: multiply, from: [first, gamma]}
  sum: {type: add, from: [scaled, input]}
"""


class Scaled(torch.nn.Module):
    """A block of ConvNeXt as people write it: the factor of each channel meets the channels where they lie last."""

    def __init__(self) -> None:
        super().__init__()
        self.conv, self.norm = torch.nn.Conv2d(8, 8, 3, padding=1), torch.nn.LayerNorm(8)
        self.gamma = torch.nn.Parameter(torch.ones(8))

    def forward(self, x: torch.Tensor) -> Any:
        last = self.norm(self.conv(x).permute(0, 2, 3, 1))
        return x + (self.gamma * last).permute(0, 3, 1, 2)


class Unscaled(Scaled):
    def forward(self, x: torch.Tensor) -> Any:
        return x + self.norm(self.conv(x).permute(0, 2, 3, 1)).permute(0, 3, 1, 2)


def test_a_learned_factor_of_each_channel_is_no_join_however_it_is_written() -> None:
    network = archscope.read(SCALED)
    assert told(compare(network, Scaled())) == []
    assert told(compare(network, archscope.build(network))) == []


def test_a_learned_factor_that_is_left_out_is_found() -> None:
    found = compare(archscope.read(SCALED), Unscaled())
    assert "what nothing uses: is held by the module: gamma" in told(found)
    assert not found.same


class Attends(torch.nn.Module):
    """Attention by hand: one projection or three, PyTorch's function or two products and a softmax."""

    def __init__(self, *, together: bool, fused: bool) -> None:
        super().__init__()
        self.fused = fused
        self.read = torch.nn.ModuleList(torch.nn.Linear(8, 24 if together else 8) for _ in range(1 if together else 3))
        self.out = torch.nn.Linear(8, 8)

    def forward(self, x: torch.Tensor) -> Any:
        three = self.read[0](x).chunk(3, dim=-1) if len(self.read) == 1 else [read(x) for read in self.read]
        q, k, v = (each.unflatten(-1, (2, 4)).transpose(1, 2) for each in three)
        if self.fused:
            made = torch.nn.functional.scaled_dot_product_attention(q, k, v)
        else:
            made = (q @ k.transpose(-2, -1) / 2).softmax(dim=-1) @ v
        return self.out(made.transpose(1, 2).flatten(2))


@pytest.mark.parametrize("together", [True, False])
@pytest.mark.parametrize("fused", [True, False])
def test_an_attention_that_is_written_out_is_one_of_the_spec(together: bool, fused: bool) -> None:
    network = archscope.read("input: [5, 8]\nlayers: {attend: {type: multihead_attention, num_heads: 2}}")
    found = compare(network, Attends(together=together, fused=fused))
    assert found.same, told(found)
    assert ("saves" in write(found)) is not fused  # its scores and their softmax


def test_an_attention_of_other_heads_is_found() -> None:
    network = archscope.read("input: [5, 8]\nlayers: {attend: {type: multihead_attention, num_heads: 4}}")
    assert "attend: 2 heads instead of 4" in told(compare(network, Attends(together=True, fused=True)))
