"""`upscaler run --dry-run`: what a run would do, and nothing is done."""

import json

from PIL import Image


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
    assert summary.startswith("4 to do, 1 would fail; 0.0 MP with fast-x2, up to")
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
