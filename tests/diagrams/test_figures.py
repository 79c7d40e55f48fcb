"""The figures of the papers, and figures of networks that no paper drew."""

from __future__ import annotations

import re

import pytest

import archscope
from archscope.diagrams.scene import Group, Polygon, Scene, Text
from archscope.errors import UsageError
from tests.diagrams.geometry import edges, problems, read
from tests.diagrams.networks import SPECS, network

SHIPPED = [each for each in archscope.reader.spec_names() if each.startswith(("alexnet", "lenet", "vgg"))]
"""Those without branches; the graph is the figure of the others."""

FIGURES = [
    (name, style)
    for name in (*SHIPPED, *SPECS)
    for style in ("planes", "boxes")
    if name not in ("two_inputs", "two_ends", "two_ways", "cube")
    and (style == "boxes" or name not in ("residual", "siamese", "detector"))
    and (name, style) not in {("alexnet", "planes"), ("three_towers", "planes"), ("sound", "planes")}
]


def _layer(scene: Scene, name: str) -> Group:
    return next(group for group in scene.groups("layer") if name in group.layers)


def _polygons(group: Group) -> list[Polygon]:
    return [item for item in group.items if isinstance(item, Polygon)]


def _strings(scene: Scene) -> list[str]:
    return [item.string for item in scene.walk() if isinstance(item, Text)]


@pytest.mark.parametrize("theme", ["light", "dark", "print"])
@pytest.mark.parametrize(("width", "font_size"), [(None, 8), ("89mm", 5), ("183mm", 7), ("400mm", 10)])
@pytest.mark.parametrize(("name", "style"), [each for each in FIGURES if each[0] in SHIPPED])
def test_nothing_in_a_figure_of_a_spec_is_in_the_way_of_anything(
    name: str, style: str, width: str | None, font_size: float, theme: str
) -> None:
    _is_sound_or_too_wide(name, style, width, font_size, theme)


@pytest.mark.parametrize(("width", "font_size"), [(None, 8), ("183mm", 5)])
@pytest.mark.parametrize(("name", "style"), [each for each in FIGURES if each[0] not in SHIPPED])
def test_nothing_in_a_figure_of_another_network_is_in_the_way_of_anything(
    name: str, style: str, width: str | None, font_size: float
) -> None:
    _is_sound_or_too_wide(name, style, width, font_size, "light")


def _is_sound_or_too_wide(name: str, style: str, width: str | None, font_size: float, theme: str) -> None:
    drawn = network(name)
    picture = archscope.draw(drawn, style=style, width=width, font_size=font_size, theme=theme)
    try:
        written = picture.svg
    except UsageError as error:
        needed = re.search(r"needs --width (\d+)mm", str(error))
        assert width is not None
        assert needed is not None
        assert int(needed[1]) > float(width[:-2])
        return
    assert problems(written, drawn) == []


@pytest.mark.parametrize("theme", ["light", "dark", "print"])
@pytest.mark.parametrize("show", ["shape", "name,parameters,macs", "name,op,kernel,shape,parameters,macs"])
@pytest.mark.parametrize(("name", "style"), [("lenet5", "planes"), ("alexnet", "boxes"), ("alexnet-keras", "boxes")])
def test_nothing_is_in_the_way_whatever_is_shown(name: str, style: str, show: str, theme: str) -> None:
    drawn = network(name)
    assert problems(archscope.draw(drawn, style=style, show=show, theme=theme).svg, drawn) == []


def test_lenet5_has_the_planes_of_the_paper() -> None:
    picture = archscope.draw(network("lenet5"), width="183mm", font_size=7)
    assert picture.style == "planes"
    sheets = [len(_polygons(_layer(picture.scene, name))) for name in ("input", "C1", "S2", "C3", "S4")]
    assert sheets == [1, 6, 6, 16, 16]
    bars = [_polygons(_layer(picture.scene, name)) for name in ("C5", "F6", "OUTPUT")]
    for (bar,) in bars:
        (left, top), _, (_, bottom), _ = bar.points
        assert bar.points[3][0] > left
        assert bottom > top


