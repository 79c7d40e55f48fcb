"""Workloads for models of accelerators: their loops, run one by one, compute what the layers compute."""

from __future__ import annotations

import itertools
import math
import re
from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
import pytest
import torch
import yaml

import archscope
from archscope.building.builders import build_layer
from archscope.layers import TYPES
from archscope.network import Network, Node, Ref
from archscope.writing.workloads.nests import Workload, workload
from archscope.writing.workloads.timeloop import write_timeloop
from archscope.writing.workloads.zigzag import write_zigzag
from tests.building.builder_cases import CASES, Case, name_of
from tests.collection import thin
from tests.conftest import Run

Runs = Callable[..., Run]

NO_LOOPS = {"rbf", "embedding_bag"}
"""Squares of differences, and vectors that are weighed."""


def single(case: Case) -> Network:
    layer, shapes = case
    inputs = {f"x{number}": shape for number, shape in enumerate(shapes)} or {"x0": (3,)}
    return Network("single", inputs, [Node("layer", layer, tuple(map(Ref, inputs)) if shapes else (), "layer")])


def assert_is_a_problem_of_timeloop(text: str) -> None:
    """The rules of its specification 0.4 and of what parses it: these keys and types, names that are known."""
    (said,) = yaml.safe_load(text).items()
    assert said[0] == "problem"
    problem = said[1]
    assert {key: type(each) for key, each in problem.items()} == {"version": float, "shape": dict, "instance": dict}
    assert problem["version"] == 0.4
    shape, instance = problem["shape"], problem["instance"]
    assert set(shape) - {"coefficients"} == {"name", "dimensions", "data_spaces"}
    assert isinstance(shape["name"], str)
    dimensions = shape["dimensions"]
    assert all(isinstance(each, str) and len(each) == 1 for each in dimensions)
    assert len(set(dimensions)) == len(dimensions)
    stated = shape.get("coefficients", ())
    assert all(type(each["default"]) is int and set(each) == {"name", "default"} for each in stated)
    coefficients = [each["name"] for each in stated]
    assert len({*coefficients, *dimensions}) == len(coefficients) + len(dimensions)
    assert [*instance] == [*dimensions, *coefficients]
    assert all(type(many) is int and many > 0 for many in instance.values())
    assert [each["name"] for each in shape["data_spaces"]] == ["Weights", "Inputs", "Outputs"]  # three at most
    assert [each.get("read_write", False) for each in shape["data_spaces"]] == [False, False, True]
    read = set()
    for space in shape["data_spaces"]:
        assert set(space) - {"read_write"} == {"name", "projection"}
        assert space["projection"]
        for index in space["projection"]:  # a list of sums of products, each of them a list of one name or two
            assert index
            for term in index:
                assert len(term) in (1, 2)
                assert term[0] in dimensions
                assert len(term) == 1 or term[1] in coefficients
                read.add(term[0])
    assert read == set(dimensions)


@pytest.mark.parametrize("case", [case for case in CASES if case[0].facts(*case[1]).macs], ids=name_of)
def test_the_loops_of_a_layer_multiply_to_its_macs(case: Case) -> None:
    work = workload(single(case))
    for text in write_timeloop(single(case), work).values():
        assert_is_a_problem_of_timeloop(text)
    macs = case[0].facts(*case[1]).macs
    if case[0].type in NO_LOOPS:
        assert work.left_out == (f"`layer` ({case[0].type}): its {int(macs or 0):,} MACs are no products in loops",)
    else:
        assert sum(nest.macs for _, nest in work.nests) == macs
        assert work.left_out == ()


@pytest.mark.parametrize(
    "name", ["lenet5", "alexnet", "mobilenet-v1@0.25-128", "dcgan@generator", "gpt2@small", "lstm-lm@small", "mixtral"]
)
def test_the_products_of_a_network_are_all_its_macs_and_read_what_was_made(name: str) -> None:
    network = thin(name)
    work = workload(network)
    totals = archscope.analyze(network).totals
    assert sum(nest.macs for _, nest in work.nests) == totals.macs
    layers = yaml.safe_load(write_zigzag(network, work))
    assert sum(math.prod(each["loop_sizes"]) for each in layers) == totals.macs
    problems = write_timeloop(network, work)
    assert [*problems] == [each["name"] for each in layers]
    for place, each in enumerate(layers):
        assert each["id"] == place
        assert all(0 <= source <= place for source in each["operand_source"].values())
        loops = set(each["loop_dims"])
        assert_is_a_problem_of_timeloop(problems[each["name"]])
        problem = yaml.safe_load(problems[each["name"]])["problem"]
        assert len(problem["shape"]["dimensions"]) == len(set(problem["shape"]["dimensions"])) == len(loops)
        assert math.prod(problem["instance"][dim] for dim in problem["shape"]["dimensions"]) == math.prod(
            each["loop_sizes"]
        )


