"""A picture fits what it is asked to fit, or says what would."""

from __future__ import annotations

import re
import sys
from typing import Any

import pytest

import archscope
from archscope.diagrams import PAGES
from archscope.diagrams.graph.view import closed_in
from archscope.diagrams.interest import rank
from archscope.diagrams.request import LETTERS, request
from archscope.diagrams.scene import Text, bounds
from tests.diagrams.geometry import problems

NETWORKS = ("lenet5", "alexnet", "vgg@A", "resnet@18", "unet", "transformer@base", "autoencoder@mnist")
FIGURES = [("lenet5", "planes"), ("alexnet", "boxes"), ("autoencoder@mnist", "neurons")]


@pytest.mark.parametrize(("page", "least"), [("16:9", 10), ("beamer", 4.5)])
@pytest.mark.parametrize("name", ["transformer@base", "gpt2@small", "lstm-lm@small", "lenet5"])
def test_a_picture_for_a_slide_takes_the_largest_letters_that_fit(name: str, page: str, least: float) -> None:
    network, room = archscope.load(name), request(page=page)
    picture = archscope.draw(network, page=page)
    assert picture.request.font_size >= least
    assert (picture.scene.width, picture.scene.height <= (room.height or 0)) == (pytest.approx(room.width), True)
    assert problems(picture.svg, network) == []
    larger = [each for each in LETTERS[page] if each > picture.request.font_size]
    if larger:
        with pytest.raises(archscope.UsageError):
            _ = archscope.draw(network, page=page, font_size=larger[-1]).scene


@pytest.mark.parametrize(
    ("name", "page", "size", "show"),
    [
        ("gpt2@small", "beamer", 8, ("op",)),
        ("transformer@base", "beamer", 7, ("op",)),
        ("bert@base", "beamer", 7, ("op",)),
        ("llama2@7b", "beamer", 7, ("op",)),
        ("mixtral", "beamer", 7, ("op",)),
        ("vit@b16", "beamer", 7, ("op",)),
        ("lenet5", "beamer", 7, ("name", "shape")),
        ("unet", "beamer", 4.5, None),
        ("alexnet", "beamer", 5, None),
        ("autoencoder@mnist", "beamer", 9, ("shape",)),
        ("transformer@base", "16:9", 14, ("op",)),
        ("llama2@7b", "16:9", 14, ("op",)),
        ("resnet@50", "beamer", 6, None),
        ("unet", "16:9", 12, None),
        ("shufflenet-v1@g3", "16:9", 14, ("name", "shape")),
        ("vgg@A", "beamer", 8, None),
    ],
)
def test_less_is_written_on_a_slide_where_the_letters_would_be_small(
    name: str, page: str, size: float, show: tuple[str, ...] | None
) -> None:
    network = archscope.load(name)
    picture = archscope.draw(network, page=page)
    assert (picture.request.font_size, picture.request.show, picture.request.brief) == (size, show, show is not None)
    assert [each for each in problems(picture.svg, network) if not each.startswith("edge")] == []
    # Who says what to write, or colours by what is written, has that.
    assert not archscope.draw(network, page=page, color="parameters").request.brief
    assert archscope.draw(network, page=page, show="name,op").request.show == ("name", "op")


@pytest.mark.parametrize(("name", "page", "said"), [("llama2@7b", "16:9", 1), ("mixtral", "beamer", 0)])
def test_a_slide_says_how_attention_sees_positions_where_that_leaves_letters_large_enough(
    name: str, page: str, said: int
) -> None:
    scene = archscope.draw(name, page=page).scene
    assert [item.string for item in scene.walk() if isinstance(item, Text)].count("rotary positions") == said


@pytest.mark.parametrize(
    ("name", "size", "show"),
    [("gpt2@small", 8, None), ("unet", 7, None), ("transformer@base", 6, None), ("lstm-lm@small", 6, ("name",))],
)
def test_a_column_has_smaller_letters_and_less_written_only_where_nothing_else_fits(
    name: str, size: float, show: tuple[str, ...] | None
) -> None:
    network, room = archscope.load(name), request(page="ieee-column")
    picture = archscope.draw(network, page="ieee-column")
    assert (picture.request.font_size, picture.request.show) == (size, show)
    assert picture.scene.width == pytest.approx(room.width)
    assert [each for each in problems(picture.svg, network) if not each.startswith("edge")] == []


