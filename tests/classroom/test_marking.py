"""Marks, and the sentence a tutor would say of each wrong number."""

import csv
import io
import time

import pytest

import archscope
from archscope.classroom import Marker, mark, sheet_of, vary
from archscope.classroom.explained import Explained, plain
from archscope.classroom.hops import field_of
from archscope.classroom.place import Place
from archscope.cli import main
from archscope.reader import read


def the_sheet(spec="lenet5", seed=None, **asked):
    if seed is None:
        return sheet_of(archscope.analyze(archscope.load(spec)), spec=spec, **asked)
    varied = vary(spec, seed)
    return sheet_of(archscope.analyze(varied.network), spec=spec, seed=seed, changes=varied.changes, **asked)


def said_of(answer, layer, quantity, sheet):
    """What is said of one answer to a sheet on which nothing else is answered."""
    paper = mark(sheet, {(layer, quantity): str(answer)})
    return next(each for each in paper.answers if (each.question.layer, each.question.quantity) == (layer, quantity))


ODD = """
input: [4, 20, 33]
layers:
  grouped: {type: conv2d, out_channels: 8, kernel_size: [3, 5], groups: 2, padding: 1}
  pool: {type: max_pool2d, kernel_size: 2, stride: 2, ceil_mode: true}
  flat: {type: flatten}
  out: {type: linear, out_features: 10}
"""

# What somebody who makes one slip writes, worked out by hand; the words a tutor says of it.
SINGLE = [
    ("lenet5", "C1", "parameters", 5 * 5 * 6, "bias forgotten", "the 6 biases are missing"),
    ("lenet5", "C1", "connections", 5 * 5 * 28 * 28 * 6, "bias forgotten", "the bias line of each unit is missing"),
    ("lenet5", "F6", "parameters", 120 * 84, "bias forgotten", "the 84 biases are missing"),
    ("lenet5", "S2", "connections", 2 * 2 * 14 * 14 * 6, "bias forgotten", "the bias line"),
    ("lenet5", "C3", "parameters", 5 * 5 * 60, "bias forgotten", "the 16 biases are missing"),
    # 12 kernels of 5·5, and each of 8·8·12 units adds a bias of its own; or 12 biases, as a map has in later networks.
    ("lecun1989", "H1", "parameters", 5 * 5 * 12, "bias forgotten", "the 768 biases are missing"),
    ("lecun1989", "H1", "connections", 5 * 5 * 8 * 8 * 12, "bias forgotten", "the bias line of each unit is missing"),
    ("lecun1989", "H1", "parameters", (5 * 5 + 1) * 12, "bias shared", "the units of a map are given one bias"),
    ("alexnet", "conv2", "output", "256×23×23", "padding ignored", "the padding of 2 is ignored"),
    ("alexnet", "conv2", "macs", 2 * 5 * 5 * 48 * 23 * 23 * 128, "padding ignored", "the padding of 2 is ignored"),
    ("alexnet", "conv2", "output", "256×25×25", "padding ignored", "on one side only"),
    ("alexnet", "conv2", "parameters", (5 * 5 * 96 + 1) * 256, "groups ignored", "each tower sees only its own maps"),
    ("alexnet-pytorch", "conv2", "parameters", (5 * 5 * 96 + 1) * 256, "groups ignored", "the 2 groups are ignored"),
    ("lenet5", "C5", "parameters", (5 * 5 + 1) * 120, "input channels left out", "the input channels are left out"),
    ("lenet5", "S2", "output", "6×53×53", "stride on the wrong side", "it divides the steps"),
    ("alexnet", "pool1", "output", "96×25×25", "stride on the wrong side", "not the input alone"),
    ("alexnet", "conv1", "output", "96×217×217", "stride on the wrong side", "the stride of 4 is ignored"),
    ("lenet5", "C1", "output", "6×27×27", "plus one forgotten", "the + 1 of the size is missing"),
    ("lenet5", "S2", "parameters", 0, "pooling given weights", "taken for plain pooling"),
    ("alexnet", "pool1", "parameters", 2 * 96, "pooling given weights", "pooling has no weights"),
    ("alexnet", "pool1", "parameters", (3 * 3 + 1) * 96, "pooling given weights", "a kernel for each map is counted"),
    ("lenet5", "S2", "parameters", (2 * 2 + 1) * 6, "pooling given weights", "one weight and one bias a map"),
    ("lenet5", "C1", "parameters", 122_304, "quantities exchanged", "these are the connections"),
    ("lenet5", "C1", "connections", 156, "quantities exchanged", "these are the parameters"),
    ("lenet5", "C1", "macs", 2 * 117_600, "quantities exchanged", "these are the FLOPs, two for each MAC"),
    ("lenet5", "C3", "parameters", (5 * 5 * 6 + 1) * 16, "table taken as dense", "60 pairs of maps and not all 96"),
    ("lenet5", "C3", "connections", 241_600, "table taken as dense", "60 pairs of maps and not all 96"),
    ("lenet5", "C1", "parameters", (3 * 3 + 1) * 6, "kernel side mistaken", "the side of the kernel is 5 and not 3"),
    ("lenet5", "C1", "output", "6×30×30", "kernel side mistaken", "the side of the kernel is 5 and not 3"),
    ("lenet5", "C1", "parameters", (5 + 1) * 6, "factor missing", "along one side only: 5 and not 5·5"),
    ("lenet5", "C1", "connections", 2 * 122_304, "doubled", "it is twice the number"),
    ("lenet5", "C1", "parameters", 5 * 5 * 6 + 1, "maps exchanged", "input and output channels are exchanged"),
    ("lenet5", "F6", "parameters", 120 * 84 + 1, "bias counted once", "one bias is added to the whole layer"),
    ("lenet5", "C1", "parameters", 26, "factor missing", "the number of units, 6, is missing"),
    ("lenet5", "C1", "connections", 26 * 28 * 6, "factor missing", "is missing as a factor"),
    ("odd", "grouped", "output", "8×31×20", "height and width swapped", "height and width are swapped"),
    ("odd", "grouped", "output", "8×18×33", "height and width swapped", "of the kernel are swapped"),
    ("odd", "pool", "output", "8×10×15", "rounding", "it is rounded up"),
    ("alexnet-torchvision", "conv1", "output", "64×56×56", "rounding", "so it is rounded down"),
    ("odd", "out", "parameters", (8 + 1) * 10, "flatten forgotten", "flattened they are"),
]  # fmt: skip


