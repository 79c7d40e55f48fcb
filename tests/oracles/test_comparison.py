"""The course's classes are their specs; ten faulty ones get exact sentences; a factory's faults are named."""

from __future__ import annotations

import pytest
import torch

import archscope
from archscope.errors import UsageError
from archscope.oracles.comparison import compare, compare_factory, load_factory, write_comparison

HERE = "tests.oracles.students"


@pytest.mark.parametrize(("spec", "factory"), [("lenet5-pytorch", "Net"), ("alexnet-pytorch", "AlexNet")])
def test_the_courses_classes_are_their_specs(spec: str, factory: str) -> None:
    found = compare_factory(archscope.load(spec), f"{HERE}:{factory}")
    assert found.same
    assert found.sentences == ()
    assert found.parameters[0] == found.parameters[1]


def test_one_column_in_groups_is_the_two_towers_of_the_paper_but_for_its_softmax() -> None:
    found = compare_factory(archscope.load("alexnet"), f"{HERE}:AlexNet")
    assert found.sentences == ("fc8.softmax: the module has no softmax here",)


@pytest.mark.parametrize(
    ("spec", "factory", "sentences"),
    [
        ("alexnet-pytorch", "forgotten_groups",
         ["conv2: `groups` is 1 in the module and 2 in the spec; 614,656 parameters instead of 307,456"]),
        ("alexnet", "forgotten_groups",
         ["conv2: `groups` is 1 in the module and 2 in the spec; 614,656 parameters instead of 307,456",
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
    network = archscope.load(name)
    found = compare(network, archscope.build(network, device="meta"))
    assert found.sentences == ()


def test_the_tutorials_lenet_is_told_apart_from_lenet() -> None:
    found = compare_factory(archscope.load("lenet5"), f"{HERE}:Net")
    expected = "C3: the module connects every map, the spec 60 pairs of maps; 2,416 parameters instead of 1,516"
    assert expected in found.sentences


@pytest.mark.parametrize(
    ("factory", "message"),
    [
        ("nowhere", "`nowhere` names no factory; write MODULE:FACTORY, such as mypkg.models:AlexNet"),
        ("no.such:Net", "`no.such` cannot be imported: ModuleNotFoundError: No module named 'no'"),
        (f"{HERE}:Nett", f"`{HERE}` has no `Nett`; did you mean `Net`?"),
        (f"{HERE}:NUMBER", f"`{HERE}:NUMBER` is a int, neither a module nor a function that makes one"),
        (f"{HERE}:returns_a_list", f"`{HERE}:returns_a_list` returned a list, not a torch.nn.Module"),
    ],
)
def test_a_factory_that_gives_no_module_is_a_usage_error(factory: str, message: str) -> None:
    with pytest.raises(UsageError) as caught:
        load_factory(factory)
    assert str(caught.value) == message
    assert caught.value.exit_code == 2


def test_a_factory_that_raises_is_named_with_the_line() -> None:
    with pytest.raises(UsageError, match=r"raised ValueError: no such network \(at tests/oracles/students.py:\d+\)"):
        load_factory(f"{HERE}:raises")


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
