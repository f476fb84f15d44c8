"""A training learns, ends, logs, and is the same in several processes or compiled."""

import json
import shutil
import subprocess
import sys

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="needs the [train] extra")

from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from upscaler.errors import StartError, UsageError
from upscaler_train.display.progress import TrainingDisplay
from upscaler_train.networks.build import check_memory
from upscaler_train.recipe_file import from_table
from upscaler_train.training import checkpoint as checkpoints
from upscaler_train.training.trainer import LAST, Trainer, _check_batch


def test_training_learns_and_ends_at_zero(table, tmp_path, train):
    table["schedule"] = {"steps": 60, "warmup": 5}
    ticks = train(table, tmp_path / "run")
    assert ticks[-1].rate < 1e-3 * max(tick.rate for tick in ticks)
    assert ticks[-1].progress.step == 60
    assert np.mean([t.loss for t in ticks[40:52]]) < np.mean([t.loss for t in ticks[:12]])
    assert ticks[-1].val.psnr_y > 20
    assert 0 < ticks[-1].val.mse < 0.02


@pytest.mark.parametrize("mse_from", [0.0, 1.0])
def test_a_loss_that_is_kept_holds_no_more_than_a_number(table, tmp_path, mse_from, train):
    """The log keeps the losses between two looks: torch's MSE is a view of a whole batch."""
    table["schedule"] |= {"mse_from": mse_from}
    for tick in train(table, tmp_path / "run"):
        assert tick.loss.untyped_storage().nbytes() == tick.loss.element_size()


def test_the_statistics_of_a_normalisation_are_averaged_too(table, tmp_path, train):
    table["network"] = {"family": "seed", "size": 64, "widths": [8], "decoder": ["tanh"]}
    table["network"]["normalisation"] = "batch"
    table["data"] |= {"patch": 0, "low": "same-size"}
    train(table, tmp_path / "run")
    ema = checkpoints.load_checkpoint(tmp_path / "run" / LAST).part("ema")
    assert ema["encoder.0.1.running_mean"].abs().sum() > 0


def test_a_diverged_training_keeps_its_last_checkpoint(table, tmp_path, train):
    table["schedule"] = {"steps": 4, "learning_rate": 1e38, "warmup": 0}
    table["optimisation"] = {"clip": 0.0}
    with pytest.raises(StartError, match="diverged at step 4"):
        train(table, tmp_path / "run")
    assert not (tmp_path / "run" / LAST).exists()


def test_a_budget_in_minutes_ends(table, tmp_path, train):
    table["schedule"] = {"minutes": 0.02, "warmup": 2}
    ticks = train(table, tmp_path / "run")
    assert ticks[-1].share == 1
    assert ticks[-1].progress.seconds > 0.9


def test_the_log_has_a_line_for_each_check(table, tmp_path):
    with TrainingDisplay("tiny", tmp_path / "log.jsonl") as display:
        Trainer(from_table(table), tmp_path / "run").run(display)
    (line,) = (tmp_path / "log.jsonl").read_text().splitlines()
    row = json.loads(line)
    assert (row["step"], row["epoch"]) == (8, 8.0)
    assert row["val_mse"] > 0
    (board,) = (tmp_path / "tensorboard").iterdir()
    events = EventAccumulator(str(board)).Reload()
    (scalar,) = events.Scalars("val_psnr_y")
    assert (scalar.step, scalar.value) == (8, pytest.approx(row["val_psnr_y"]))


def test_a_look_at_the_validation_pictures_every_epoch(table, tmp_path, train):
    table["run"]["check_epochs"] = 2
    looks = [tick.progress.step for tick in train(table, tmp_path / "run") if tick.val]
    assert looks == [2, 4, 6, 8]


@pytest.mark.slow
@pytest.mark.ci
def test_two_processes_train_what_one_trains(table, tmp_path, recipe_file):
    table["schedule"] = {"steps": 6, "warmup": 2}
    table["run"]["bf16"] = False
    recipe = recipe_file(table)
    for count in (1, 2):
        start = [sys.executable, "-m", "torch.distributed.run", "--nproc-per-node", str(count)]
        rest = ["-m", "upscaler", "train", str(recipe), "-o", str(tmp_path / str(count))]
        done = subprocess.run(start + rest, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        assert done.stdout.count("6 steps") == 1
    one, two = (
        checkpoints.load_checkpoint(tmp_path / "1" / LAST),
        checkpoints.load_checkpoint(tmp_path / "2" / LAST),
    )
    for name, tensor in one.part("ema").items():
        assert torch.allclose(tensor, two.part("ema")[name], atol=1e-4), name
    assert two.machine == f"2 x {one.machine}"


def test_a_batch_that_the_processes_cannot_share_is_refused(table):
    with pytest.raises(UsageError, match="3 processes cannot share a batch of 4"):
        _check_batch(from_table(table), 3)


@pytest.mark.skipif(shutil.which("c++") is None, reason="torch.compile needs a C++ compiler")
@pytest.mark.slow
def test_a_compiled_training_learns_the_same(table, tmp_path, train):
    table["schedule"] = {"steps": 3, "warmup": 1}
    table["run"]["bf16"] = False
    plain = train(table, tmp_path / "plain")
    table["run"]["compile"] = True
    compiled = train(table, tmp_path / "compiled")
    for a, b in zip(plain, compiled, strict=True):
        assert a.loss.item() == pytest.approx(b.loss.item(), rel=1e-3)
    train(table, tmp_path / "compiled", resume=True)


def test_too_little_memory_is_said_before_anything_is_read(table):
    with pytest.raises(StartError, match=r"tiny has 0 million weights and needs 0.0 GiB to train"):
        check_memory(from_table(table), available=1000)
    check_memory(from_table(table))
