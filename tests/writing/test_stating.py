"""A spec that is written of a module has the module's numbers, or says which it cannot have."""

from __future__ import annotations

import re
import warnings
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from torch import nn

import archscope
from archscope.analysis import COUNTS
from archscope.layers import Flatten, Linear, Permute, ReLU
from archscope.network import Network, Node, Ref
from archscope.writing.renaming import renamed
from archscope.writing.stating import state
from tests.collection import MEMBERS
from tests.conftest import Run
from tests.tracing import strangers
from tests.tracing.accounted import RIGHT, LastStep

pytestmark = pytest.mark.filterwarnings("ignore:.*torch.jit.*:DeprecationWarning")

Runs = Callable[..., Run]


class Siamese(nn.Module):
    """One encoder for two pictures, and the distance of what it makes of them."""

    def __init__(self) -> None:
        super().__init__()
        self.encoder = nn.Sequential(nn.Conv2d(1, 4, 3), nn.ReLU(), nn.Flatten(), nn.Linear(4 * 6 * 6, 5))

    def forward(self, left: torch.Tensor, right: torch.Tensor) -> torch.Tensor:
        return (self.encoder(left) - self.encoder(right)).abs()


def same(network: Network, again: Network) -> None:
    """Equal rows and totals in every count, shape and field, and equal groups."""
    mine, theirs = archscope.analyze(renamed(network)[0]), archscope.analyze(again)
    assert [row.group for row in mine.rows] == [row.group for row in theirs.rows]
    for one, other in zip(mine.rows, theirs.rows, strict=True):
        assert (one.name, one.label, one.activation, one.inputs) == (
            other.name, other.label, other.activation, other.inputs)  # fmt: skip
        assert (one.outputs, one.seen) == (other.outputs, other.seen)
        assert [one.count_of(each) for each in COUNTS] == [other.count_of(each) for each in COUNTS], one.name
    assert [mine.totals.count_of(each) for each in COUNTS] == [theirs.totals.count_of(each) for each in COUNTS]


@pytest.mark.parametrize("name", MEMBERS)
def test_a_spec_of_a_spec_is_the_same_network(name: str) -> None:
    network = archscope.load(name)
    made = state(network)
    assert made.differences == ()
    same(network, made.network)
    assert {doubt.name for doubt in made.network.doubts} == {doubt.name for doubt in network.doubts}


@pytest.mark.parametrize("name", strangers.KNOWN)
def test_a_spec_of_a_module_has_its_numbers(name: str) -> None:
    make, shapes = strangers.KNOWN[name]
    network = archscope.trace(make(), *shapes)
    made = state(network)
    assert made.differences == ()
    same(network, made.network)


@pytest.mark.parametrize("name", RIGHT)
def test_a_module_becomes_a_spec_wherever_every_function_is_a_layer(name: str) -> None:
    network = archscope.trace(RIGHT[name].make(), RIGHT[name].shape)
    strange = [node.name for node in network.nodes if node.layer.type == "function"]
    if strange:
        with pytest.raises(archscope.UsageError, match="cannot be written as a spec") as caught:
            state(network)
        assert all(f"`{each}`" in str(caught.value) for each in strange)
        return
    made = state(network)
    if made.differences:
        assert all("frozen weights" in each for each in made.differences)
    else:
        same(network, made.network)


def test_one_encoder_for_two_pictures_holds_its_weights_once() -> None:
    network = archscope.trace(Siamese(), (1, 8, 8), (1, 8, 8))
    made = state(network)
    assert made.differences == ()
    same(network, made.network)
    assert "shares: " in made.text
    # (9 + 1)·4 + (144 + 1)·5
    assert archscope.analyze(made.network).totals.parameters == 765


def test_the_last_step_of_a_recurrence_is_a_line() -> None:
    made = state(archscope.trace(LastStep(), RIGHT["the last step"].shape))
    assert "{type: select, index: -1}" in made.text
    assert archscope.analyze(made.network).totals.macs == 9_248


def test_names_that_a_spec_cannot_have_become_others_and_the_spec_says_which() -> None:
    mlp = nn.Sequential(nn.Linear(4, 3), nn.ReLU(), nn.Sequential(nn.Linear(3, 2)))
    made = state(archscope.trace(mlp, (4,)))
    assert made.text.startswith("# Names that a spec cannot have are others here: 0 → layer0, 2 → layer2\n")
    assert [node.row for node in made.network.nodes] == ["layer0", "layer0", "layer2.0"]
    assert made.network.nodes[2].group == ("layer2",)