def named(spec, **asked):
    return sheet_of(archscope.analyze(read(ODD, name="odd")), **asked) if spec == "odd" else the_sheet(spec, **asked)


@pytest.mark.parametrize(("spec", "layer", "quantity", "answer", "slip", "words"), SINGLE)
def test_each_known_slip_is_named_with_the_sentence_a_tutor_would_say(spec, layer, quantity, answer, slip, words):
    found = said_of(answer, layer, quantity, named(spec))
    assert found.verdict == "wrong"
    assert (slip,) in found.slips
    assert words in found.remark
    assert "no known slip" not in found.remark


# LeNet-5: C1 sees 5, S2 5 + 1 = 6, C3 6 + 4·2 = 14, S4 14 + 1·2 = 16, C5 16 + 4·4 = 32.
FIELDS = [
    ("lenet5", "C3", 6 + 4 * 1, "strides forgotten", "the stride of S2 is forgotten"),
    ("lenet5", "C5", 5 + 1 + 4 + 1 + 4, "strides forgotten", "the strides of S2 and S4 are forgotten"),
    ("alexnet", "conv2", 11 + 2 * 4 + 4 * 4, "strides forgotten", "the stride of pool1 is forgotten"),
    ("alexnet", "conv2", 11 + 2 * 1 + 4 * 2, "strides forgotten", "the stride of conv1 is forgotten"),
    ("vgg@A", "conv5.conv.0", 1 + 2 * 6 + 4 + 2, "strides forgotten", "the strides of 4 layers before are forgotten"),
    ("lenet5", "C3", 5 + 4 * 1, "pools left out", "S2 is left out"),
    ("lenet5", "C3", 5 + 4 * 2, "pools left out", "a pool widens the field as a convolution does"),
    ("lenet5", "S4", 14, "pools left out", "a pool widens it too"),
    ("lenet5", "C3", 6 + 5 * 2, "reach mistaken", "reaches k − 1 further, not k"),
    ("lenet5", "C3", 1 + 5 + 2 + 5 * 2, "reach mistaken", "not k, in each layer"),
    ("lenet5", "C3", 5 + 2 + 5, "reach mistaken", "the sides of all windows are added up"),
    ("lenet5", "C3", 5 + 1 * 5 + 4 * 5 * 2, "jump mistaken", "the kernels are multiplied for the jump"),
    ("lenet5", "S4", 5 + 1 * 2 + 4 * 2 + 1 * 4 + 0, "jump mistaken", "the layer's own stride is in its jump"),
    ("alexnet", "conv2", 11 + 2 * 4 + 4 * 2, "jump mistaken", "only the stride of the layer just before"),
    ("alexnet", "conv3", 11 + 4 * 4 + 2 * 4, "pools left out", "pool1 and pool2 are left out"),
    ("lenet5", "C3", 5, "beginning mistaken", "the window of this layer on what it reads"),
    ("lenet5", "C3", 1 + 4 * 2, "beginning mistaken", "the field of the layer before, r, is left out"),
    ("lenet5", "C5", 31, "beginning mistaken", "the count begins at 1"),
    ("lenet5", "C5", 32 * 32, "beginning mistaken", "that is the area"),
    ("dilated", "wide", 3 + 2, "dilation ignored", "the dilation of wide is ignored"),
]  # fmt: skip