@pytest.mark.parametrize(
    ("name", "page", "first", "second", "size", "why"),
    [
        ("lenet5", "ieee-column", "planes", "boxes", 8, "boxes in rows fit the page better than planes"),
        ("vgg@A", "ieee-column", "boxes", "boxes", 8, "boxes in rows fit the page better than one row of them"),
        ("vgg@A", "beamer", "boxes", "boxes", 8, "boxes in rows fit the page better than one row of them"),
        ("autoencoder@mnist", "ieee-column", "planes", "graph", 8, "a graph fits the page better than planes"),
    ],
)
def test_a_chain_that_a_page_is_too_narrow_for_lies_in_rows_or_is_a_graph(
    name: str, page: str, first: str, second: str, size: float, why: str
) -> None:
    network, room = archscope.load(name), request(page=page)
    picture = archscope.draw(network, page=page)
    assert (archscope.draw(network).style, picture.style, picture.choice.why) == (first, second, why)
    assert (picture.request.font_size, picture.scene.width) == (size, pytest.approx(room.width))
    assert room.height is not None
    assert picture.scene.height <= room.height
    assert [each for each in problems(picture.svg, network) if not each.startswith("edge")] == []
    # Who says the style has that, and is told what it needs.
    if page == "ieee-column":
        with pytest.raises(archscope.UsageError, match=r"does not fit .* needs --width \d+mm"):
            _ = archscope.draw(network, page=page, style=first).scene


def test_a_graph_turns_on_a_slide_where_it_does_not_fit_from_top_to_bottom() -> None:
    network = archscope.read("name: long\ninput: [3]\nlayers:\n" + "".join(
        f"  layer{number}: {{type: linear, out_features: {number + 4}}}\n" for number in range(9)
    ))  # fmt: skip
    picture = archscope.draw(network, style="graph", page="16:9")
    assert (picture.request.direction, picture.request.font_size >= 10) == ("lr", True)
    assert problems(picture.svg, network) == []
    said = archscope.draw(network, style="graph", page="16:9", direction="tb")
    assert said.request.direction == "tb"


def test_on_a_slide_what_leads_into_the_stream_and_what_follows_lie_in_rows() -> None:
    picture = archscope.draw("transformer@base", page="16:9", font_size=10)
    at = {group.layers[0]: bounds(group.items) for group in picture.scene.groups("layer")}
    middle = {name: round((top + bottom) / 2, 2) for name, (_, top, _, bottom) in at.items()}
    assert middle["source"] == middle["words"] > middle["encoder.0.self.attention"]
    assert at["source"][2] < at["words"][0] < at["encoder.0.self.attention"][0]
    assert at["target"][0] > at["shifted"][2] > at["decoder.0.self.attention"][2]
    assert at["head"][0] > at["decoder.0.feed.add"][0]
    assert at["head"][3] < at["decoder.0.feed.add"][1]
    free = archscope.draw("transformer@base", font_size=10).scene
    assert free.height > free.width, "where nobody asks for a slide, all is stacked upward"


def test_words_beside_a_circle_keep_clear_of_the_frame_above_them_however_low_the_page_is() -> None:
    scene = archscope.draw("transformer@base", page="16:9").scene
    frames = [bounds(group.items[:1])[3] for group in scene.groups("frame")]
    words = [text for group in scene.groups("layer") for text in group.items
             if isinstance(text, Text) and text.string == "Positional"]  # fmt: skip
    # Capitals stand 0.73 of their size above the line that they are set on.
    assert len(words) == 2
    assert all(text.y - 0.73 * text.size > max(frames) + 0.1 * text.size for text in words)


@pytest.mark.parametrize("options", [{}, {"color": "macs"}])
@pytest.mark.parametrize("page", PAGES)
@pytest.mark.parametrize(
    "name", ["lenet5", "alexnet", "vgg@A", "resnet@18", "unet", "transformer@base", "autoencoder@mnist"]
)
def test_a_picture_is_within_its_page_or_says_what_it_needs(name: str, page: str, options: dict[str, Any]) -> None:
    room = request(page=page)
    assert room.width is not None
    assert room.height is not None
    network = archscope.load(name)
    try:
        picture = archscope.draw(network, page=page, font_size=6, **options)
        scene = picture.scene
    except archscope.UsageError as error:
        told = re.search(r"does not fit .*(needs --width \d+mm|it takes \d+mm by \d+mm)|legend is wider", str(error))
        assert told is not None
        return
    assert scene.width == pytest.approx(room.width)
    assert scene.height <= room.height + 0.01
    found = problems(picture.svg, network)
    assert [each for each in found if not each.startswith(("edge missing", "edge too many"))] == []


