"""The course's classes are their specs; ten faulty ones get exact sentences; a factory's faults are named."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

import archscope
from archscope.errors import UsageError
from archscope.layers import TYPES, Dropout, Linear
from archscope.network import Network, Node, Ref
from archscope.oracles.comparison import compare, compare_factory, write_comparison
from tests.building.builder_cases import CASES, name_of
from tests.collection import thin
from tests.oracles.test_layer_types import alone

HERE = "tests.oracles.students"


@pytest.mark.parametrize(("spec", "factory"), [("lenet5-pytorch", "Net"), ("alexnet-pytorch", "AlexNet")])
def test_the_courses_classes_are_their_specs(spec: str, factory: str) -> None:
    found = compare_factory(archscope.load(spec), f"{HERE}:{factory}")
    assert found.same
    assert found.sentences == ()
    assert found.parameters[0] == found.parameters[1]


def test_one_column_in_groups_is_the_two_towers_of_the_paper_but_for_its_constants_and_softmax() -> None:
    found = compare_factory(archscope.load("alexnet"), f"{HERE}:AlexNet")
    constants = "`alpha` is 0.0001 in the module and 0.0005 in the spec, `k` is 1 in the module and 2 in the spec"
    assert found.sentences == (
        f"lrn1: {constants}", f"lrn2: {constants}", "fc8.softmax: the module has no softmax here",
    )  # fmt: skip


@pytest.mark.parametrize(
    ("spec", "factory", "sentences"),
    [
        ("alexnet-pytorch", "forgotten_groups",
         ["conv2: `groups` is 1 in the module and 2 in the spec; 614,656 parameters instead of 307,456"]),
        ("alexnet", "forgotten_groups",
         [("lrn1: `alpha` is 0.0001 in the module and 0.0005 in the spec, "
           "`k` is 1 in the module and 2 in the spec"),
          "conv2: `groups` is 1 in the module and 2 in the spec; 614,656 parameters instead of 307,456",
          ("lrn2: `alpha` is 0.0001 in the module and 0.0005 in the spec, "
           "`k` is 1 in the module and 2 in the spec"),
          "fc8.softmax: the module has no softmax here"]),
        ("alexnet-pytorch", "padding_1_for_2",
         ["conv2: `padding` is 1 in the module and 2 in the spec; output 256×25×25 instead of 256×27×27",
          ("given the spec's input of 3×227×227, the module stops at `classifier.0`: it takes 9,216 features and is "
           "given 6,400; it does run on an input of 3×256×256")]),
        ("alexnet-pytorch", "bias_off",
         ["conv1: `bias` is false in the module and true in the spec; 34,848 parameters instead of 34,944"]),
        ("alexnet-pytorch", "a_pool_too_many",
         ["after conv3.relu: the module has a max_pool2d (`features.10`) that the spec does not have"]),
        ("alexnet-pytorch", "made_for_224",
         [("given the spec's input of 3×227×227, the module stops at `classifier.0`: it takes 6,400 features and is "
           "given 9,216; it does run on an input of 3×224×224")]),
        ("alexnet-pytorch", "swapped_layers",
         ["lrn1 and pool1: the module has them in the other order, max_pool2d before lrn"]),
        ("alexnet-pytorch", "a_layer_too_few", ["lrn1: the module has no lrn here"]),
        ("lenet5-pytorch", "AveragePooled",
         ["pool1: the module has an avg_pool2d where the spec has a max_pool2d"]),
        ("lenet5-pytorch", "TooWide",
         [("fc1: `out_features` is 128 in the module and 120 in the spec; 51,328 parameters instead of 48,120; "
           "output 128 instead of 120")]),
        ("lenet5-pytorch", "NoActivation", ["fc2.relu: the module has no relu here"]),
    ],
)  # fmt: skip
def test_a_students_mistake_gets_its_sentence(spec: str, factory: str, sentences: list[str]) -> None:
    found = compare_factory(archscope.load(spec), f"{HERE}:{factory}")
    assert not found.same
    assert list(found.sentences) == sentences


@pytest.mark.parametrize("name", archscope.reader.spec_names())
def test_what_archscope_builds_is_what_the_spec_says(name: str) -> None:
    network = thin(name)
    found = compare(network, archscope.build(network, device="meta"))
    assert found.sentences == ()


def test_the_tutorials_lenet_is_told_apart_from_lenet() -> None:
    found = compare_factory(archscope.load("lenet5"), f"{HERE}:Net")
    expected = "C3: the module connects every map, the spec 60 pairs of maps; 2,416 parameters instead of 1,516"
    assert expected in found.sentences


PORTS = "tests.oracles.ports"


@pytest.mark.filterwarnings("ignore:Lazy modules:UserWarning")
@pytest.mark.parametrize(
    "factory",
    ["nested", "Backwards", "Methods", "Products", "LooksAtValues", "InADictionary", "Talks", "lazy", "in_float64",
     "compiled", "with_an_option", "READY", "Zoo.make"],
)  # fmt: skip
def test_the_same_network_in_other_clothes_is_the_same(factory: str) -> None:
    found = compare_factory(archscope.load("lenet5-pytorch"), f"{PORTS}:{factory}")
    assert (found.sentences, found.matched, found.parameters) == ((), 12, (61_706, 61_706))


@pytest.mark.parametrize(
    ("factory", "sentences"),
    [
        ("Unused", ["`fc4` is defined and never runs; it holds 110 parameters"]),
        ("Repeated",
         [("fc2: `out_features` is 120 in the module and 84 in the spec; 14,520 parameters instead of 10,164; "
           "output 120 instead of 84"),
          "after fc2.relu: the module has a linear (`fc2`) that the spec does not have; it has run before",
          "after fc2.relu: the module has a relu that the spec does not have"]),
        ("OneMore", ["after fc3: the module has a linear (`fc4`) that the spec does not have"]),
        ("Scaled",
         [("the module trains 61,707 parameters and the spec 61,706; what the layers hold is alike, so the difference "
           "is outside the layers that can be compared")]),
        ("lazy_norm", ["at the beginning: the module has a batch_norm (`0`) that the spec does not have"]),
        ("NoReturn",
         ["at the end: the module returns no tensor where the spec's output is 10; its `forward` lacks a `return`"]),
        ("WrongResult", ["at the end: the module returns 84 where the spec's output is 10"]),
        ("Frozen",
         [("the module trains 61,550 parameters and the spec 61,706; `conv1.weight`, `conv1.bias` are frozen, "
           "`requires_grad` is false")]),
        ("NotFlattened",
         [("given the spec's input of 1×32×32, the module stops at `fc1`: it takes 400 features and is given 16×5×5; "
           "nothing flattens them before")]),
        ("InColour",
         ["given the spec's input of 1×32×32, the module stops at `conv1`: it takes 3 channels and is given 1"]),
        ("ChannelsLast",
         ["given the spec's input of 1×32×32, the module stops at `conv1`: it takes 1 channel and is given 32"]),
        ("Stride2",
         ["conv1: `stride` is 2 in the module and 1 in the spec; output 6×14×14 instead of 6×28×28",
          ("given the spec's input of 1×32×32, the module stops at `fc1`: it takes 400 features and is given 16; "
           "it does run on an input of 1×64×64")]),
        ("Kernel3",
         [("conv1: `kernel_size` is 3 in the module and 5 in the spec, `bias` is false in the module and true in the "
           "spec; 54 parameters instead of 156; output 6×30×30 instead of 6×28×28")]),
        ("OverTheBatch", ["after fc3: the module has a softmax that the spec does not have"]),
    ],
)  # fmt: skip
@pytest.mark.filterwarnings("ignore:Lazy modules:UserWarning")
def test_a_mistake_that_others_make_gets_its_sentence(factory: str, sentences: list[str]) -> None:
    found = compare_factory(archscope.load("lenet5-pytorch"), f"{PORTS}:{factory}")
    assert list(found.sentences) == sentences


def test_a_softmax_over_the_batch_is_not_one_over_the_classes() -> None:
    network = archscope.load("lenet5-pytorch", changes=["fc3.activation=softmax"])
    found = compare_factory(network, f"{PORTS}:OverTheBatch")
    assert found.sentences == ("fc3.softmax: `dim` is the batch in the module and 0 in the spec",)


def test_dropout_that_never_stops_is_told() -> None:
    layers = [Node("fc", Linear(out_features=4), (Ref("input"),), "fc"), Node("drop", Dropout(), (Ref("fc"),), "drop")]
    found = compare_factory(Network("dropped", {"input": (4,)}, layers), f"{PORTS}:StaysOn")
    assert found.sentences == (
        "drop: it stays on at inference; write `F.dropout(x, p, self.training)`",
    )  # fmt: skip


@pytest.mark.parametrize(
    ("factory", "why"), [("Stops", "RuntimeError: not written yet"), ("Leaves", "SystemExit: bye")]
)
def test_a_module_that_raises_is_told_with_the_line(factory: str, why: str) -> None:
    found = compare_factory(archscope.load("lenet5-pytorch"), f"{PORTS}:{factory}")
    (sentence,) = found.sentences
    start = f"given the spec's input of 1×32×32, the module stops: {why} (at tests/oracles/ports.py:"
    assert sentence.startswith(start)


@pytest.mark.parametrize("case", CASES, ids=name_of)
def test_every_layer_type_is_recognised_when_it_runs(case: Any) -> None:
    network = alone(case)
    assert compare(network, archscope.build(network)).sentences == ()


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
    (sentence,) = found.sentences
    assert sentence.startswith("layer: ")
    assert "instead of" in sentence


def test_shared_weights_are_told_from_weights_of_ones_own() -> None:
    def network(shares: str | None) -> Network:
        return Network("tied", {"input": (4,)}, [
            Node("a", Linear(out_features=4), (Ref("input"),), "a"),
            Node("b", Linear(out_features=4), (Ref("a"),), "b", shares=shares),
        ])  # fmt: skip

    tied, free = network("a"), network(None)
    assert compare(tied, archscope.build(tied)).same
    assert compare(tied, archscope.build(free)).sentences == (
        "the module trains 40 parameters and the spec 20; in the spec layers share weights: `b` has those of `a`",
    )
    assert compare(free, archscope.build(tied)).sentences == (
        "the module trains 20 parameters and the spec 40; `b.weight`, `b.bias` are another layer's too",
    )


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

    with pytest.raises(UsageError, match="the module has lazy layers that PyTorch cannot copy; give it one input"):
        compare(archscope.load("lenet5-pytorch"), lazy_norm())

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
    assert write_comparison(found) == f"{HERE}:Net is lenet5-pytorch: 12 layers alike, 61,706 parameters."


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

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        last = self.norm(self.conv(x).permute(0, 2, 3, 1))
        return x + (self.gamma * last).permute(0, 3, 1, 2)


class Unscaled(Scaled):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x + self.norm(self.conv(x).permute(0, 2, 3, 1)).permute(0, 3, 1, 2)


def test_a_learned_factor_of_each_channel_is_no_join_however_it_is_written() -> None:
    network = archscope.read(SCALED)
    assert compare(network, Scaled()).sentences == ()
    assert compare(network, archscope.build(network)).sentences == ()


def test_a_learned_factor_that_is_left_out_is_found() -> None:
    (sentence,) = compare(archscope.read(SCALED), Unscaled()).sentences
    assert sentence == "`gamma` is never used; it holds 8 parameters"


class Attends(torch.nn.Module):
    """Attention by hand: one projection or three, PyTorch's function or two products and a softmax."""

    def __init__(self, *, together: bool, fused: bool) -> None:
        super().__init__()
        self.fused = fused
        self.read = torch.nn.ModuleList(torch.nn.Linear(8, 24 if together else 8) for _ in range(1 if together else 3))
        self.out = torch.nn.Linear(8, 8)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
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
    assert compare(network, Attends(together=together, fused=fused)).sentences == ()


def test_an_attention_of_other_heads_is_found() -> None:
    network = archscope.read("input: [5, 8]\nlayers: {attend: {type: multihead_attention, num_heads: 4}}")
    (sentence,) = compare(network, Attends(together=True, fused=True)).sentences
    assert sentence == "attend: `num_heads` is 2 in the module and 4 in the spec; output 2×5×4 instead of 4×5×2"