LAYERS = {
    "conv2d": lambda pick: {"out_channels": 6 * pick.randint(1, 3), "kernel_size": pick.choice([1, 3, [1, 3]]),
                            "stride": pick.randint(1, 2), "padding": 2, "groups": pick.choice([1, 2, 3, 6])},
    "conv_transpose2d": lambda pick: {"out_channels": 6 * pick.randint(1, 2), "kernel_size": 3,
                                      "stride": pick.randint(1, 2), "groups": pick.choice([1, 2])},
    "batch_norm": lambda pick: {"activation": pick.choice(["relu", "silu"])},
    "locally_connected2d": lambda pick: {"out_channels": 6, "kernel_size": pick.randint(1, 2)},
}  # fmt: skip


@pytest.mark.parametrize("seed", range(12))
def test_any_network_in_yaml_multiplies_to_its_table_with_the_strides_and_groups_it_has(seed: int) -> None:
    pick = Random(seed)
    chosen = [pick.choice(list(LAYERS)) for _ in range(pick.randint(1, 6))]
    stated = {f"l{at}": {"type": kind, **LAYERS[kind](pick)} for at, kind in enumerate(chosen)}
    stated |= {"flat": {"type": "flatten"}, "fc": {"type": "linear", "out_features": pick.randint(1, 9)}}
    network = archscope.read(yaml.safe_dump({"input": [6, 7, 6], "layers": stated}, sort_keys=False), name="any")
    work, macs = workload(network), archscope.analyze(network).totals.macs
    layers = yaml.safe_load(write_zigzag(network, work))
    problems = [yaml.safe_load(each)["problem"] for each in write_timeloop(network, work).values()]
    assert sum(math.prod(each["loop_sizes"]) for each in layers) == macs
    assert sum(math.prod(each["instance"][dim] for dim in each["shape"]["dimensions"]) for each in problems) == macs
    for (node, _), each, problem in zip(work.nests, layers, problems, strict=True):
        layer: Any = node.layer
        assert each["operator_type"] in {"Conv", "Gemm"}  # of those that ZigZag knows
        sizes = dict(zip(each["loop_dims"], each["loop_sizes"], strict=True))
        if layer.type == "conv2d":
            facts = network.facts[node.name]
            assert (sizes.get("G", 1), sizes["K"] * layer.groups) == (layer.groups, layer.out_channels)
            assert sizes["C"] * layer.groups == facts.inputs[0][0]
            assert each["pr_loop_sizes"] == list(facts.inputs[0][1:])
            assert [problem["instance"][f"{side}stride"] for side in "HW"] == list(layer.stride)


def _strided(kind: str, *shape: int, **options: Any) -> Case:
    return TYPES[kind](**options), (shape,)


RUN = [
    _strided(
        "conv2d", 4, 6, 7, out_channels=6, kernel_size=[2, 3], stride=[2, 1], padding=[1, 2], groups=2, dilation=[1, 2]
    ),
    _strided("conv1d", 3, 9, out_channels=2, kernel_size=3, stride=2, padding="same"),
    _strided("conv3d", 2, 3, 4, 5, out_channels=2, kernel_size=2, padding=[1, 0, 0, 1, 0, 0]),
    _strided("conv_transpose2d", 2, 3, 4, out_channels=4, kernel_size=[3, 2], stride=[2, 1], groups=2),
    _strided("locally_connected2d", 2, 5, 4, out_channels=3, kernel_size=[2, 3], stride=[1, 1]),
    _strided("linear", 5, 7, out_features=3),
]


def _spaces_of_zigzag(work: Workload, network: Network) -> dict[str, Any]:
    (layer,) = yaml.safe_load(write_zigzag(network, work))
    found = re.fullmatch(r"O((?:\[\w+\])+)\+=W((?:\[\w+\])+)\*I((?:\[\w+\])+)", layer["equation"])
    assert found is not None
    slid = {}
    for each in layer["dimension_relations"]:
        name, stride, at, dilation, tap = re.fullmatch(r"(\w+)=(\d+)\*(\w+)\+(\d+)\*(\w+)", each).groups()  # type: ignore[union-attr]
        slid[name] = [(at, int(stride)), (tap, int(dilation))]
    indices = [[slid.get(name, [(name, 1)]) for name in re.findall(r"\w+", each)] for each in found.groups()]
    loops = dict(zip([each.lower() for each in layer["loop_dims"]], layer["loop_sizes"], strict=True))
    return {"loops": loops, **dict(zip(("output", "weights", "input"), indices, strict=True))}


def _spaces_of_timeloop(work: Workload, network: Network) -> dict[str, Any]:
    (text,) = write_timeloop(network, work).values()
    problem = yaml.safe_load(text)["problem"]
    instance = problem["instance"]
    spaces = {each["name"]: [[(part[0], instance[part[1]] if len(part) > 1 else 1) for part in index]
                             for index in each["projection"]] for each in problem["shape"]["data_spaces"]}  # fmt: skip
    loops = {dim: instance[dim] for dim in problem["shape"]["dimensions"]}
    return {"loops": loops, "output": spaces["Outputs"], "weights": spaces["Weights"], "input": spaces["Inputs"]}