def test_lenet5_has_the_labels_and_captions_of_the_paper() -> None:
    strings = _strings(archscope.draw(network("lenet5"), width="183mm", font_size=7).scene)
    said = " ".join(strings)
    for label in (
        "INPUT 32×32",
        "C1: feature maps 6@28×28",
        "S2: f. maps 6@14×14",
        "C3: f. maps 16@10×10",
        "S4: f. maps 16@5×5",
        "C5: layer 120",
        "F6: layer 84",
        "OUTPUT 10",
    ):
        assert label in said
    captions = " ".join(each for each in strings if each not in ("5×5", "2×2"))
    assert captions.endswith(
        "Convolutions Subsampling Convolutions Subsampling Full connection Full connection Gaussian connections"
    )


def test_the_sides_of_lenet5s_maps_are_to_scale() -> None:
    scene = archscope.draw(network("lenet5"), width="183mm", font_size=7).scene
    sides = []
    for name in ("input", "C1", "S2", "C3", "S4"):
        (left, _), (right, _), *_ = _polygons(_layer(scene, name))[0].points
        sides.append(right - left)
    assert [side / sides[0] * 32 for side in sides] == pytest.approx([32, 28, 14, 10, 5])
    assert "Sides of maps are drawn to scale" in scene.description


def test_a_kernel_keeps_its_proportion_to_the_map_it_lies_on() -> None:
    scene = archscope.draw(network("lenet5"), width="183mm", font_size=7).scene
    for source, part in (("input", 5 / 32), ("C1", 2 / 28), ("S2", 5 / 14), ("C3", 2 / 10)):
        patch = next(
            item for edge in scene.groups("edge") if edge.source == source for item in edge.items
            if isinstance(item, Polygon)
        )  # fmt: skip
        (left, top), _, (right, bottom), _ = patch.points
        map_left, map_right = (_polygons(_layer(scene, source))[-1].points[corner][0] for corner in (0, 1))
        assert (right - left) / (map_right - map_left) == pytest.approx(part)
        assert bottom - top == pytest.approx(right - left)


def test_a_width_is_filled_exactly() -> None:
    scene = archscope.draw(network("lenet5"), width="183mm", font_size=7).scene
    assert scene.width == pytest.approx(183 * 72 / 25.4)
    picture = read(archscope.draw(network("lenet5"), width="183mm", font_size=7).svg)
    left = min(min(x for x, _ in shape.outline) for shape in picture.shapes[1:])
    right = max(word.box[2] for word in picture.words)
    assert left == pytest.approx(3.5, abs=1)
    assert picture.width - right == pytest.approx(3.5, abs=1)


@pytest.mark.parametrize(("name", "font_size"), [("lenet5", 7), ("alexnet", 7), ("lenet5", 4.5), ("alexnet-keras", 8)])
def test_the_least_width_in_the_message_is_the_least(name: str, font_size: float) -> None:
    with pytest.raises(UsageError, match="does not fit 40 mm") as caught:
        archscope.draw(network(name), width="40mm", font_size=font_size).scene  # noqa: B018
    least = int(re.search(r"needs --width (\d+)mm", str(caught.value))[1])
    assert archscope.draw(network(name), width=f"{least}mm", font_size=font_size).svg
    with pytest.raises(UsageError):
        archscope.draw(network(name), width=f"{least - 1}mm", font_size=font_size).scene  # noqa: B018


def test_lenet5_does_not_fit_one_column_of_ieee_at_7_points() -> None:
    with pytest.raises(UsageError, match=r"does not fit 89 mm: .* --width \d+mm at least"):
        archscope.draw(network("lenet5"), width="89mm", font_size=7).scene  # noqa: B018


