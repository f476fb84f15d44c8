"""A run from its plan to its summary."""

import json
import os
import tempfile
import threading
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from upscaler.batch.report import Status
from upscaler.hardware import system
from upscaler.images import sweep


def test_mirrors_the_tree(folder, tmp_path, run, names):
    summary, _ = run(folder, tmp_path / "out")
    assert names(tmp_path / "out") == ["a.png", "b.jpg", "sub/grey.png"]
    assert summary.counts[Status.DONE] == 3
    assert summary.ignored == 1
    assert summary.exit_code == 0
    with Image.open(tmp_path / "out" / "a.png") as image:
        assert image.size == (106, 74)
    with Image.open(tmp_path / "out" / "sub" / "grey.png") as image:
        assert (image.mode, image.size) == ("L", (22, 18))


def test_a_bad_file_fails_alone_and_is_remembered(folder, tmp_path, photo, run):
    (folder / "bad.png").write_bytes(b"no image")
    summary, notes = run(folder, tmp_path / "out")
    assert (summary.counts[Status.DONE], summary.counts[Status.FAILED]) == (3, 1)
    assert summary.exit_code == 1
    assert [r.name for r in notes.results if r.status is Status.FAILED] == ["bad.png"]

    summary, notes = run(folder, tmp_path / "out")
    assert summary.counts[Status.FAILED_BEFORE] == 1
    assert summary.exit_code == 1
    assert notes.opened_with is None

    summary, _ = run(folder, tmp_path / "out", retry_failed=True)
    assert summary.counts[Status.FAILED] == 1
    Image.fromarray(photo).save(folder / "bad.png")
    summary, _ = run(folder, tmp_path / "out")
    assert summary.counts[Status.DONE] == 1
    assert summary.exit_code == 0


@pytest.mark.slow
@pytest.mark.ci
def test_three_hundred_mixed_files_with_five_broken(tmp_path, photo, run, names):
    source = tmp_path / "in"
    kinds = ["png", "jpg", "webp", "tif", "bmp"]
    for number in range(295):
        path = source / f"d{number % 7}" / f"{number}.{kinds[number % 5]}"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(photo[: 10 + number % 27, : 10 + number % 43]).save(path)
    for number in range(5):
        (source / f"d{number}" / f"broken{number}.png").write_bytes(b"\x89PNG\r\n\x1a\n" * number)
    summary, notes = run(source, tmp_path / "out")
    assert (summary.counts[Status.DONE], summary.counts[Status.FAILED]) == (295, 5)
    assert summary.exit_code == 1
    assert len(names(tmp_path / "out")) == 295
    assert all(r.error for r in notes.results if r.status is Status.FAILED)
    summary, notes = run(source, tmp_path / "out")
    assert (summary.counts[Status.SKIPPED], summary.counts[Status.FAILED_BEFORE]) == (295, 5)
    assert notes.opened_with is None


@pytest.mark.parametrize("runtime", ["cpu", "auto"])
def test_bytes_do_not_depend_on_the_number_of_jobs(folder, tmp_path, photo, runtime, run, names):
    Image.fromarray(np.tile(photo, (5, 4, 1))).save(folder / "large.png")
    trees = []
    for streams in (1, 3, 2):
        out = tmp_path / f"out{streams}"
        run(folder, out, streams=streams, tile=64, runtime=runtime)
        trees.append({name: (out / name).read_bytes() for name in names(out)})
    assert trees[0] == trees[1] == trees[2]


def test_what_is_being_written_is_not_swept(tmp_path):
    with tempfile.NamedTemporaryFile(dir=tmp_path, prefix=".upscaler-", suffix=".part") as live:
        system.lock(live)
        (tmp_path / ".upscaler-dead.part").write_bytes(b"half")
        sweep(tmp_path)
        assert [path.name for path in tmp_path.iterdir()] == [Path(live.name).name]


def test_what_takes_its_name_is_not_swept(folder, tmp_path, monkeypatch, run):
    """A shard that begins sweeps the folders that another one is writing into."""
    replace = os.replace

    def swept_first(source, target):
        sweep(Path(source).parent)
        replace(source, target)

    monkeypatch.setattr("os.replace", swept_first)
    assert run(folder, tmp_path / "out")[0].counts[Status.DONE] == 3


def test_failures_of_the_machine_are_tried_again(folder, tmp_path, monkeypatch, run, names):
    def full(*arguments):
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr("os.fsync", full)
        summary, notes = run(folder, tmp_path / "out")
    assert summary.counts[Status.FAILED] == 3
    assert "No space left" in notes.results[0].error
    assert names(tmp_path / "out") == []
    assert run(folder, tmp_path / "out")[0].counts[Status.DONE] == 3


def test_a_picture_larger_than_the_budget_runs_alone(folder, tmp_path, monkeypatch, run):
    monkeypatch.setattr("upscaler.batch.run.settings.memory_bytes", lambda: 4000)
    assert run(folder, tmp_path / "out", streams=3)[0].counts[Status.DONE] == 3


def test_stale_temporary_files_are_swept(folder, tmp_path, run):
    out = tmp_path / "out"
    run(folder, out)
    stale = out / ".upscaler-dead.part"
    stale.write_bytes(b"half")
    (out / "a.png").unlink()
    run(folder, out)
    assert not stale.exists()


def test_a_side_beyond_the_format_fails_before_the_work(tmp_path, monkeypatch, run):
    source = tmp_path / "in"
    source.mkdir()
    Image.new("RGB", (8200, 2)).save(source / "long.png")
    summary, notes = run(source, tmp_path / "out", format="webp")
    assert "16400 pixels" in notes.results[0].error
    assert summary.exit_code == 1


def test_an_interrupt_ends_the_threads(folder, tmp_path, run):
    class Impatient:
        def note(self, text):
            pass

        def opened(self, upscaler, workload):
            pass

        def tick(self):
            pass

        def result(self, result):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run(folder, tmp_path / "out", reporter=Impatient())
    assert not [t for t in threading.enumerate() if t.name.startswith(("read", "infer", "write"))]
    assert run(folder, tmp_path / "out")[0].exit_code == 0


def test_results_are_plain_json(folder, tmp_path, run):
    summary, notes = run(folder, tmp_path / "out")
    records = [json.loads(json.dumps(result.as_json())) for result in notes.results]
    assert {record["name"] for record in records} == {"a.png", "b.jpg", "sub/grey.png"}
    assert summary.as_json()["done"] == 3
