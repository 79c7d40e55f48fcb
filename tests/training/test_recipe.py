"""A spec's `training:` block is what training does."""

from __future__ import annotations

import pytest

torch = pytest.importorskip("torch")

from torch import nn  # noqa: E402

import archscope  # noqa: E402
from archscope.building.historic import TableConv2d  # noqa: E402
from archscope.errors import UsageError  # noqa: E402
from archscope.reader import load, read  # noqa: E402
from archscope.training.samples import Samples, prepare  # noqa: E402
from archscope.training.train import Recipe, evaluate, train  # noqa: E402

TINY = """
input: [1, 4, 4]
layers:
  flatten: {type: flatten}
  fc: {type: linear, out_features: 2}
training: {TRAINING}
"""


def tiny(training: str) -> archscope.Network:
    return read(TINY.replace("{TRAINING}", training))


def halves(count: int = 64) -> Samples:
    """Class 0 is bright on top, class 1 below."""
    labels = torch.arange(count) % 2
    images = torch.zeros(count, 1, 4, 4)
    images[labels == 0, :, :2] = 1
    images[labels == 1, :, 2:] = 1
    return Samples(images, labels, classes=2)


def test_the_optimizer_has_the_numbers_of_the_spec():
    recipe = Recipe.of(load("alexnet"))
    optimizer = recipe.optimizer_for(nn.Linear(2, 2))
    assert isinstance(optimizer, torch.optim.SGD)
    assert optimizer.defaults["lr"] == 0.01
    assert optimizer.defaults["momentum"] == 0.9
    assert optimizer.defaults["weight_decay"] == 5e-4
    assert recipe.batch_size == 128


def test_a_spec_can_ask_for_adam():
    recipe = Recipe.of(tiny("{optimizer: adam, learning_rate: 0.5}"))
    optimizer = recipe.optimizer_for(nn.Linear(2, 2))
    assert isinstance(optimizer, torch.optim.Adam)
    assert optimizer.defaults["lr"] == 0.5


@pytest.mark.parametrize(("name", "kind"), [("adamw", torch.optim.AdamW), ("rmsprop", torch.optim.RMSprop)])
def test_a_spec_can_ask_for_the_optimizers_of_later_papers(name, kind):
    recipe = Recipe.of(tiny(f"{{optimizer: {name}, learning_rate: 0.5, weight_decay: 0.25, momentum: 0.75}}"))
    optimizer = recipe.optimizer_for(nn.Linear(2, 2))
    assert type(optimizer) is kind
    assert (optimizer.defaults["lr"], optimizer.defaults["weight_decay"]) == (0.5, 0.25)
    assert optimizer.defaults.get("momentum", 0.75) == 0.75


def test_a_spec_without_a_training_block_cannot_be_trained():
    with pytest.raises(UsageError, match="alexnet-torchvision says nothing about its training"):
        Recipe.of(load("alexnet-torchvision"))


def test_a_step_of_sgd_is_the_learning_rate_times_the_gradient():
    network = tiny("{loss: mse, targets: [-1, 1], learning_rate: 0.25, batch_size: 64}")
    recipe, samples = Recipe.of(network), halves()
    model = archscope.build(network)
    weight = model.node("fc").weight.detach().clone()
    errors = model(samples.images) - torch.where(nn.functional.one_hot(samples.labels) == 1, 1.0, -1.0)
    by_hand = errors.T @ samples.images.flatten(1)  # d/dw of the mean over 2·64 squares: 2/(2·64)·sum of error·input
    train(model, recipe, samples)
    torch.testing.assert_close(model.node("fc").weight, weight - 0.25 * by_hand / 64)


def test_momentum_and_epochs_come_from_the_recipe():
    losses = {}
    for momentum in (0, 0.9):
        network = tiny(f"{{learning_rate: 0.05, momentum: {momentum}, batch_size: 8, epochs: 3}}")
        torch.manual_seed(0)
        history = train(archscope.build(network), Recipe.of(network), halves())
        assert [epoch.number for epoch in history] == [1, 2, 3]
        losses[momentum] = history[-1].loss
    assert losses[0.9] < losses[0]