def _faces(scene: Scene, name: str) -> tuple[float, float, tuple[tuple[float, float], ...]]:
    """Left and top of a box's front, and its three faces around that corner."""
    top, side, front = _polygons(_layer(scene, name))
    x, y = front.points[0]
    around = tuple((round(px - x, 6), round(py - y, 6)) for face in (top, side, front) for px, py in face.points)
    return x, y, around


def test_alexnet_has_two_congruent_towers_of_seven_boxes() -> None:
    scene = archscope.draw(network("alexnet"), width="183mm", font_size=7).scene
    names = ("conv1", "conv2", "conv3", "conv4", "conv5", "fc6", "fc7")
    one, other = ([_faces(scene, f"{name}.gpu{tower}") for name in names] for tower in (0, 1))
    assert [faces for _, _, faces in one] == [faces for _, _, faces in other]
    assert [x for x, _, _ in one] == [x for x, _, _ in other]
    apart = {round(lower - upper, 6) for (_, upper, _), (_, lower, _) in zip(one, other, strict=True)}
    assert len(apart) == 1
    assert apart.pop() > 0
    assert sum(len(_polygons(group)) == 3 for group in scene.groups("layer")) == 2 * 7 + 2


def test_alexnets_input_and_last_layer_stand_between_the_towers() -> None:
    picture = read(archscope.draw(network("alexnet"), width="183mm", font_size=7).svg)
    towers = [shape.outline for group in picture.of("frame") for shape in picture.shapes_of(group)]
    middle = (towers[0][2][1] + towers[1][0][1]) / 2
    for name in ("input", "fc8"):
        (group,) = (each for each in picture.of("layer") if each.layers[0] == name)
        ys = [y for shape in picture.shapes_of(group) for _, y in shape.outline]
        assert (min(ys) + max(ys)) / 2 == pytest.approx(middle, abs=0.5)


def test_a_sequence_is_captioned_as_in_a_table() -> None:
    spec = (
        "input: [16]\n"
        "layers:\n"
        "  words: {type: embedding, num_embeddings: 50, embedding_dim: 24}\n"
        "  memory: {type: lstm, hidden_size: 8}\n"
    )
    drawing = archscope.draw(archscope.read(spec), style="boxes")
    strings = _strings(drawing.scene)
    assert {"16×24", "16×8"} <= set(strings)
    assert not {"24×16", "8×16"} & set(strings)


def test_alexnet_has_the_captions_and_kernels_of_the_paper() -> None:
    strings = _strings(archscope.draw(network("alexnet"), width="183mm", font_size=7).scene)
    for caption in ("55×55×48", "27×27×128", "13×13×128", "2048"):
        assert strings.count(caption) in (2, 4)
    assert strings.count("13×13×192") == 4
    assert strings.count("2048") == 4
    assert strings.count("1000") == 1
    assert strings.count("227×227×3") == 1
    assert [each for each in strings if re.fullmatch(r"\d+×\d+(, stride \d)?", each)] == [
        "11×11, stride 4", "5×5", "3×3", "3×3", "3×3",
    ]  # fmt: skip
    assert strings.count("dense") == 3
    assert strings.count("max pool 3×3 /2") == 3
    assert {"GPU 0", "GPU 1"} <= set(strings)


def test_alexnets_dashed_links_are_exactly_at_conv3_fc6_and_fc7() -> None:
    picture = read(archscope.draw(network("alexnet"), width="183mm", font_size=7).svg)
    assert edges(picture, dashed=True) == {
        (f"{source}.gpu{tower}", f"{target}.gpu{1 - tower}")
        for source, target in (("conv2", "conv3"), ("conv5", "fc6"), ("fc6", "fc7"))
        for tower in (0, 1)
    }
    assert "only conv3, fc6 and fc7 also read the other" in picture.description


