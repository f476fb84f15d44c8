"""`upscaler experiments`: every system trains, saves, resumes and is listed in the report."""

import json
import re
from contextlib import contextmanager

import numpy as np
import pytest
from click.testing import CliRunner
from PIL import Image

torch = pytest.importorskip("torch", reason="needs the [train] extra")

from upscaler.cli.main import commands
from upscaler.errors import UsageError
from upscaler_train.data.pairs import load_pairs
from upscaler_train.experiments import report
from upscaler_train.experiments.catalogue import SYSTEMS, catalogue, choose, overrides_for
from upscaler_train.experiments.session import LOG, Session
from upscaler_train.experiments.trained_system import PANEL, TrainedSystem, of_training
from upscaler_train.training import checkpoint as checkpoints
from upscaler_train.training.trainer import LAST, Trainer

SIZE = 64
TINY = ("data.batch=2", "run.threads=1")


@pytest.fixture
def data(tmp_path, rng):
    y, x = np.mgrid[0:SIZE, 0:SIZE]
    for part, count in (("train", 4), ("val", 1), ("test", 2)):
        (tmp_path / "data" / part).mkdir(parents=True)
        for number in range(count):
            waves = 127 + 100 * np.sin((x * (number + 1) + y * 2) / 6)[..., None]
            image = np.clip(waves + rng.normal(0, 5, (SIZE, SIZE, 3)), 0, 255).astype(np.uint8)
            Image.fromarray(image).save(tmp_path / "data" / part / f"{number}.png")
    return tmp_path / "data"


def tiny(name, data, *changes):
    """The recipe at a sixteenth of the report's pixels."""
    sized = () if name == "ae-u" else (f"network.size={SIZE}",)
    overrides = (*overrides_for(data, None, None), *sized, *TINY, *changes)
    return catalogue()[name].recipe(overrides)


@contextmanager
def silent(title, log, step, conditions):
    yield lambda tick: None


def session(data, out):
    return Session(data, out, show=None, command="upscaler experiments")


@pytest.mark.parametrize("name", catalogue())
def test_every_experiment_trains_saves_resumes_and_is_listed(name, data, tmp_path):
    whole, parts = session(data, tmp_path / "whole"), session(data, tmp_path / "parts")
    list(whole.run([tiny(name, data, "schedule.steps=2")], silent))
    for steps in (1, 2):
        list(parts.run([tiny(name, data, f"schedule.steps={steps}")], silent))

    recipe = tiny(name, data, "schedule.steps=2")
    once = checkpoints.load_checkpoint(whole.folder(recipe) / LAST).tensors
    twice = checkpoints.load_checkpoint(parts.folder(recipe) / LAST).tensors
    assert all(torch.equal(tensor, twice[key]) for key, tensor in once.items())

    outcome = TrainedSystem.load(parts.folder(recipe))
    assert outcome.progress.step == 2
    assert outcome.epochs == 1
    assert outcome.test == TrainedSystem.load(whole.folder(recipe)).test

    report.write(tmp_path / "parts")
    text = (tmp_path / "parts" / "report.md").read_text()
    (row,) = (line for line in text.splitlines() if line.startswith(f"| {name} |"))
    assert f"{outcome.test.mse:.5f} | {outcome.test.psnr_y:.2f}" in row
    assert recipe.reported in row


def test_a_vector_that_the_decoder_reads_is_missed(data, tmp_path):
    """Without skips to lean on, another picture's vector must cost something; unread, nothing."""
    recipe = tiny("2-layer", data, "schedule.steps=1", "network.bottleneck=4")
    trainer = Trainer(recipe, tmp_path / "run")
    test = load_pairs(data / "test", recipe)

    def scores():
        outcome = of_training(trainer, test, "")
        return outcome.test, outcome.strange

    with torch.no_grad():
        trainer.network.spread[0].weight.mul_(50)
    own, strange = scores()
    assert own != strange
    with torch.no_grad():
        trainer.network.spread[0].weight.zero_()
    own, strange = scores()
    assert own == strange