DILATED = """
input: [1, 20, 20]
layers:
  near: {type: conv2d, out_channels: 2, kernel_size: 3}
  wide: {type: conv2d, out_channels: 2, kernel_size: 3, dilation: 3}
"""


@pytest.mark.parametrize(("spec", "layer", "answer", "slip", "words"), FIELDS)
def test_a_wrong_receptive_field_is_given_the_slip_behind_it(spec, layer, answer, slip, words):
    asked = {"blank": "receptive_field"}
    sheet = (sheet_of(archscope.analyze(read(DILATED, name=spec)), **asked) if spec == "dilated"
             else the_sheet(spec, **asked))  # fmt: skip
    found = said_of(answer, layer, "receptive_field", sheet)
    assert found.verdict == "wrong"
    assert (slip,) in found.slips
    assert words in found.remark


def test_two_slips_on_a_receptive_field_are_both_named():
    """Strides forgotten and k for k − 1 in each layer: 1 + 5 + 2 + 5 + 2 + 5 = 20."""
    found = said_of(20, "C5", "receptive_field", the_sheet(blank="receptive_field"))
    assert ("strides forgotten", "reach mistaken") in found.slips


def test_a_receptive_field_that_follows_from_the_pupils_own_is_carried():
    paper = mark(the_sheet(blank="receptive_field"), {("C1", "receptive_field"): "7", ("S2", "receptive_field"): "8"})
    assert [each.verdict for each in paper.answers[:2]] == ["wrong", "carried"]


@pytest.mark.parametrize("spec", ["resnet@18", "googlenet", "alexnet"])
def test_the_way_to_a_layer_gives_its_receptive_field_where_ways_join_too(spec):
    analysis = archscope.analyze(archscope.load(spec))
    known = [row for row in analysis.rows if row.receptive_field is not None]
    ways = [(row, Place.of(analysis, row, "receptive_field").hops) for row in known]
    told = [(row, hops) for row, hops in ways if hops]
    assert len(told) > 0.9 * len(known)
    assert all(field_of(hops) == row.receptive_field[0] for row, hops in told)