@pytest.mark.parametrize("color", ["family", "macs", "parameters"])
def test_what_crosses_from_one_tower_is_the_mirror_of_what_crosses_from_the_other(color: str) -> None:
    """Numbers below the boxes are in the way of some of these lines, on one side alone."""
    picture = read(archscope.draw(network("alexnet"), color=color).svg)
    corners = {
        (group.source, group.target): sorted(len(shape.outline) for shape in picture.shapes_of(group) if shape.dashed)
        for group in picture.of("edge")
    }
    for source, target in (("conv2", "conv3"), ("conv5", "fc6"), ("fc6", "fc7")):
        one, other = (corners[f"{source}.gpu{at}", f"{target}.gpu{1 - at}"] for at in (0, 1))
        assert one == other


def test_one_column_with_groups_is_drawn_as_the_same_towers() -> None:
    towers = archscope.draw(network("alexnet-pytorch"), towers=True, width="183mm", font_size=7)
    assert towers.style == "boxes"
    assert problems(towers.svg, network("alexnet-pytorch")) == []
    strings, paper = (_strings(each.scene) for each in (towers, archscope.draw(network("alexnet"), font_size=7)))
    shapes = [each for each in strings if "×" in each or each.isdecimal()]
    assert sorted(shapes) == sorted(each for each in paper if "×" in each or each.isdecimal())
    crossing = {
        (group.source, group.target) for group in towers.scene.groups("edge") if group.title.endswith("across towers")
    }
    assert crossing == {("conv2", "conv3"), ("conv5", "fc6"), ("fc6", "fc7")}


def test_towers_of_a_network_without_groups_are_refused() -> None:
    with pytest.raises(UsageError, match="LeNet-5 has no layer with groups: there are no towers to draw"):
        archscope.draw(network("lenet5"), towers=True).scene  # noqa: B018
    with pytest.raises(UsageError, match="style planes has no towers"):
        archscope.draw(network("lenet5"), towers=True, style="planes")


@pytest.mark.parametrize(
    ("name", "style"),
    [
        ("lenet5", "planes"), ("lenet5-1998", "planes"), ("lenet5-keras", "planes"), ("lenet1", "planes"),
        ("alexnet", "boxes"), ("alexnet-pytorch", "boxes"), ("alexnet-torchvision", "boxes"),
        ("alexnet-keras", "boxes"), ("vgg16", "boxes"), ("sound", "boxes"), ("three_towers", "boxes"),
        ("perceptron", "neurons"), ("twenty_layers", "boxes"), ("residual", "boxes"), ("two_inputs", "graph"),
        ("two_ends", "graph"), ("two_ways", "graph"), ("cube", "graph"),
    ],
)  # fmt: skip
def test_auto_takes_the_first_style_that_shows_a_network_well(name: str, style: str) -> None:
    assert archscope.draw(network(name)).style == style


@pytest.mark.parametrize(
    ("name", "style", "message"),
    [
        ("residual", "planes", "residual branches at `sum`, and is neither a chain nor towers; use style boxes"),
        ("two_ways", "planes", "two_ways branches at `sum`, and is neither a chain nor towers; use style graph"),
        ("two_ways", "boxes", "in style boxes `sum` joins ways that have no boxes of their own; use style graph"),
        ("two_ends", "boxes", "two_ends branches at `other`, and is neither a chain nor towers; use style graph"),
        ("two_inputs", "boxes", "two_inputs has 2 inputs, and a chain has one; use style graph"),
        ("alexnet", "planes", "AlexNet stands on towers, which style planes does not show; use style boxes"),
        ("sound", "planes", "style planes draws maps and vectors, and `input` gives 1×16000; use style boxes"),
        ("cube", "boxes", "style boxes draws at most three axes, and `input` gives 1×8×8×8; use style graph"),
        ("vit@b16", "boxes", "style boxes draws maps, and ViT-B/16 is a transformer; use style transformer"),
    ],
)
def test_a_network_of_another_form_is_refused_with_a_reason(name: str, style: str, message: str) -> None:
    with pytest.raises(UsageError) as caught:
        archscope.draw(network(name), style=style).scene  # noqa: B018
    assert str(caught.value) == message


