"""Whole networks, built and run."""

from __future__ import annotations

import copy
import io

import pytest
import torch

import archscope
from archscope.building import build
from archscope.building.historic import TableConv2d
from archscope.errors import UsageError
from archscope.layers import (
    LSTM,
    RBF,
    Add,
    Concat,
    Conv2d,
    Dropout,
    Embedding,
    Flatten,
    Linear,
    PReLU,
    ReLU,
    ScaledTanh,
    Subsampling,
)
from archscope.network import Network, Node, Ref
from tests.collection import SAMPLE, thin


def node(name: str, layer: object, *inputs: str | Ref, **more: object) -> Node:
    refs = tuple(each if isinstance(each, Ref) else Ref(each) for each in inputs)
    return Node(name, layer, refs, more.pop("row", name.partition(".")[0]), **more)  # type: ignore[arg-type]


def small() -> Network:
    return Network("small", {"input": (1, 12, 12)}, [
        node("C1", Conv2d(out_channels=4, kernel_size=5), "input"),
        node("C1.scaled_tanh", ScaledTanh(), "C1"),
        node("C2", Conv2d(out_channels=4, kernel_size=3, padding=1), "C1.scaled_tanh"),
        node("C2.prelu", PReLU(), "C2"),
        node("sum", Add(), "C2.prelu", "C1.scaled_tanh"),
        node("flatten", Flatten(), "sum"),
        node("fc", Linear(out_features=10), "flatten"),
    ])  # fmt: skip


def towers() -> Network:
    nodes = []
    for index, tower in enumerate(("GPU 0", "GPU 1")):
        own = {"row": "conv1", "tower": tower}
        nodes.append(node(f"conv1.gpu{index}", Conv2d(out_channels=3, kernel_size=3), "input", **own))
        nodes.append(node(f"conv1.gpu{index}.relu", ReLU(), f"conv1.gpu{index}", **own))
    nodes.append(node("both", Concat(), "conv1.gpu0.relu", "conv1.gpu1.relu"))
    nodes += [
        node(f"conv2.gpu{index}", Conv2d(out_channels=2, kernel_size=3), "both", row="conv2", tower=tower)
        for index, tower in enumerate(("GPU 0", "GPU 1"))
    ]
    nodes += [node("joined", Concat(), "conv2.gpu0", "conv2.gpu1"), node("flatten", Flatten(), "joined")]
    nodes.append(node("fc", Linear(out_features=5), "flatten"))
    return Network("towers", {"input": (3, 10, 10)}, nodes)


def test_state_dict_has_the_names_of_the_layers() -> None:
    names = list(build(small()).state_dict())
    assert names == ["C1.weight", "C1.bias", "C2.weight", "C2.bias", "C2_prelu.weight", "fc.weight", "fc.bias"]


def test_state_dict_names_the_copies_on_towers() -> None:
    assert "conv1.gpu1.weight" in build(towers()).state_dict()


def test_nodes_come_in_the_order_in_which_they_run() -> None:
    network = towers()
    model = build(network)
    ran: list[str] = []
    for name, module in model.nodes():
        module.register_forward_hook(lambda *_, name=name: ran.append(name))
    model(*model.example_inputs())
    assert ran == [each.name for each in network.nodes] == [name for name, _ in model.nodes()]


def test_a_layer_may_be_called_like_a_method_of_a_module() -> None:
    network = Network("odd", {"input": (3,)}, [
        node("half", Linear(out_features=3), "input"), node("type", Linear(out_features=2), "half"),
    ])  # fmt: skip
    model = build(network)
    assert model.half().type(torch.float32)(torch.zeros(1, 3)).shape == (1, 2)
    assert set(model.state_dict()) == {"half_.weight", "half_.bias", "type_.weight", "type_.bias"}


def test_an_activation_beside_a_layer_of_the_same_name_gets_another() -> None:
    network = Network("odd", {"input": (3,)}, [
        node("a", Linear(out_features=3), "input"), node("a.relu", ReLU(), "a"), node("a_relu", ReLU(), "a.relu"),
    ])  # fmt: skip
    model = build(network)
    assert [model.path(name) for name, _ in model.nodes()] == ["a", "a_relu_", "a_relu"]


@pytest.mark.parametrize("network", [small(), towers()], ids=lambda each: each.name)
def test_towers_on_two_devices_give_what_one_device_gives(network: Network) -> None:
    if not network.towers:
        with pytest.raises(UsageError, match="has no towers to spread over 2 devices"):
            build(network, devices=["cpu", "cpu"])
        return
    one, two = build(network), build(network, devices=["cpu", torch.device("cpu")])
    two.load_state_dict(one.state_dict())
    example = one.example_inputs(2)
    assert torch.equal(one(*example), two(*example))
    meta = build(network, devices=["meta", "meta"])
    assert meta(torch.zeros(2, 3, 10, 10)).device.type == "meta"
    assert {each.device.type for each in meta.parameters()} == {"meta"}