PAIRS = [
    ("lenet5", "C3", "parameters", 5 * 5 * 6 * 16, {"bias forgotten", "table taken as dense"}),
    ("lenet5", "C5", "parameters", 5 * 5 * 120, {"bias forgotten", "input channels left out"}),
    ("alexnet-pytorch", "conv2", "parameters", 5 * 5 * 96 * 256, {"bias forgotten", "groups ignored"}),
    ("alexnet-pytorch", "conv2", "macs", 5 * 5 * 96 * 23 * 23 * 256, {"padding ignored", "groups ignored"}),
    ("alexnet", "conv3", "connections", 3 * 3 * 256 * 11 * 11 * 384, {"bias forgotten", "padding ignored"}),
    ("lenet5", "C3", "connections", (5 * 5 * 6 + 1) * 9 * 9 * 16, {"table taken as dense", "plus one forgotten"}),
    ("lenet5", "C1", "parameters", 3 * 3 * 6, {"bias forgotten", "kernel side mistaken"}),
    ("lenet5", "C3", "parameters", 2 * 2416, {"table taken as dense", "doubled"}),
]


@pytest.mark.parametrize(("spec", "layer", "quantity", "answer", "slips"), PAIRS)
def test_two_slips_at_once_are_both_named(spec, layer, quantity, answer, slips):
    found = said_of(answer, layer, quantity, the_sheet(spec))
    assert slips in [set(each) for each in found.slips]
    assert ", and " in found.remark


@pytest.mark.parametrize(("spec", "seed"), [("lenet5", None), ("lenet5", 3), ("lenet5", 17), ("alexnet", None)])
def test_whatever_slip_is_made_the_marker_names_it_or_one_that_gives_the_same_number(spec, seed):
    """A law over every slip and every cell: what is told gives the number, and the slip made is among it."""
    sheet = the_sheet(spec, seed)
    for question in sheet.questions:
        if question.layer == "total":
            continue
        row = sheet.analysis[question.layer]
        explained = Explained(Place.of(sheet.analysis, row, question.quantity))
        for name, slipped in explained.first:
            value = plain(slipped.place.value)
            text = "×".join(map(str, value)) if isinstance(value, tuple) else str(value)
            found = said_of(text, question.layer, question.quantity, sheet)
            if found.verdict == "right":  # a shape in another order of its axes
                continue
            told = explained.of(value)
            assert all(plain(each.value) == value for each in told), (question, name)
            assert (name,) in [each.slips for each in told], (question, name)
            assert (name,) in found.slips, (question, name, found)


def test_each_working_that_is_told_comes_to_the_pupils_number():
    """The arithmetic in the sentence is evaluated again by the reader of expressions."""
    from archscope.classroom.expressions import evaluate

    sheet = the_sheet()
    tried = 0
    for question in sheet.questions:
        if question.layer == "total" or question.quantity == "output":
            continue
        place = Place.of(sheet.analysis, sheet.analysis[question.layer], question.quantity)
        for value, told in Explained(place).by_value.items():
            for each in told:
                assert evaluate(each.value.working) == value
                tried += 1
    assert tried > 250


SHARED = """
input: [2, 9, 9]
layers:
  a: {type: conv2d, out_channels: 2, kernel_size: 3}
  b: {type: conv2d, out_channels: 2, kernel_size: 3, shares: a}
"""


@pytest.mark.parametrize(
    ("quantity", "answer", "slips", "words"),
    [
        ("parameters", (3 * 3 * 2 + 1) * 2, ("shared weights counted",), "shared weights are counted once, there"),
        ("parameters", 3 * 3 * 2 * 2, ("shared weights counted", "bias forgotten"), ", and the 2 biases are missing"),
        ("parameters", (3 * 3 * 2 + 1) * 5 * 5 * 2, ("quantities exchanged",), "these are the connections"),
        ("connections", 3 * 3 * 2 * 5 * 5 * 2, ("bias forgotten",), "the bias line of each unit is missing"),
        ("connections", (3 * 3 * 2 + 1) * 7 * 7 * 2, (), "that is the number of a"),
    ],
)
def test_shared_weights_are_counted_once_and_slips_on_them_are_named(quantity, answer, slips, words):
    sheet = sheet_of(archscope.analyze(read(SHARED, name="shared")))
    assert said_of(0, "b", "parameters", sheet).verdict == "right"
    found = said_of(answer, "b", quantity, sheet)
    assert found.verdict == "wrong"
    assert words in found.remark
    assert (found.slips[0] if slips else ()) == slips


