import json
from pathlib import Path

import pytest

from archscope.errors import UsageError
from archscope.site import output
from archscope.site.output import MANIFEST, plan


def write(folder: Path, files: dict[str, bytes], *, keep: bool = False) -> None:
    assert plan(folder, files, keep=keep).carry_out() == ()


def on_disk(folder: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file() and path.name != MANIFEST
    }


def test_a_new_folder_holds_what_was_planned(tmp_path):
    write(tmp_path / "a" / "b", {"index.html": b"1", "net/index.html": b"2"})
    assert on_disk(tmp_path / "a" / "b") == {"index.html": b"1", "net/index.html": b"2"}


def test_only_what_changed_is_rewritten(tmp_path):
    write(tmp_path, {"a": b"1", "b": b"2"})
    before = (tmp_path / "a").stat()
    write(tmp_path, {"a": b"1", "b": b"3"})
    after = (tmp_path / "a").stat()
    assert (after.st_ino, after.st_mtime_ns) == (before.st_ino, before.st_mtime_ns)
    assert on_disk(tmp_path) == {"a": b"1", "b": b"3"}


def test_writing_twice_writes_nothing_the_second_time(tmp_path):
    write(tmp_path, {"a": b"1"})
    assert plan(tmp_path, {"a": b"1"}).is_done


def test_a_page_that_is_no_longer_made_goes_with_its_folder(tmp_path):
    write(tmp_path, {"index.html": b"1", "old/index.html": b"2"})
    write(tmp_path, {"index.html": b"1"})
    assert not (tmp_path / "old").exists()


def test_a_page_that_somebody_changed_stays_although_it_is_no_longer_made(tmp_path):
    write(tmp_path, {"index.html": b"1", "old/index.html": b"2"})
    (tmp_path / "old" / "index.html").write_bytes(b"mine now")
    write(tmp_path, {"index.html": b"1"})
    assert on_disk(tmp_path)["old/index.html"] == b"mine now"


def test_foreign_files_are_never_touched(tmp_path):
    (tmp_path / "notes.txt").write_bytes(b"mine")
    (tmp_path / "net").mkdir()
    (tmp_path / "net" / "photo.png").write_bytes(b"mine too")
    write(tmp_path, {"net/index.html": b"1"})
    write(tmp_path, {"index.html": b"1"})
    assert on_disk(tmp_path) == {"notes.txt": b"mine", "net/photo.png": b"mine too", "index.html": b"1"}


def test_a_foreign_file_in_the_way_stops_everything_before_anything_is_written(tmp_path):
    mine = {"index.html": b"my home page", "notes.html": b"my notes"}
    for name, content in mine.items():
        (tmp_path / name).write_bytes(content)
    with pytest.raises(UsageError, match=r"index\.html \(and 1 more\) was not made by archscope, so it stays as it is"):
        write(tmp_path, {"a.html": b"1", "index.html": b"2", "notes.html": b"3"})
    assert on_disk(tmp_path) == mine


def test_pages_of_a_broken_spec_are_kept_until_it_is_whole_again(tmp_path):
    write(tmp_path, {"a": b"1", "b": b"2"})
    write(tmp_path, {"a": b"1"}, keep=True)
    assert on_disk(tmp_path) == {"a": b"1", "b": b"2"}
    write(tmp_path, {"a": b"1"})
    assert on_disk(tmp_path) == {"a": b"1"}


def test_a_manifest_cannot_make_it_remove_files_outside_the_folder(tmp_path):
    outside = tmp_path / "outside"
    outside.write_bytes(b"mine")
    digest = plan(tmp_path / "x", {"outside": b"mine"}).manifest
    folder = tmp_path / "site"
    folder.mkdir()
    listed = json.loads(digest)
    listed["files"] = {"../outside": listed["files"]["outside"], str(outside): listed["files"]["outside"]}
    (folder / MANIFEST).write_text(json.dumps(listed))
    write(folder, {"a": b"1"})
    assert outside.read_bytes() == b"mine"


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"schema": "other", "files": {}}', '{"schema": 1'])
def test_a_manifest_that_is_none_is_said_so(tmp_path, content):
    (tmp_path / MANIFEST).write_text(content)
    with pytest.raises(UsageError, match="is not a list of files that archscope wrote"):
        plan(tmp_path, {})


def test_a_file_where_a_folder_should_be_is_said_so(tmp_path):
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(UsageError, match="it is a file; name a folder"):
        plan(tmp_path / "file", {"a": b"1"})
    with pytest.raises(UsageError, match=r"cannot (write to|make the folder)"):
        write(tmp_path / "file" / "below", {"a": b"1"})


def test_what_one_place_refuses_does_not_keep_the_others_from_being_written(tmp_path):
    (tmp_path / "net").write_bytes(b"")
    write(tmp_path, {"c/index.html": b"1"})
    assert plan(tmp_path, {"a/index.html": b"2", "net/index.html": b"3", "net/b": b"4"}, keep=True).carry_out() == (
        f"cannot write to {tmp_path / 'net'}: it is a file; name a folder",
    )
    assert on_disk(tmp_path) == {"net": b"", "c/index.html": b"1", "a/index.html": b"2"}


def test_what_an_interrupted_run_has_written_is_ours(tmp_path, monkeypatch):
    real = output.write_bytes

    def interrupted(path, data):
        if path.name == "b":
            raise KeyboardInterrupt
        real(path, data)

    monkeypatch.setattr(output, "write_bytes", interrupted)
    with pytest.raises(KeyboardInterrupt):
        write(tmp_path, {"a": b"1", "b": b"2"})
    monkeypatch.undo()
    write(tmp_path, {"a": b"changed", "b": b"2"})
    assert on_disk(tmp_path) == {"a": b"changed", "b": b"2"}


def test_a_removal_that_was_interrupted_is_done_the_next_time(tmp_path, monkeypatch):
    write(tmp_path, {"a": b"1", "old": b"2"})

    def interrupted(self, missing_ok=False):
        raise KeyboardInterrupt

    monkeypatch.setattr(Path, "unlink", interrupted)
    with pytest.raises(KeyboardInterrupt):
        write(tmp_path, {"a": b"1"})
    monkeypatch.undo()
    write(tmp_path, {"a": b"1"})
    assert on_disk(tmp_path) == {"a": b"1"}