def test_each_tower_goes_to_its_device_and_the_rest_to_the_first() -> None:
    model = build(towers(), devices=["cpu", "meta"])
    places = {name: parameter.device.type for name, parameter in model.named_parameters() if "weight" in name}
    assert places == {"conv1.gpu0.weight": "cpu", "conv1.gpu1.weight": "meta", "conv2.gpu0.weight": "cpu",
                      "conv2.gpu1.weight": "meta", "fc.weight": "cpu"}  # fmt: skip


def test_there_must_be_a_device_for_each_tower() -> None:
    with pytest.raises(UsageError, match=r"towers has 2 towers \(GPU 0, GPU 1\) for 3 devices"):
        build(towers(), devices=["cpu"] * 3)


@pytest.mark.parametrize("network", [small(), towers()], ids=lambda each: each.name)
def test_a_built_network_compiles_whole_and_exports(network: Network) -> None:
    model = build(network).eval()
    example = model.example_inputs(2)
    expected = model(*example)
    compiled = torch.compile(model, backend="aot_eager", fullgraph=True)
    assert torch.allclose(compiled(*example), expected, atol=1e-6)
    exported = torch.export.export(model, example)
    assert torch.allclose(exported.module()(*example), expected, atol=1e-6)
    assert set(exported.state_dict) == set(model.state_dict())


@pytest.mark.filterwarnings("ignore:The tensor attributes self.lstm._flat_weights")  # as of any `nn.LSTM`
@pytest.mark.parametrize("name", [*SAMPLE, "vit@b16"])
def test_every_spec_compiles_whole_and_exports_for_any_batch(name: str) -> None:
    network = thin(name)
    device = "meta" if archscope.analyze(network).totals.parameters > 1_000_000 else "cpu"
    model = build(network, device=device).eval()
    example, other = (model.example_inputs(batch, device=device) for batch in (2, 5))
    exported = torch.export.export(model, example, dynamic_shapes=(tuple({0: torch.export.Dim.AUTO} for _ in example),))
    assert set(exported.state_dict) == set(model.state_dict())
    torch._dynamo.reset()  # all networks run the same `forward`, and the compiler keeps eight of its kind
    compiled = torch.compile(model, backend="eager", fullgraph=True)
    expected = model(*other)
    for again in (exported.module(), compiled):
        with torch._dynamo.config.patch(allow_rnn=True):  # the compiler sees into no `nn.LSTM` unless it is told to
            made = again(*other)
        assert made.shape == expected.shape
        assert device == "meta" or torch.allclose(made, expected, atol=1e-6)


def test_a_built_network_can_be_copied_saved_and_changed() -> None:
    model = build(small())
    example = model.example_inputs(1)
    twin = copy.deepcopy(model)
    buffer = io.BytesIO()
    torch.save(model, buffer)
    buffer.seek(0)
    loaded = torch.load(buffer, weights_only=False)
    assert torch.equal(model(*example), twin(*example))
    assert torch.equal(model(*example), loaded(*example))
    model.C1 = torch.nn.Conv2d(1, 4, 5)
    assert not torch.equal(model(*example), twin(*example)), "a replaced submodule is the one that runs"


def test_a_built_network_learns() -> None:
    torch.manual_seed(0)
    model = build(small())
    (example,) = model.example_inputs(8)
    wanted = torch.arange(8)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.05)
    losses = []
    for _ in range(30):
        optimizer.zero_grad()
        loss = torch.nn.functional.cross_entropy(model(example), wanted)
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert losses[-1] < losses[0] / 2


def test_a_head_holds_the_matrix_of_its_embedding_and_a_bias_of_its_own() -> None:
    built = archscope.build(Network("tied", {"tokens": (6,)}, [
        node("words", Embedding(num_embeddings=20, embedding_dim=4), "tokens"),
        node("head", Linear(out_features=20), "words", shares="words"),
    ]))  # fmt: skip
    head, words = built.node("head"), built.node("words")
    assert head.weight is words.weight
    assert head.bias.shape == (20,)
    assert sum(each.numel() for each in built.parameters()) == 20 * 4 + 20


def test_a_layer_without_a_bias_takes_none_from_the_one_it_shares_with() -> None:
    built = archscope.build(Network("tied", {"input": (4,)}, [
        node("a", Linear(out_features=4), "input"), node("b", Linear(out_features=4, bias=False), "a", shares="a"),
    ]))  # fmt: skip
    assert built.node("b").weight is built.node("a").weight
    assert built.node("b").bias is None