@pytest.mark.parametrize("spec", ["gpt2@small", "googlenet", "unet", "lstm-lm@small", "lenet5-1998"])
def test_slips_that_do_not_apply_to_a_layer_say_so_and_nothing_breaks(spec):
    """One layer of each type, every quantity that it has; embeddings tell no connections, parameters read nothing."""
    analysis = archscope.analyze(archscope.load(spec))
    for row in {row.node.layer.type: row for row in analysis.rows}.values():
        for quantity in ("output", "parameters", "connections", "macs", "receptive_field"):
            place = Place.of(analysis, row, quantity)
            if len(row.outputs) == 1 if quantity == "output" else place.known is not None:
                right = plain(place.value)
                assert right not in Explained(place).by_value


def test_a_right_number_is_never_explained_away():
    for spec, seed in (("lenet5", None), ("lenet5", 5), ("alexnet", None)):
        sheet = the_sheet(spec, seed)
        answers = {}
        for each in sheet.questions:
            right = each.right
            answers[each.layer, each.quantity] = (
                "x".join(str(int(extent)) for extent in (*right[1:], right[0]))
                if isinstance(right, tuple)
                else f"{int(right):,}".replace(",", " ")
            )
        paper = mark(sheet, answers)
        assert paper.points == paper.asked, [each for each in paper.answers if each.verdict != "right"]


def test_a_sentence_has_the_right_number_the_pupils_and_why():
    sheet = the_sheet()
    assert said_of("5*5*1*6", "C1", "parameters", sheet).remark == (
        "156 = (5·5·1 + 1)·6; you have 150 = 5·5·1·6: the 6 biases are missing."
    )


def test_a_number_with_two_explanations_names_both_the_likelier_first():
    found = said_of(117_600, "C1", "connections", the_sheet())
    assert found.slips == (("bias forgotten",), ("quantities exchanged",))
    assert "It may also be that these are the MACs" in found.remark


def test_the_number_of_another_column_is_told_before_rarer_slips_that_give_it_too():
    sheet = the_sheet(seed=9)  # C5 has 5×5 positions and a padding of 2: without it there would be one position
    parameters = (3 * 3 * 16 + 1) * 210
    found = said_of(parameters, "C5", "connections", sheet)
    assert found.slips == (("quantities exchanged",), ("padding ignored",))
    assert found.remark.index("these are the parameters") < found.remark.index("the padding of 2")


def test_a_number_that_nothing_explains_says_so_plainly():
    found = said_of(997, "C1", "parameters", the_sheet())
    assert found.slips == ()
    assert found.remark == (
        "156 = (5·5·1 + 1)·6; you have 997: no known slip gives that; compare the arithmetic term by term."
    )


@pytest.mark.parametrize(
    ("layer", "quantity", "answer", "words"),
    [
        ("F6", "parameters", "10146", "two digits changed places"),
        ("C5", "connections", "(5*5*17+1)*120", "in your arithmetic stands 17 for 16"),
        ("C5", "parameters", "(5*5*16+1)*120 = 48,102", "your own arithmetic comes to 48,120"),
        ("C3", "macs", "48000", "that is the number of C5. It may also be that the connection table"),
        ("total", "parameters", str(60_850 - 850), "OUTPUT is missing"),
        ("total", "macs", "1", "that is not the sum of your numbers"),
    ],
)
def test_other_ways_to_be_wrong_are_told_too(layer, quantity, answer, words):
    assert words in said_of(answer, layer, quantity, the_sheet()).remark


