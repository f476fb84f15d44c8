"""`upscaler status`: what the journal of an output folder knows."""

import json


def test_status_tells_what_the_journal_knows(command, folder, tmp_path):
    (folder / "bad\n.png").write_bytes(b"")
    command("run", folder, tmp_path / "out", "-s", 2, "-r", "cpu", "-q")
    code, out, _ = command("status", tmp_path / "out")
    assert code == 0
    assert [line.split()[1:4:2] for line in out.splitlines() if "done " in line] == [["done", "3"]]
    assert f"failed: {folder}/bad\\n.png: the file is empty" in out
    assert "last run: 3 done, 1 failed in " in out and "fast-x2 on cpu in fp32" in out
    _, out, _ = command("status", tmp_path / "out", "--json")
    *files, summary = map(json.loads, out.splitlines())
    assert {file["target"]: file["state"] for file in files} == {
        "a.png": "done", "b.jpg": "done", "bad\n.png": "failed", "sub/grey.png": "done",
    }  # fmt: skip
    assert {file["input"] for file in files} == {str(folder / file["target"]) for file in files}
    assert (summary["done"], summary["failed"], summary["begun"]) == (3, 1, 0)
    assert summary["last_run"]["runtime"] == "cpu in fp32"


def test_status_without_a_journal_is_a_mistake(command, tmp_path):
    code, _, err = command("status", tmp_path)
    assert (code, len(err.splitlines())) == (2, 1)


def test_status_names_inputs_as_they_are_called_from_here(command, folder, tmp_path, monkeypatch):
    (folder / "bad.gif").write_bytes(b"")
    monkeypatch.chdir(tmp_path)
    command("run", "in", "out", "-s", 2, "-r", "cpu", "-q")
    assert "failed: in/bad.gif: the file is empty" in command("status", "out")[1]