def test_a_layer_that_shares_weights_holds_the_same_tensors() -> None:
    network = Network("tied", {"input": (4,)}, [
        node("a", Linear(out_features=4), "input"),
        node("b", Linear(out_features=4), "a", shares="a"),
    ])  # fmt: skip
    model = build(network)
    assert model.b.weight is model.a.weight
    assert len(list(model.parameters())) == 2


def test_a_named_output_of_a_layer_is_the_one_that_is_read() -> None:
    network = Network("words", {"input": (7,)}, [
        node("tokens", Embedding(num_embeddings=20, embedding_dim=6), "input"),
        node("lstm", LSTM(hidden_size=5), "tokens"),
        node("flatten", Flatten(), Ref("lstm", 1)),
        node("drop", Dropout(), "flatten"),
    ], outputs=(Ref("drop"), Ref("lstm", 2)))  # fmt: skip
    model = build(network).eval()
    (example,) = model.example_inputs(3)
    assert example.dtype == torch.long
    hidden, cell = model(example)
    _, expected, cells = model.lstm(model.tokens(example))
    assert torch.equal(hidden, expected.flatten(1))
    assert torch.equal(cell, cells)


def test_values_are_let_go_after_their_last_reader() -> None:
    model = build(small())
    done = {step.name: step.done for step in model._steps}
    assert done["C1.scaled_tanh"] == ("C1",), "the activation is read again by the sum"
    assert done["sum"] == ("C1.scaled_tanh", "C2.prelu")
    assert all("fc" not in values for values in done.values())


def test_weights_start_as_the_spec_says() -> None:
    init = (("weight", ("normal", (0.0, 0.01))), ("bias", ("constant", (1.0,))))
    network = Network("init", {"input": (400,)}, [node("fc", Linear(out_features=300), "input", init=init)])
    torch.manual_seed(0)
    layer = build(network).fc
    assert layer.bias.unique().tolist() == [1.0]
    assert layer.weight.std().item() == pytest.approx(0.01, rel=0.02)
    assert layer.weight.mean().item() == pytest.approx(0.0, abs=1e-4)


def test_an_unknown_initialisation_is_named() -> None:
    init = (("weight", ("gauss", (0.0, 1.0))),)
    network = Network("init", {"input": (4,)}, [node("fc", Linear(out_features=3), "input", init=init)])
    with pytest.raises(UsageError, match="`fc`: unknown initialisation `gauss`; initialisations: normal, uniform"):
        build(network)


def test_every_scheme_of_the_spec_language_can_be_built() -> None:
    from archscope.building.initialise import SCHEMES
    from archscope.reader import initial

    assert set(SCHEMES) == set(initial.SCHEMES)


def test_fan_in_of_a_unit_bounds_its_weights() -> None:
    scheme = (("weight", ("uniform_fan_in", (2.4,))), ("bias", ("uniform_fan_in", (2.4,))))
    over_table = Conv2d(out_channels=2, kernel_size=3, connection_table=[[0], [0, 1, 2, 3, 4, 5]])
    network = Network("fan", {"input": (6, 14, 14)}, [
        node("S2", Subsampling(kernel_size=2), "input", init=scheme),
        node("C3", over_table, "S2", init=scheme),
    ])  # fmt: skip
    torch.manual_seed(0)
    model = build(network)
    assert 0 < model.S2.weight.abs().max() <= 2.4 / 4
    assert 0.8 * 2.4 / 9 < model.C3.weight[0].abs().max() <= 2.4 / 9
    assert 0.8 * 2.4 / 54 < model.C3.weight[1:].abs().max() <= 2.4 / 54
    assert model.C3.bias[0].abs() <= 2.4 / 9
    assert model.C3.bias[1].abs() <= 2.4 / 54


def test_fixed_codes_are_not_started_like_weights() -> None:
    network = Network("codes", {"input": (84,)}, [
        node("OUTPUT", RBF(out_features=10), "input", init=(("weight", ("normal", (0.0, 0.01))),)),
    ])  # fmt: skip
    assert build(network).OUTPUT.weight.unique().tolist() == [-1.0, 1.0]


def test_alexnet_starts_as_its_paper_says() -> None:
    torch.manual_seed(0)
    model = build(archscope.load("alexnet"))
    ones = {name for name, each in model.named_parameters() if name.endswith("bias") and each.min() == 1}
    zeros = {name for name, each in model.named_parameters() if name.endswith("bias") and each.max() == 0}
    layers = ("conv2", "conv4", "conv5", "fc6", "fc7")
    assert ones == {f"{layer}.gpu{index}.bias" for layer in layers for index in (0, 1)}
    assert zeros == {*(f"{layer}.gpu{index}.bias" for layer in ("conv1", "conv3") for index in (0, 1)), "fc8.bias"}
    for name, weight in model.named_parameters():
        if name.endswith("weight"):
            assert weight.std().item() == pytest.approx(0.01, rel=0.03), name