def test_renamed_layers_keep_apart_from_inputs_and_from_each_other() -> None:
    layers = [("0", Linear(out_features=4)), ("layer0", ReLU()), ("input", ReLU()), ("é", ReLU()), ("_", Flatten())]
    above, nodes = "total", []
    for name, layer in layers:
        nodes.append(Node(name, layer, (Ref(above),), name))
        above = name
    made = state(Network("odd", {"total": (4,)}, nodes))
    assert made.differences == ()
    assert [node.name for node in made.network.nodes] == ["layer0_", "layer0", "input_", "__", "_"]


def test_weights_that_are_frozen_are_said_to_be_what_a_spec_cannot_say(archscope_run: Runs) -> None:
    run = archscope_run("spec", "tests.tracing.accounted:Frozen@3,8,8")
    assert run.status == 1
    # (27 + 1)·8
    assert "differs: `a`: parameters 0, and 224 in the spec; a spec has no word for frozen weights" in run.err
    assert archscope.analyze(archscope.read(run.out)).totals.parameters == 242


def test_several_samples_at_once_are_one_in_the_spec_and_it_says_so(archscope_run: Runs) -> None:
    run = archscope_run("spec", "tests.tracing.strangers:Residual@3,32,32", "--batch", "4")
    assert run.status == 1
    assert run.err.splitlines()[0].startswith("differs: a spec is about one sample, and the module was given 4")
    assert run.err.splitlines()[2:] == ["built with the same weights: the same output as the module"]