def test_what_follows_rightly_from_a_wrong_shape_is_carried():
    sheet = the_sheet(layers="C1..C3")
    paper = mark(sheet, {("C1", "output"): "6×27×27", ("S2", "output"): "6×13×13",
                         ("C1", "connections"): str(26 * 27 * 27 * 6), ("C3", "output"): "16×9×9"})  # fmt: skip
    found = {(each.question.layer, each.question.quantity): each for each in paper.answers}
    assert [found["C1", each].verdict for each in ("output", "connections")] == ["wrong", "carried"]
    assert found["S2", "output"].verdict == "carried"
    assert "follows from your 6×27×27 of C1" in found["S2", "output"].remark
    assert found["C3", "output"].verdict == "carried"
    assert paper.points == 3
    assert mark(sheet, {("C1", "output"): "6×27×27", ("S2", "output"): "6×13×13"}, carries=False).points == 0


def test_a_slip_on_top_of_a_carried_error_names_both():
    sheet = the_sheet(layers="C1..S2")
    paper = mark(sheet, {("C1", "output"): "6×26×26", ("S2", "connections"): str(2 * 2 * 13 * 13 * 6)})
    found = {(each.question.layer, each.question.quantity): each for each in paper.answers}["S2", "connections"]
    assert found.slips[0] == ("carried error", "bias forgotten")
    assert "6×26×26 of C1" in found.remark


def test_the_sum_of_a_pupils_own_numbers_is_carried():
    sheet = the_sheet(blank="parameters")
    own = {("C1", "parameters"): "150", ("S2", "parameters"): "12", ("C3", "parameters"): "1516",
           ("S4", "parameters"): "32", ("C5", "parameters"): "48120", ("F6", "parameters"): "10164",
           ("OUTPUT", "parameters"): "850", ("total", "parameters"): "60844"}  # fmt: skip
    assert mark(sheet, own).answers[-1].verdict == "carried"


def test_blank_and_unreadable_cells_are_told_apart():
    sheet = the_sheet(layers="C1", blank="parameters,connections")
    for nothing in ("", "  ", "___", "–", "?"):
        assert said_of(nothing, "C1", "parameters", sheet).verdict == "blank"
    found = said_of("lots", "C1", "parameters", sheet)
    assert found.verdict == "unread"
    assert "is no answer" in found.remark


@pytest.mark.slow
def test_forty_different_sheets_full_of_slips_are_marked_within_a_minute_of_work(tmp_path, capsys):
    """Every pupil makes another slip in every cell, every third one two of them at once."""
    for seed in range(1, 41):
        sheet = the_sheet(seed=seed, blank="output,parameters,connections")
        rows = ["sheet," + str(seed), "layer,output,parameters,connections"]
        for name in sheet.lines:
            cells = []
            for quantity in sheet.blank:
                question = sheet.answers.get((name, quantity))
                if question is None or name == "total":
                    cells.append("")
                    continue
                explained = Explained(Place.of(sheet.analysis, sheet.analysis[name], quantity))
                wrong = list(explained.pairs if seed % 13 == 0 else explained.by_value) or [plain(question.right)]
                value = wrong[(7 * seed) % len(wrong)]
                cells.append("x".join(map(str, value)) if isinstance(value, tuple) else str(value))
            rows.append(",".join([name, *cells]))
        (tmp_path / f"pupil{seed:02}.csv").write_text("\n".join(rows))
    started = time.process_time()
    status = main(["mark", "lenet5", str(tmp_path), "--blank", "output,parameters,connections", "-f", "csv"])
    assert time.process_time() - started < 60
    assert status == 0
    rows = list(csv.DictReader(io.StringIO(capsys.readouterr().out)))
    assert [int(row["sheet"]) for row in rows] == list(range(1, 41))
    verdicts = [row[cell] for row in rows for cell in row if cell.startswith("C1, ")]
    explained = [each for each in verdicts if each.startswith(("wrong: ", "right", "carried"))]
    assert len(explained) == len(verdicts)


def test_a_marker_serves_one_pupil_after_another():
    marker = Marker(the_sheet(layers="C1", blank="parameters"))
    papers = [marker.paper({("C1", "parameters"): each}, pupil=each) for each in ("156", "150")]
    assert [paper.points for paper in papers] == [1, 0]