def test_what_is_trained_already_stays(data, tmp_path):
    recipe = tiny("kernel-6", data, "schedule.steps=1")
    list(session(data, tmp_path).run([recipe], silent))
    before = (session(data, tmp_path).folder(recipe) / LAST).stat()
    list(session(data, tmp_path).run([recipe], silent))
    after = (session(data, tmp_path).folder(recipe) / LAST).stat()
    assert before.st_mtime_ns == after.st_mtime_ns


def test_an_outcome_that_is_lost_is_measured_again(data, tmp_path):
    recipe = tiny("ae-u", data, "schedule.steps=1")
    list(session(data, tmp_path).run([recipe], silent))
    folder = session(data, tmp_path).folder(recipe)
    outcome = TrainedSystem.load(folder)
    (folder / "outcome.json").write_text('{"name": ')
    list(session(data, tmp_path).run([recipe], silent))
    again = TrainedSystem.load(folder)
    assert (again.test, again.progress.step) == (outcome.test, outcome.progress.step)


def invoke(*arguments):
    return CliRunner().invoke(commands, ["experiments", *map(str, arguments)])


def test_the_command_writes_one_report(data, tmp_path):
    sets = [f"network.size={SIZE}", "schedule.epochs=2", *TINY]
    options = [part for value in sets for part in ("--set", value)]
    result = invoke("kernel-6", "--data", data, "-o", tmp_path / "out", *options)
    assert result.exit_code == 0, result.output
    assert result.output.splitlines()[-1] == str(tmp_path / "out" / "index.html")
    rows = [json.loads(line) for line in (tmp_path / "out/runs/kernel-6" / LOG).open()]
    assert [row["epoch"] for row in rows] == [1, 2]
    page = (tmp_path / "out" / "index.html").read_text()
    assert '<img src="kernel-6.webp"' in page
    assert '<img src="curves-systems.svg"' in page
    assert "return the input" in page
    assert "<td>not trained yet</td>" in page
    panel = Image.open(tmp_path / "out" / "kernel-6.webp")
    assert panel.size == (3 * SIZE, 2 * SIZE)
    assert Image.open(tmp_path / "out/runs/kernel-6" / PANEL).size == panel.size
    assert "<svg" in (tmp_path / "out" / "curves-systems.svg").read_text()


def test_returning_the_input_scores_what_the_pairs_differ_by(data, tmp_path):
    recipe = tiny("kernel-6", data, "schedule.steps=1")
    (given,) = (done.given for done in session(data, tmp_path).run([recipe], silent))
    pairs = load_pairs(data / "test", recipe)
    errors = [np.mean((pair.low / 255 - pair.high / 255) ** 2) for pair in pairs]
    assert given.mse == pytest.approx(np.mean(errors), rel=1e-4)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["nonesuch"], "no experiment nonesuch; there are: 2-layer, "),
        (["2-layer"], "0.png has 64x64 pixels, the network takes 256x256"),
        (["2-layer", "--set", "network.stride=300"], "leaves nothing of 256 pixels: 256 -> 1"),
        (["2-layer", "--set", "network.bottleneck=9000000"], "needs .* GiB to train"),
    ],
)
def test_one_clear_line_before_training_starts(arguments, message, data, tmp_path, command):
    code, _, said = command("experiments", *arguments, "--data", data, "-o", tmp_path / "out")
    assert code in (2, 3)
    assert re.search(message, said)
    assert len(said.splitlines()) == 1
    assert not (tmp_path / "out").exists()


def test_a_missing_folder_is_named(data, tmp_path, command):
    (data / "val").rename(data / "elsewhere")
    code, _, said = command("experiments", "2-layer", "--data", data, "-o", tmp_path / "out")
    assert code == 2
    assert f"there is no folder {data / 'val'}" in said


def test_no_name_means_all_of_them():
    assert [experiment.name for experiment in choose(())][: len(SYSTEMS)] == list(SYSTEMS)
    with pytest.raises(UsageError, match="there are: 2-layer"):
        choose(("3-layer", "layer"))