def _ran(spaces: dict[str, Any], weights: np.ndarray[Any, Any], given: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """Run the loops, one multiply-accumulate at a time; operands take the extents that their indices reach."""
    loops = spaces["loops"]

    def extents(name: str) -> list[int]:
        return [1 + sum((loops[loop] - 1) * by for loop, by in index) for index in spaces[name]]

    made = np.zeros(extents("output"))
    wide = [(0, most - has) for most, has in zip(extents("input"), given.shape, strict=True)]
    came = np.pad(given, [(0, max(0, more)) for _, more in wide])
    held = weights.reshape(extents("weights"))
    for values in itertools.product(*map(range, loops.values())):
        at = dict(zip(loops, values, strict=True))
        output, weight, value = (tuple(sum(at[loop] * by for loop, by in index) for index in spaces[name])
                                 for name in ("output", "weights", "input"))  # fmt: skip
        made[output] += held[weight] * came[value]
    return made


@pytest.mark.parametrize("spaces_of", [_spaces_of_zigzag, _spaces_of_timeloop])
@pytest.mark.parametrize("case", RUN, ids=name_of)
def test_the_loops_run_one_by_one_compute_the_layer(case: Case, spaces_of: Callable[..., dict[str, Any]]) -> None:
    layer, (shape,) = case
    network = single(case)
    work = workload(network)
    ((_, nest),) = work.nests
    torch.manual_seed(0)
    module, given = build_layer(layer, shape), torch.randn(1, *shape)
    with torch.no_grad():
        module.bias.zero_()
        wanted = module(given).numpy()
    weights = module.weight.detach().numpy()
    groups = getattr(layer, "groups", 1)
    if layer.type.startswith("conv_transpose"):  # inputs first there
        apart = weights.reshape(groups, weights.shape[0] // groups, *weights.shape[1:])
        weights = apart.swapaxes(1, 2)
    if layer.type.startswith("locally"):  # maps, positions, inputs, places
        weights = weights.reshape(wanted.shape[1], *wanted.shape[2:], shape[0], *layer.kernel_size)
        weights = np.moveaxis(weights, 3, 1)
    values = given.numpy()
    if not nest.matrix and any(name in nest.input for name in nest.slid):
        values = np.pad(values, [(0, 0), (0, 0), *nest.padding.values()])
    values = values.reshape(1, groups, -1, *values.shape[2:]) if groups > 1 else values
    made = _ran(spaces_of(work, network), weights, values)
    np.testing.assert_allclose(made.reshape(wanted.shape), wanted, atol=1e-4)


def test_attention_reads_its_own_products_and_those_before_it() -> None:
    text = "input: [4, 8]\nlayers: {a: {type: linear, out_features: 8}, b: {type: multihead_attention, num_heads: 2}}"
    network = archscope.read(text, name="two")
    layers = yaml.safe_load(write_zigzag(network, workload(network)))
    assert [(each["name"], each["operand_source"]["I"], each["operand_source"]["W"]) for each in layers] == [
        ("a", 0, 0), ("b.query", 0, 1), ("b.key", 0, 2), ("b.value", 0, 3), ("b.scores", 1, 2), ("b.sums", 4, 3),
        ("b.out", 5, 6),
    ]  # fmt: skip


def test_the_command_writes_a_file_for_each_product_and_says_what_has_none(archscope_run: Runs, tmp_path: Path) -> None:
    run = archscope_run("code", "lenet5-1998", "--to", "timeloop", "-o", str(tmp_path / "{layer}.yaml"))
    assert (run.status, run.out) == (0, "")
    idle = ["C1.scaled_tanh", "S2", "S2.scaled_tanh", "C3.scaled_tanh", "S4", "S4.scaled_tanh"]
    assert run.err.splitlines() == [
        "6 products, 325,680 MACs",
        f"left out: 9 layers multiply nothing: {', '.join(idle)} and 3 more",
        "left out: `OUTPUT` (rbf): its 840 MACs are no products in loops",
    ]
    names = ["C1", "C3.of_3", "C3.of_4", "C3.of_6", "C5", "F6"]
    assert sorted(path.stem for path in tmp_path.iterdir()) == names
    assert yaml.safe_load((tmp_path / "C5.yaml").read_text())["problem"]["instance"] == {
        "N": 1, "K": 120, "C": 16, "Q": 1, "P": 1, "S": 5, "R": 5, "Hstride": 1, "Hdilation": 1, "Wstride": 1,
        "Wdilation": 1,
    }  # fmt: skip


def test_printed_problems_stand_one_after_the_other(archscope_run: Runs) -> None:
    run = archscope_run("code", "lenet5-pytorch", "--to", "timeloop")
    assert [each["problem"]["shape"]["name"] for each in yaml.safe_load_all(run.out)] == [
        "conv1", "conv2", "fc1", "fc2", "fc3",
    ]  # fmt: skip
    run = archscope_run("code", "lenet5-pytorch", "--to", "zigzag")
    assert [each["operand_source"]["I"] for each in yaml.safe_load(run.out)] == [0, 0, 1, 2, 3]