def test_parameters_that_nothing_used_and_other_types_of_weights_are_said() -> None:
    class Spare(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.fc, self.spare = nn.Linear(4, 2), nn.Linear(4, 2)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return self.fc(x)

    made = state(archscope.trace(Spare().to(torch.bfloat16), (4,)))
    assert made.differences == (
        "10 parameters that nothing used are held by the module, and by no layer of the spec",
        "its weights are held as bfloat16; those of a spec count as float32",
    )


def test_a_function_that_is_no_layer_is_named_and_nothing_is_written(archscope_run: Runs, tmp_path: Path) -> None:
    run = archscope_run("spec", "tests.tracing.beyond:Spectrum@8", "-o", str(tmp_path / "net.yaml"))
    assert run.status == 2
    assert not [*tmp_path.iterdir()]
    assert "Spectrum cannot be written as a spec; the language has no words for" in run.err
    assert re.search(r"  `fft_fft` \(fft_fft\) at tests/\S+\.py:\d+: `fft_fft` is no layer type\n", run.err)


def test_what_only_moves_values_and_nothing_reads_is_left_out_with_a_remark() -> None:
    nodes = [
        Node("a", ReLU(), (Ref("input"),), "a"),
        Node("b", Permute(dims=[1, 0]), (Ref("a"),), "b"),
        Node("c", ReLU(), (Ref("b"),), "c"),
        Node("d", ReLU(), (Ref("a"),), "d"),
    ]
    made = state(Network("odd", {"input": (4, 8)}, nodes, (Ref("d"),)))
    assert "# Left out, as nothing reads it: b, c\n" in made.text
    assert [node.name for node in made.network.nodes] == ["a", "d"]
    assert made.differences == ()


def test_what_is_handed_out_as_it_came_and_what_nothing_reads_is_named() -> None:
    linear = Linear(out_features=4)
    nodes = [Node("a", linear, (Ref("input"),), "a"), Node("b", ReLU(), (Ref("input"),), "b")]
    network = Network("odd", {"input": (4,)}, nodes, (Ref("b"), Ref("input")))
    with pytest.raises(archscope.UsageError) as caught:
        state(network)
    assert "`input`: an input that is handed out as it is" in str(caught.value)
    assert "`a` (linear): nothing reads it, and it is no output" in str(caught.value)


def test_the_command_writes_a_file_and_says_what_it_read_back(archscope_run: Runs, tmp_path: Path) -> None:
    run = archscope_run("spec", "tests.tracing.strangers:Residual@3,32,32", "-o", str(tmp_path / "net.yaml"))
    assert (run.status, run.out) == (0, "")
    totals = archscope.analyze(archscope.load(tmp_path / "net.yaml")).totals
    assert totals.parameters == 5_710
    read, built = run.err.splitlines()
    assert read.endswith(f" layers, 5,710 parameters, {int(totals.macs or 0):,} MACs, each as in Residual")
    assert built == "built with the same weights: the same output as the module"


def test_a_vocabulary_stays_with_its_input_under_another_name() -> None:
    network = Network("odd", {"0": (4,)}, [Node("a", ReLU(), (Ref("0"),), "a")], vocabularies={"0": 50})
    assert "input: {layer0: {shape: [4], vocabulary: 50}}" in state(network).text


class Own(nn.MultiheadAttention):
    """PyTorch's attention by another name, which a program does not know for that."""


class Attends(nn.Module):
    """Attention that a spec does not have, each way in a module of its own; written out in operations by an export."""

    def __init__(self) -> None:
        super().__init__()
        self.twice, self.shown = (nn.MultiheadAttention(12, 3, batch_first=True) for _ in range(2))
        self.more = Own(12, 3, batch_first=True, add_bias_kv=True)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.twice(x, x, x, need_weights=False)[0]
        y = self.twice(x, x + 1, x + 1, need_weights=False)[0]
        more = self.more(x, x, x, need_weights=False)[0]
        return torch.cat([*self.shown(x, x, x), y, more], 2)


class Masked(nn.Module):
    """Scores with a mask of the code's, and something else that no spec has."""

    def __init__(self) -> None:
        super().__init__()
        self.q, self.k = nn.Linear(12, 12), nn.Linear(12, 12)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        many = len(x)
        q, k, v = (each.transpose(0, 1).reshape(5, many * 3, 4).transpose(0, 1) for each in (self.q(x), self.k(x), x))
        made = (q @ k.transpose(1, 2) + torch.eye(5)).softmax(-1) @ v
        return torch.fft.fft(made.transpose(0, 1).reshape(5, many, 12).transpose(0, 1), dim=2).real


class Outer(nn.Module):
    """Another module inside of one, which does something else that no spec has with what that makes."""

    def __init__(self) -> None:
        super().__init__()
        self.inner = Masked()

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return torch.fft.fft(self.inner(x), dim=2).real


def refused(network: Network) -> list[str]:
    with pytest.raises(archscope.UsageError) as why:
        state(network)
    return [re.sub(r" at \S+:\d+:", ":", line.strip()) for line in str(why.value).splitlines()[1:-1]]


def test_attention_that_a_spec_does_not_have_is_named_once_with_its_reason() -> None:
    module, x = Attends().eval(), torch.zeros(1, 5, 12)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # PyTorch's own
        program = torch.export.export(module, (x,))
    parts = "it uses weights of `twice` in part, and a layer of a spec has those of another as a whole or not at all"
    more = "keys and values are joined with others, which are not seen to be those of `add_bias_kv` or `add_zero_attn`"
    shown = "its weights are handed out, and `multihead_attention` gives what they weigh and nothing else"
    wanted = {"twice@1": parts, "more": more, "shown": shown}
    assert refused(archscope.trace(program, x)) == [f"`{name}` (attention): {why}" for name, why in wanted.items()]


@pytest.mark.parametrize(("module", "name", "more"), [(Masked, "Masked", [""]), (Outer, "inner", ["inner.", ""])])
def test_what_is_no_attention_is_named_beside_it(module: Callable[[], nn.Module], name: str, more: list[str]) -> None:
    why = "its scores have a mask, and `multihead_attention` hides what comes later (`causal`) or nothing"
    assert refused(archscope.trace(module(), (5, 12))) == [
        f"`{name}` (attention): {why}",
        *(f"`{module}{each}` ({each}): `{each}` is no layer type" for module in more for each in ("fft_fft", "real")),
    ]


def test_an_option_that_no_layer_type_has_is_named() -> None:
    class Hides(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.a = nn.MultiheadAttention(12, 3, batch_first=True)

        def forward(self, x: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
            return self.a(x, x, x, attn_mask=mask, need_weights=False)[0]

    given = torch.zeros(1, 5, 12), torch.zeros(5, 5)
    assert refused(archscope.trace(Hides(), *given)) == ["`a` (multiheadattention): no layer type has attn_mask"]