def test_alexnet_on_two_devices_gives_what_it_gives_on_one() -> None:
    network = archscope.load("alexnet")
    one = build(network).eval()
    two = build(network, devices=["cpu", "cpu"]).eval()
    two.load_state_dict(one.state_dict())
    example = one.example_inputs(1)
    assert torch.equal(one(*example), two(*example))
    meta = build(network, devices=["meta", "meta"])
    assert meta(*meta.example_inputs(1, device="meta")).shape == (1, 1000)


@pytest.mark.parametrize("name", archscope.reader.spec_names())
def test_every_spec_builds_and_takes_a_step_of_training_on_meta(name: str) -> None:
    network = thin(name)
    model = build(network, device="meta").train()
    output = model(*model.example_inputs(2, device="meta"))
    assert tuple(output.shape) == (2, *network.shape_of(network.outputs[0]))
    output.sum().backward()
    trained = [each for each in model.parameters() if each.requires_grad]
    assert all(each.grad is not None and each.grad.shape == each.shape for each in trained)
    torch.optim.SGD(trained).step()


def test_a_wrong_number_of_inputs_is_named() -> None:
    with pytest.raises(TypeError, match=r"takes 1 inputs \(input\), got 2"):
        build(small())(torch.zeros(1), torch.zeros(1))


TABLE = [[0, 2], [1], [0, 1, 2], [2, 1], [0]]


@pytest.mark.parametrize("stride", [1, 2])
@pytest.mark.parametrize("padding", [0, 2, "same", [1, 0, 2, 1]])
def test_a_convolution_over_a_table_is_a_dense_one_with_the_other_kernels_at_zero(stride: int, padding: object) -> None:
    from archscope.building.builders import build_layer
    from archscope.building.padding import pad_sides

    layer = Conv2d(out_channels=5, kernel_size=3, stride=stride, padding=padding, connection_table=TABLE)
    module = build_layer(layer, (3, 9, 8))
    assert isinstance(module, TableConv2d)
    dense = torch.zeros(5, 3, 3, 3)
    kernels = iter(module.weight.detach())
    for row, sources in enumerate(TABLE):
        for source in sources:
            dense[row, source] = next(kernels)
    example = torch.randn(2, 3, 9, 8)
    padded = pad_sides(example, layer.padding, (3, 3), (stride, stride), (1, 1))
    expected = torch.nn.functional.conv2d(padded, dense, module.bias, stride=stride)
    assert torch.allclose(module(example), expected, atol=1e-5)
    # On a device the table's places are tensors that it holds.
    module._wires = module._wires.on(torch.device("cpu"))
    assert torch.allclose(module(example), expected, atol=1e-5)
    module.as_dense = True
    assert torch.allclose(module(example), expected, atol=1e-5)


def test_lenet_c3_trains_1516_values_and_shows_a_counter_150_000_multiplications() -> None:
    from torch.utils.flop_counter import FlopCounterMode

    table = [[0, 1, 2], [1, 2, 3], [2, 3, 4], [3, 4, 5], [4, 5, 0], [5, 0, 1], [0, 1, 2, 3], [1, 2, 3, 4],
             [2, 3, 4, 5], [3, 4, 5, 0], [4, 5, 0, 1], [5, 0, 1, 2], [0, 1, 3, 4], [1, 2, 4, 5], [0, 2, 3, 5],
             [0, 1, 2, 3, 4, 5]]  # fmt: skip
    module = TableConv2d(6, table, (5, 5))
    assert (module.weight.numel(), module.bias.numel()) == (1500, 16)
    with FlopCounterMode(display=False) as counter:
        module(torch.zeros(1, 6, 14, 14))
    assert counter.get_total_flops() == 2 * 150_000


def test_codes_that_are_not_trained_are_a_buffer_of_ones_and_minus_ones() -> None:
    network = Network("codes", {"input": (84,)}, [node("OUTPUT", RBF(out_features=10), "input")])
    model = build(network)
    assert not list(model.parameters())
    assert model.OUTPUT.weight.unique().tolist() == [-1.0, 1.0]
    assert set(model.state_dict()) == {"OUTPUT.weight"}


def test_inputs_that_are_looked_up_in_another_shape_are_token_numbers() -> None:
    model = archscope.build(
        archscope.read("""
name: rows
input: {words: [2, 3], x: [6]}
layers:
  flat: {type: flatten, from: words}
  table: {type: embedding, num_embeddings: 7, embedding_dim: 4}
  turned: {type: transpose, dim0: 0, dim1: 1}
  row: {type: reshape, shape: [6, 1], from: x}
  sums: {type: matmul, from: [turned, row]}
""")
    )
    words, x = model.example_inputs(50)
    assert words.dtype == torch.long
    assert sorted(set(words.flatten().tolist())) == [*range(7)]
    assert x.is_floating_point()
    assert model(words, x).shape == (50, 4, 1)