def test_the_same_seeds_give_the_same_weights():
    network = tiny("{learning_rate: 0.1, batch_size: 4, epochs: 2}")
    trained = []
    for seed in (1, 1, 2):
        torch.manual_seed(0)
        model = archscope.build(network)
        train(model, Recipe.of(network), halves(10), seed=seed)
        trained.append(model.node("fc").weight.detach())
    assert torch.equal(trained[0], trained[1])
    assert not torch.equal(trained[0], trained[2])


def test_cross_entropy_of_a_network_that_ends_in_softmax_is_that_of_its_logits():
    recipe = Recipe.of(load("alexnet"))
    logits, labels = torch.randn(5, 7), torch.arange(5)
    torch.testing.assert_close(
        recipe.loss_of(logits.softmax(1), labels, probabilities=True), recipe.loss_of(logits, labels)
    )


def test_a_softmax_at_the_end_is_noticed():
    network = read("""
input: [1, 4, 4]
layers:
  flatten: {type: flatten}
  fc: {type: linear, out_features: 2, activation: softmax}
training: {learning_rate: 1, batch_size: 8, epochs: 20}
""")
    model, samples = archscope.build(network), halves()
    history = train(model, Recipe.of(network), samples)
    assert history[-1].loss < 0.1  # twice through a softmax it could not fall below ln(1 + 1/e) = 0.31


def test_a_loss_that_is_no_number_stops_training_with_a_remedy():
    network = tiny("{loss: mse, learning_rate: 1e30, batch_size: 4, epochs: 5}")
    with pytest.raises(UsageError, match=r"lower the learning rate of 1e\+30"):
        train(archscope.build(network), Recipe.of(network), halves())


def test_no_samples_are_refused():
    network = tiny("{}")
    with pytest.raises(UsageError, match="no samples"):
        train(archscope.build(network), Recipe.of(network), halves(0))


def test_the_confusion_matrix_has_true_classes_in_rows():
    samples = Samples(torch.zeros(3, 1, 1, 1), torch.tensor([0, 1, 1]), classes=2)

    class AlwaysOne(nn.Module):
        def __init__(self):
            super().__init__()
            self.bias = nn.Parameter(torch.tensor([0.0, 1.0]))

        def forward(self, images):
            return self.bias.expand(len(images), 2)

    evaluation = evaluate(AlwaysOne(), samples)
    assert evaluation.confusion.tolist() == [[0, 1], [0, 2]]
    assert evaluation.accuracy == 2 / 3


def test_training_and_evaluating_leave_the_mode_of_the_model():
    network = tiny("{}")
    for training in (True, False):
        model = archscope.build(network).train(training)
        train(model, Recipe.of(network), halves(), test=halves())
        assert model.training is training


def test_a_connection_table_computes_the_same_the_quick_way():
    table = ((0, 2), (1,), (0, 1, 2), (2,))
    layer = TableConv2d(3, table, (3, 3), (2, 1), ((1, 0), (0, 2)), (1, 2)).double()
    images = torch.randn(2, 3, 9, 9, dtype=torch.float64)
    results = []
    for dense in (False, True):
        layer.as_dense = dense
        output = layer(images)
        results.append((output, *torch.autograd.grad(output.square().sum(), [layer.weight, layer.bias])))
    for usual, quick in zip(*results, strict=True):
        torch.testing.assert_close(usual, quick)


def test_tables_are_computed_the_usual_way_again_after_training():
    network = load("lenet5")
    model = archscope.build(network)
    samples = Samples(torch.zeros(4, 1, 32, 32), torch.tensor([0, 1, 2, 3]))
    recipe = Recipe("sgd", 0.01, 0.0, 0.0, 4, 1, "mse", (-1.0, 1.0))
    train(model, recipe, samples)
    assert model.node("C3").as_dense is False


