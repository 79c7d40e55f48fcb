import json
from pathlib import Path

import pytest

from archscope.cli import main

RESULT = Path(__file__).parent / "lenet5-bench.json"


def test_a_page_shows_what_was_measured_with_device_date_and_roofline(tmp_path):
    assert main(["docs", "lenet5", "lenet1", "--bench", str(RESULT), "-o", str(tmp_path)]) == 0
    text = (tmp_path / "lenet5" / "index.html").read_text()
    result = json.loads(RESULT.read_text())
    assert f"Measured {result['created'][:10]} on {result['ceilings']['device']}." in text
    assert "<title>Roofline of lenet5/b1" in text
    assert (tmp_path / "lenet5" / "lenet5-roofline-1.svg").is_file()
    assert 'id="benchmark"' not in (tmp_path / "lenet1" / "index.html").read_text()


def test_a_folder_stands_for_the_results_in_it_and_each_is_a_section(tmp_path):
    folder = tmp_path / "results"
    folder.mkdir()
    for name in ("a.json", "b.json"):
        (folder / name).write_bytes(RESULT.read_bytes())
    (folder / "notes.txt").write_text("not a result")
    assert main(["docs", "lenet5", "--bench", str(folder), "-o", str(tmp_path / "site"), "-f", "markdown"]) == 0
    text = (tmp_path / "site" / "lenet5" / "index.md").read_text()
    assert text.count("## Benchmark: ") == 2
    assert "(lenet5-roofline-1.svg)" in text
    assert "(lenet5-roofline-2-1.svg)" in text


def changed(**changes):
    return {**json.loads(RESULT.read_text()), **changes}


def shrunk():
    result = changed()
    result["cells"][0]["model"]["parameters"] = 1
    return result


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("{", "not JSON"),
        (json.dumps(changed(schema="other/1")), "no result of archscope bench: its `schema` is `other/1`, not "),
        ("[]", "no result of archscope bench: it has no `schema`, not "),
        (json.dumps(changed(cells=None)), "not a whole result of archscope bench: it has no list of `cells`"),
        (json.dumps(changed(created=None, cells=[{"model": {"name": "lenet5"}}])), "not a whole result"),
        (json.dumps(shrunk()), "`lenet5` was measured with 1 parameters, and has 60,850 now; measure it again"),
    ],
)
def test_a_broken_result_is_one_line_and_every_page_is_made(tmp_path, capsys, content, message):
    path = tmp_path / "result.json"
    path.write_text(content)
    assert main(["docs", "lenet5", "--bench", str(path), "-o", str(tmp_path / "site")]) == 2
    errors = capsys.readouterr().err.splitlines()
    assert len(errors) == 1
    assert str(path) in errors[0]
    assert message in errors[0]
    assert 'id="benchmark"' not in (tmp_path / "site" / "lenet5" / "index.html").read_text()


def test_a_missing_result_and_a_folder_without_one_are_a_line_each(tmp_path, capsys):
    (tmp_path / "empty").mkdir()
    paths = ["--bench", str(tmp_path / "nothing.json"), "--bench", str(tmp_path / "empty")]
    assert main(["docs", "lenet5", *paths, "-o", str(tmp_path / "site")]) == 2
    assert capsys.readouterr().err.splitlines() == [
        f"error: cannot read {tmp_path / 'nothing.json'}: no such file or directory",
        f"error: {tmp_path / 'empty'}: no result of archscope bench is in it, no file named *.json",
    ]
    assert (tmp_path / "site" / "lenet5" / "index.html").is_file()
