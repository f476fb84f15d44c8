"""Inputs that change during a run, or may not be read. `make faults` counts them, too."""

import ctypes
import json
import os
import subprocess

import pytest

from upscaler.batch.report import Status


def _vanish(path):
    path.unlink()


def _become_a_pipe(path):
    path.unlink()
    os.mkfifo(path)


def _lose_their_second_half(path):
    os.truncate(path, path.stat().st_size // 2)


def _become_a_folder(path):
    path.unlink()
    path.mkdir()


@pytest.mark.parametrize(
    "change", [_vanish, _become_a_pipe, _lose_their_second_half, _become_a_folder]
)
def test_inputs_that_change_after_the_plan(many, tmp_path, run, notes, held, monkeypatch, change):
    victims = [f"d{number % 3}/{number}.png" for number in range(0, 60, 3)]

    def opened(upscaler, workload):
        for name in victims:
            change(many / name)

    monkeypatch.setattr(notes, "opened", opened)
    summary, _ = run(many, tmp_path / "out", reporter=notes)
    assert sorted(r.name for r in notes.results if r.error) == sorted(victims)
    assert (summary.exit_code, summary.counts[Status.DONE]) == (1, 280)
    words = change.__name__.strip("_").replace("_", " ")
    held(f"20 of 300 inputs {words} after the plan", 1, "these fail, the others are done, exit 1")


def without_privileges():
    """Let even root be refused: drop what overrides permissions from what a process may have."""
    bounding_set, override, read_and_search = 24, 1, 2
    for privilege in (override, read_and_search):
        ctypes.CDLL(None).prctl(bounding_set, privilege, 0, 0, 0)


def test_inputs_that_may_not_be_read(upscale, tree, many, tmp_path, held):
    victims = [many / f"d{number % 3}" / f"{number}.png" for number in range(0, 60, 3)]
    options = {"preexec_fn": without_privileges} if os.geteuid() == 0 else {}
    victims[0].chmod(0)
    if subprocess.run(["cat", victims[0]], check=False, capture_output=True, **options).stdout:
        pytest.skip("nobody is refused a file here")
    for victim in victims:
        victim.chmod(0)
    done = upscale(many, tmp_path / "out", "--json", **options)
    results = [json.loads(line) for line in done.stdout.splitlines()]
    failed = {result["name"]: result["error"] for result in results if "error" in result}
    assert set(failed) == {victim.relative_to(many).as_posix() for victim in victims}
    assert set(failed.values()) == {"cannot be read: Permission denied"}
    assert (done.returncode, results[-1]["done"]) == (1, 280)
    for victim in victims:
        victim.chmod(0o644)
    assert upscale(many, tmp_path / "out", "-q").returncode == 0
    assert len(tree(tmp_path / "out")) == 300
    what = "these fail, the others are done, exit 1; a resume does them once they may be read"
    held("20 of 300 inputs may not be read", 1, what)