@pytest.mark.parametrize(
    ("name", "style"), [("lenet5", "planes"), ("alexnet", "boxes"), ("autoencoder@mnist", "neurons")]
)
def test_a_figure_shrinks_until_its_height_fits(name: str, style: str) -> None:
    free = archscope.draw(name, style=style, font_size=6).scene
    lower = archscope.draw(name, style=style, font_size=6, height=f"{free.height * 0.9}pt").scene
    assert lower.height <= free.height * 0.9 + 0.01
    assert lower.width < free.width


def test_what_a_figure_is_said_to_need_is_enough() -> None:
    with pytest.raises(archscope.UsageError) as told:
        _ = archscope.draw("alexnet", width="30mm", height="10mm").scene
    width, height = re.findall(r"--(?:width|height) (\d+mm)", str(told.value))
    assert archscope.draw("alexnet", width=width, height=height).scene.height > 0


@pytest.mark.parametrize(
    ("name", "asked", "fitting"),
    [
        ("lenet5", {"style": "planes", "page": "ieee-column"}, "--style boxes"),
        ("lenet5", {"style": "boxes", "width": "80mm", "height": "200mm"}, "--style graph"),
        ("lenet5", {"style": "auto", "width": "120mm", "height": "60mm"}, "--style boxes"),
        ("resnet@50", {"style": "graph", "width": "60mm", "height": "175mm"}, "--style boxes"),
        ("transformer@base", {"style": "graph", "page": "ieee-column"}, "--style transformer"),
        ("transformer@base", {"style": "transformer", "width": "155mm", "height": "100mm"},
         "--style graph --direction lr"),
        ("lstm-lm@small", {"style": "unrolled", "width": "100mm", "height": "60mm"}, "--style boxes"),
    ],
)  # fmt: skip
def test_a_style_that_does_not_fit_says_which_does(name: str, asked: dict[str, Any], fitting: str) -> None:
    network = archscope.load(name)
    with pytest.raises(archscope.UsageError, match=r"does not fit") as told:
        _ = archscope.draw(network, **asked).scene
    assert str(told.value).endswith(f"; or {fitting}, which fits")
    words = iter(fitting.split())
    said = {option.removeprefix("--"): value for option, value in zip(words, words, strict=True)}
    scene, room = archscope.draw(network, **(asked | said)).scene, request(**asked)
    assert room.height is not None
    assert (scene.width, scene.height <= room.height + 0.01) == (pytest.approx(room.width), True)


def test_where_no_style_fits_the_largest_letters_that_do_are_named() -> None:
    asked = {"style": "boxes", "width": "60mm", "height": "20mm"}
    with pytest.raises(archscope.UsageError) as told:
        _ = archscope.draw("lenet5", **asked).scene
    assert str(told.value).endswith("--width 103mm and --height 31mm at least; or use --font-size 4")
    assert archscope.draw("lenet5", **asked, font_size=4).scene.width == pytest.approx(request(**asked).width)
    with pytest.raises(archscope.UsageError, match="does not fit"):
        _ = archscope.draw("lenet5", **asked, font_size=5).scene


def test_smaller_letters_than_a_column_is_given_are_named_where_they_fit() -> None:
    long = "layer" * 17
    network = archscope.read(
        f"name: long\ninput: [4]\nlayers:\n  {long}: {{type: linear, out_features: 3}}\n"
        f"  b: {{type: linear, out_features: 3, from: input}}\n  c: {{type: multiply, from: [b, {long}]}}\n"
    )
    with pytest.raises(archscope.UsageError, match=r"; choose that size or --font-size 4$"):
        _ = archscope.draw(network, style="graph", page="ieee-column").scene
    room = request(page="ieee-column").width
    assert archscope.draw(network, style="graph", page="ieee-column", font_size=4).scene.width == pytest.approx(room)


