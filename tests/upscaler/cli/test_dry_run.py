"""`upscaler run --dry-run`: what a run would do, and nothing is done."""

import json
from types import SimpleNamespace

import pytest
from PIL import Image

from upscaler.batch import dry_run


def test_a_dry_run_does_nothing(command, folder, tmp_path, photo):
    out = tmp_path / "out"
    Image.fromarray(photo).save(folder / "a.jpg")
    (folder / "bad.png").write_bytes(b"")
    arguments = ("run", folder, out, "-s", 2, "-f", "png", "-r", "cpu")
    code, said, err = command(*arguments, "--dry-run", "-v")
    assert (code, err) == (1, "")
    assert not out.exists()
    summary, *lines = said.splitlines()
    assert lines == [
        f"to do: a.jpg -> {out}/a.jpg.png, 106x74",
        f"to do: a.png -> {out}/a.png, 106x74",
        f"to do: b.jpg -> {out}/b.png, 106x74",
        "failed: bad.png: the file is empty",
        f"to do: sub/grey.png -> {out}/sub/grey.png, 22x18",
    ]
    assert summary.startswith("4 to do, 1 would fail; 0.0 MP with fast-x2, about ")
    assert "no run here yet" in summary and summary.endswith("; not read: 1 .txt")

    counts, *problems = command(*arguments, "-n")[1].splitlines()
    assert (counts, problems) == (summary, ["failed: bad.png: the file is empty"])
    assert command(*arguments, "-n", "-q")[1].splitlines() == problems

    command(*arguments, "--include", "a.*")
    before = {path: path.stat().st_mtime_ns for path in out.rglob("*")}
    _, said, _ = command(*arguments, "--dry-run", "--json")
    *files, summary = map(json.loads, said.splitlines())
    assert [file["expected"] for file in files] == [
        "skipped", "skipped", "to-do", "failed", "to-do",
    ]  # fmt: skip
    assert (summary["planned"], summary["to-do"], summary["skipped"]) == (5, 2, 2)
    assert summary["not_read"] == {".txt": 1}
    assert summary["megapixels"] == round((106 * 74 + 22 * 18) / 1e6, 3)
    assert summary["seconds"] >= 0 and summary["memory_bytes"] > 0
    assert summary["disk_bytes"] == round(1.5 * (106 * 74 + 22 * 18))
    assert {path: path.stat().st_mtime_ns for path in out.rglob("*")} == before


def test_a_dry_run_has_nothing_to_report(command, folder, tmp_path):
    arguments = ("run", folder, tmp_path / "out", "--dry-run", "--report", tmp_path / "report.json")
    code, said, err = command(*arguments)
    assert (code, said) == (2, "")
    assert "--dry-run --json prints the plan" in err


def test_a_folder_is_excluded_with_all_in_it(command, folder, tmp_path):
    code, said, _ = command("run", folder, tmp_path / "out", "-n", "-v", "--exclude", "sub")
    assert code == 0
    assert said.startswith("2 to do, 1 left out") and "sub/" not in said


def test_it_says_what_disk_space_is_needed_and_free(command, folder, tmp_path, monkeypatch):
    free = SimpleNamespace(free=20_000_000_000)
    monkeypatch.setattr(dry_run.shutil, "disk_usage", lambda path: free)
    arguments = ("run", folder, tmp_path / "out" / "deeper", "-s", 2, "-f", "bmp", "-n")
    _, said, err = command(*arguments)
    assert "about 48 kB of disk (20 GB free)" in said and not err
    free.free = 40_000
    _, said, err = command(*arguments)
    assert "(40 kB free)" in said
    assert err == "warning: there is not enough disk space for all outputs\n"


def test_the_space_for_what_is_made_is_about_what_was_said(command, folder, tmp_path):
    out = tmp_path / "out"
    said = json.loads(command("run", folder, out, "-n", "--json")[1].splitlines()[-1])
    command("run", folder, out, "-q")
    made = sum(path.stat().st_size for path in out.rglob("*.*") if ".upscaler" not in path.parts)
    assert said["disk_bytes"] / 2 < made < said["disk_bytes"] * 2


@pytest.mark.parametrize("extra", [(), ("-n",)])
def test_patterns_that_match_nothing_are_said(command, folder, tmp_path, extra):
    useful = ("--exclude", "sub", "--exclude", "sub/", "--include", "*.png")
    useless = ("--exclude", "drafts/*", "--include", "*.PNG")
    arguments = ("run", folder, tmp_path / "out", "-s", 2, *extra)
    _, _, err = command(*arguments, *useful, *useless)
    assert "no image matches --include '*.PNG' or --exclude 'drafts/*'\n" in err
    _, _, err = command(*arguments, *useful)
    assert "matches" not in err