def test_digits_are_padded_to_32_and_scaled_like_the_paper():
    image = torch.zeros(1, 1, 28, 28)
    image[0, 0, 0, 0] = 1
    ready = prepare(image)
    assert ready.shape == (1, 1, 32, 32)
    assert ready[0, 0, 2, 2].item() == pytest.approx(1.175)
    assert ready[0, 0, 0, 0].item() == pytest.approx(-0.1)
    with pytest.raises(UsageError, match="33×32 are larger"):
        prepare(torch.zeros(1, 1, 33, 32))


def test_training_and_test_set_share_no_sample():
    samples = Samples(torch.arange(100).reshape(100, 1, 1, 1), torch.zeros(100, dtype=torch.int64))
    first, second = samples.split(0.8)
    assert (len(first), len(second)) == (80, 20)
    assert not set(first.images.flatten().tolist()) & set(second.images.flatten().tolist())


def test_the_bundled_digits_are_real_ones():
    pytest.importorskip("sklearn")
    from archscope.training.samples import digits

    samples = digits()
    assert samples.images.shape == (1797, 1, 32, 32)
    assert samples.labels.bincount().tolist() == [178, 182, 177, 183, 181, 182, 181, 179, 174, 180]


@pytest.fixture
def stored(monkeypatch):
    """A torchvision of two images a set, laid out as the real one lays them out."""
    import sys
    from importlib.machinery import ModuleSpec
    from types import ModuleType, SimpleNamespace

    package, datasets = ModuleType("torchvision"), ModuleType("torchvision.datasets")
    package.__spec__, datasets.__spec__ = ModuleSpec("torchvision", None), ModuleSpec("torchvision.datasets", None)
    asked = []

    def opened(data, targets):
        def dataset(folder, *, train, download):
            asked.append((folder, train, download))
            if folder == "empty" and not download:
                raise RuntimeError("Dataset not found. You can use download=True to download it")
            return SimpleNamespace(data=data, targets=targets)

        return dataset

    datasets.MNIST = opened(torch.full((2, 28, 28), 255, dtype=torch.uint8), torch.tensor([3, 7]))
    colours = torch.zeros(2, 32, 32, 3, dtype=torch.uint8)
    colours[..., 1] = 255  # CIFAR-10 is an array, channels last, with a list of classes
    datasets.CIFAR10 = opened(colours.numpy(), [0, 9])
    package.datasets = datasets
    monkeypatch.setitem(sys.modules, "torchvision", package)
    monkeypatch.setitem(sys.modules, "torchvision.datasets", datasets)
    return asked


def test_mnist_is_padded_to_32(stored):
    from archscope.training.samples import mnist

    samples = mnist("data", train=True)
    assert samples.images.shape == (2, 1, 32, 32)
    assert samples.images[0, 0, 2:30, 2:30].unique().tolist() == pytest.approx([1.175])
    assert samples.labels.tolist() == [3, 7]
    assert stored == [("data", True, False)]


def test_cifar_10_is_turned_to_channels_first(stored):
    from archscope.training.samples import cifar10

    samples = cifar10("data", train=False)
    assert samples.images.shape == (2, 3, 32, 32)
    assert samples.images[0, :, 0, 0].tolist() == pytest.approx([-0.1, 1.175, -0.1])
    assert stored == [("data", False, False)]


def test_images_that_are_not_there_are_downloaded_only_when_asked(stored):
    from archscope.training.samples import mnist

    with pytest.raises(UsageError, match="empty does not hold MNIST; ask for it with `download=True`"):
        mnist("empty", train=True)
    assert len(mnist("empty", train=True, download=True)) == 2


def test_without_torchvision_mnist_says_what_to_install():
    import importlib.util

    from archscope.errors import MissingExtra
    from archscope.training.samples import mnist

    if importlib.util.find_spec("torchvision") is not None:
        pytest.skip("torchvision is installed")
    with pytest.raises(MissingExtra, match="pip install torchvision"):
        mnist("data", train=True)