def test_a_style_whose_package_is_not_installed_is_not_named(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = {"width": "89mm", "font_size": 7}
    with pytest.raises(archscope.UsageError, match=r"or use a smaller --font-size; or --style graph, which fits$"):
        _ = archscope.draw("lenet5", **asked).scene
    monkeypatch.setitem(sys.modules, "pygraphviz", None)
    with pytest.raises(archscope.UsageError, match=r"at least; or use --font-size 5$"):
        _ = archscope.draw("lenet5", **asked).scene


def test_where_no_letters_fit_it_is_said_how_much_room_the_least_take() -> None:
    with pytest.raises(archscope.UsageError) as told:
        _ = archscope.draw("lenet5", style="boxes", width="20mm", height="6mm").scene
    assert str(told.value).endswith(
        "at least; or use letters below --font-size 4, with which it takes 52mm by 20mm; no --depth makes it fit"
    )
    least = {"style": "boxes", "width": "52mm", "height": "20mm", "font_size": 4}
    assert archscope.draw("lenet5", **least).scene.width == pytest.approx(request(**least).width)


def test_where_no_letters_make_boxes_fit_a_graph_with_smaller_ones_is_named() -> None:
    room = {"width": "45mm", "height": "200mm"}
    with pytest.raises(archscope.UsageError, match=r"at least; or use --style graph --font-size 4$"):
        _ = archscope.draw("unet", style="boxes", **room).scene
    assert archscope.draw("unet", style="graph", font_size=4, **room).scene.height <= request(**room).height + 0.01


@pytest.mark.parametrize(("name", "style"), [("lenet5", "transformer"), ("transformer@base", "boxes")])
def test_on_a_page_a_style_that_does_not_show_a_network_says_which_does(name: str, style: str) -> None:
    better = archscope.draw(name).style
    with pytest.raises(archscope.UsageError, match=f"; use style {better}$"):
        _ = archscope.draw(name, style=style, page="a4").scene


def test_a_graph_of_any_depth_closes_blocks_until_it_fits() -> None:
    network = archscope.load("resnet@50")
    free = archscope.draw(network, style="graph").scene
    low = archscope.draw(network, style="graph", page="a4")
    assert low.scene.height <= 247 * 72 / 25.4 < free.height
    names = [group.layers[0] for group in low.scene.groups("layer")]
    assert len(names) < len(list(archscope.draw(network, style="graph").scene.groups("layer")))


def test_a_graph_of_a_depth_that_does_not_fit_says_which_does() -> None:
    with pytest.raises(archscope.UsageError) as told:
        _ = archscope.draw("resnet@50", style="graph", depth="full", page="a4").scene
    wanted = r"--depth (\d+)( --direction lr)? fits; or choose that size or a smaller --font-size"
    found = re.search(wanted, str(told.value))
    assert found is not None
    fitting = archscope.draw(
        "resnet@50", style="graph", depth=found[1], direction="lr" if found[2] else "tb", page="a4"
    ).scene
    assert fitting.height <= 247 * 72 / 25.4 + 0.01


def _shown(picture: archscope.Drawing) -> tuple[set[str], set[str]]:
    """The ranks of the blocks that are open, by the titles of their frames, and of those that are closed."""
    opened = {rank([frame.title.partition(" ×")[0]]) for frame in picture.scene.groups("frame")}
    texts = [[each.string for each in group.items if isinstance(each, Text)] for group in picture.scene.groups("layer")]
    return opened, {rank([lines[0]]) for lines in texts if len(lines) > 1 and lines[1].endswith(("layer", "layers"))}


def test_blocks_open_by_interest_where_there_is_room_and_those_of_one_rank_together() -> None:
    network = archscope.load("googlenet")
    low = archscope.draw(network, style="graph", depth=1).scene.height
    # Nine modules do not fit a page that is little taller than all blocks closed; the one block of convolutions does.
    picture = archscope.draw(network, style="graph", width="300mm", height=f"{low * 1.2}pt")
    assert _shown(picture) == ({"conv#"}, {"inception#"})
    assert picture.scene.height <= low * 1.2
    assert _shown(archscope.draw(network, style="graph", width="300mm", height=f"{low}pt"))[0] == set()
    closed = archscope.draw(network, style="graph", width="300mm", height=f"{low * 1.2}pt", collapse="conv2")
    assert _shown(closed)[0] == set()


@pytest.mark.parametrize("more", [1.0, 1.3, 2.0])
@pytest.mark.parametrize("name", ["efficientnet-b0", "resnet@18", "mobilenet-v2"])
def test_no_picture_mixes_open_and_closed_blocks_of_one_rank(name: str, more: float) -> None:
    network = archscope.load(name)
    low = archscope.draw(network, style="graph", depth=1).scene.height
    picture = archscope.draw(network, style="graph", width="400mm", height=f"{low * more}pt")
    opened, closed = _shown(picture)
    assert not opened & closed
    assert [each for each in problems(picture.svg, network) if not each.startswith("edge")] == []


@pytest.mark.parametrize("page", ["a4", "letter", "ieee-column"])
def test_what_a_u_has_on_its_way_down_and_up_is_all_open_or_all_closed(page: str) -> None:
    """What is drawn of `double` and `up.mix`, which hold the same: each alone, or each as two convolutions."""
    picture = archscope.draw("unet", page=page)
    drawn = [set(group.layers) for group in picture.scene.groups("layer")]
    doubles = [
        {f"{name}.conv.0", f"{name}.conv.1"}
        for name in (
            *(f"down{number}" for number in (1, 2, 3, 4)),
            "bottom",
            *(f"up{number}.mix" for number in (1, 2, 3, 4)),
        )
    ]
    together = {any(both <= each for each in drawn) for both in doubles}
    assert len(together) == 1


def test_what_costs_most_and_what_is_rare_comes_first() -> None:
    analysis = archscope.analyze("googlenet")
    first, second = closed_in(analysis, 1, request(style="graph"))
    # One block of convolutions is a whole rank; nine modules have nearly all of the weights.
    assert first.paths == ("conv2",)
    assert len(second.paths) == 9
    assert first.interest > second.interest > 0.9


def test_blocks_in_folded_copies_count_as_often_as_they_stand_there() -> None:
    analysis = archscope.analyze(archscope.read(
        "name: deep\ninput: [8]\nblocks:\n"
        "  inner: {layers: {a: {type: linear, out_features: 8}, b: {type: linear, out_features: 8}}}\n"
        "  outer: {layers: {x: {type: inner}, y: {type: linear, out_features: 8}}}\n"
        "layers:\n  body: {type: outer, repeat: 3}\n"
    ))  # fmt: skip
    (inner,) = closed_in(analysis, 3, request(style="graph"))
    # Two of the three equal layers of each copy, in all three copies; and the one block of its rank.
    assert inner.interest == pytest.approx(2 / 3 + 1)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"page": "a5"}, "no page `a5`; pages: a4, letter, ieee-column, beamer, 16:9"),
        (
            {"page": "a4", "width": "3mm"},
            "a page has its width and its height; leave --width and --height out, or --page",
        ),
        ({"height": "tall"}, "no height `tall`; write a number and a unit: 183mm, 18.3cm, 7.2in or 518pt"),
    ],
)
def test_what_is_no_page_is_told(options: dict[str, Any], said: str) -> None:
    with pytest.raises(archscope.ArchscopeError) as told:
        archscope.draw("lenet5", **options)
    assert said in str(told.value)


def test_a_legend_that_is_wider_than_the_page_is_told() -> None:
    small = archscope.read("name: a\ninput: [4]\nlayers: {b: {type: linear, out_features: 2}}\n")
    with pytest.raises(archscope.UsageError, match=r"the legend is wider than the page; choose --width \d+mm"):
        _ = archscope.draw(small, style="graph", width="34mm", font_size=8, color="parameters").scene


@pytest.mark.parametrize("page", ["a4", "letter"])
def test_a_long_chain_of_boxes_goes_in_rows_on_a_page_that_one_row_does_not_fit(page: str) -> None:
    lines = "".join(
        f"  c{number}: {{type: conv2d, out_channels: {8 * number}, kernel_size: 3, padding: 1, stride: 2}}\n"
        for number in range(1, 11)
    )
    drawn = archscope.draw(archscope.read(f"name: long\ninput: [3, 1024, 1024]\nlayers:\n{lines}"), page=page)
    assert str(drawn.choice).startswith("style boxes: boxes in rows fit the page better than one row of them")
    assert drawn.scene.width == pytest.approx(request(page=page).width)