def test_equal_neighbours_of_a_long_network_are_folded() -> None:
    strings = _strings(archscope.draw(network("vgg16")).scene)
    headings = [each for each in strings if each.startswith(("conv", "fc", "input"))]
    assert headings == [
        "input", "conv1_1 ×2", "conv2_1 ×2", "conv3_1 ×3", "conv4_1 ×3", "conv5_1 ×3", "fc6 ×2", "fc8",
    ]  # fmt: skip


def test_a_layer_in_blocks_is_headed_by_what_tells_it_from_the_others() -> None:
    strings = _strings(archscope.draw(archscope.load("vgg@C")).scene)
    headings = [each for each in strings if each.startswith(("conv", "fc"))]
    assert headings == [
        "conv1 ×2", "conv2 ×2", "conv3.0 ×2", "conv3.2", "conv4.0 ×2", "conv4.2", "conv5.0 ×2", "conv5.2", "fc ×2",
    ]  # fmt: skip


def test_boxes_with_one_label_keep_their_own_sizes() -> None:
    labels = {"conv1": "Stem", "conv2": "Stem"}
    same, apart = (archscope.draw(archscope.load("zfnet"), style="boxes", labels=each).scene for each in (labels, {}))
    assert [each.points for each in _polygons(_layer(same, "conv2"))] == [
        each.points for each in _polygons(_layer(apart, "conv2"))
    ]


def test_more_than_sixteen_maps_are_eight_and_an_ellipsis() -> None:
    drawn = archscope.draw(network("wide_pictures"), style="planes").scene
    layer = _layer(drawn, "conv2")
    assert len(_polygons(layer)) == 8
    assert len(layer.items) == 8 + 3 + 2  # sheets, dots, lines of the label
    assert "24@16×64" in _strings(drawn)


@pytest.mark.parametrize(
    ("extents", "law"),
    [([32, 4], "to scale"), ([33, 4], "by their square root"), ([64, 1], "by their square root"),
     ([65, 1], "by their logarithm")],
)  # fmt: skip
def test_the_law_of_a_scale_follows_from_the_ratio(extents: list[int], law: str) -> None:
    from archscope.diagrams.scale import scale

    found = scale(extents)
    assert found.law == law
    assert found(max(extents)) == 1
    assert 0 < found(min(extents)) < 1


def test_no_box_is_chosen_for_a_network_that_slides_no_window() -> None:
    gru = archscope.read(
        "name: gru\ninput: [6, 8]\nlayers:\n  l: {type: gru, hidden_size: 16}\n  f: {type: linear, out_features: 2}\n"
    )
    assert archscope.draw(gru).style == "unrolled"
    boxes = [each for each in _strings(archscope.draw(gru, style="boxes").scene) if not each[0].isdigit()]
    assert boxes == ["input", "l", "f", "GRU", "dense"]


@pytest.mark.parametrize("style", ["boxes", "planes"])
def test_a_step_says_that_its_windows_see_some_of_the_maps(style: str) -> None:
    network = archscope.read(
        "input: [8, 32, 32]\nlayers:\n"
        "  a: {type: conv2d, out_channels: 8, kernel_size: 3, groups: 8}\n"
        "  b: {type: conv2d, out_channels: 16, kernel_size: 3, stride: 2, groups: 8}\n"
        "  c: {type: conv2d, out_channels: 16, kernel_size: 5, groups: 4}\n"
    )
    scene = archscope.draw(network, style=style).scene
    said = {item.string for item in scene.walk() if isinstance(item, Text)}
    assert {"depthwise 3×3", "depthwise 3×3, stride 2", "5×5, 4 groups"} <= said
