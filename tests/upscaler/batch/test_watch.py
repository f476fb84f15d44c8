"""New files are done as they come, once they are whole."""

import re
import shutil
import signal
import subprocess
import sys

import pytest

from upscaler.batch.plan.jobs import plan
from upscaler.batch.watch import plans_of_what_comes

pytest.importorskip("watchfiles", reason="needs the [watch] extra")


def names(planned):
    return [job.name for job in planned.jobs]


def test_what_is_there_comes_first_and_then_what_is_new_or_changed(folder, tmp_path):
    def list_plan():
        return plan(folder, tmp_path / "out", "keep")

    plans = plans_of_what_comes(folder, list_plan, settled=0.05)
    first = next(plans)
    assert names(first) == ["a.png", "b.jpg", "sub/grey.png"]
    assert first.not_read.by_extension == {".txt": 1}
    shutil.copy(folder / "a.png", folder / "sub" / "new.png")
    second = next(plans)
    assert names(second) == ["sub/new.png"] and not second.not_read
    shutil.copy(folder / "sub" / "grey.png", folder / "a.png")
    assert names(next(plans)) == ["a.png"]
    plans.close()


def test_a_file_that_grows_waits(folder, tmp_path):
    content = (folder / "a.png").read_bytes()
    parts = [content[at : at + 500] for at in range(0, len(content), 500)]
    assert len(parts) > 3

    def list_plan():
        if parts:
            with (folder / "growing.png").open("ab") as file:
                file.write(parts.pop(0))
        return plan(folder, tmp_path / "out", "keep")

    plans = plans_of_what_comes(folder, list_plan, settled=0.05)
    while "growing.png" not in names(found := next(plans)):
        pass
    assert (folder / "growing.png").read_bytes() == content and not parts
    assert [job.source for job in found.jobs if job.name == "growing.png"]
    plans.close()


@pytest.mark.usefixtures("watchdog")
@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_run_stays_until_it_is_ended(folder, tmp_path, number, code):
    out = tmp_path / "out"
    command = [sys.executable, "-m", "upscaler", "run", folder, out, "-s", "2", "-r", "cpu"]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    process = subprocess.Popen([*command, "--watch"], **pipes)
    assert process.stdout.readline().startswith("3 done")
    while not process.stderr.readline().startswith(f"watching {folder}; Ctrl-C ends it"):
        assert process.poll() is None
    shutil.copy(folder / "a.png", folder / "new.png")
    assert process.stdout.readline().startswith("1 done")
    assert (out / "new.png").is_file()
    process.send_signal(number)
    printed, said = process.communicate()
    assert (process.returncode, printed) == (code, "")
    # what was stopped, the last batch or the watching, depends on the moment
    assert re.fullmatch(r"\n?stopped.*; the same command goes on\n", said)
    plain = subprocess.run(command, capture_output=True, text=True, check=False)
    assert plain.stdout.startswith("nothing to do, 4 already done")


def test_only_a_folder_is_watched(command, folder, tmp_path):
    code, _, said = command("run", folder / "a.png", tmp_path / "out", "--watch")
    assert code == 2 and "--watch needs an input folder" in said
    code, _, said = command("run", "-", "-", "--watch")
    assert code == 2 and "--watch looks at files, and - is none" in said
    code, _, said = command("run", folder, tmp_path / "out", "--watch", "-n")
    assert code == 2 and "leave out --watch" in said


def test_what_to_install_is_said(command, folder, tmp_path, monkeypatch):
    monkeypatch.setattr("upscaler.batch.watch.find_spec", lambda name: None)
    code, _, said = command("run", folder, tmp_path / "out", "--watch")
    assert code == 3 and "pip install 'upscaler-aeu[watch]'" in said
