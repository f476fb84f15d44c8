"""A training that was interrupted goes on as if nothing had been, and overwrites no other."""

import signal

import pytest

torch = pytest.importorskip("torch", reason="needs the [train] extra")

from upscaler.errors import ModelError, StartError, UsageError
from upscaler.models import find_model
from upscaler.models.weights import network_of
from upscaler_train.networks.build import TrainingForm
from upscaler_train.recipe_file import from_table
from upscaler_train.training import checkpoint as checkpoints
from upscaler_train.training.trainer import LAST, Trainer


@pytest.mark.parametrize("optimiser", ["adamw", "muon"])
def test_resume_is_exact(table, tmp_path, optimiser, train, weights):
    table["optimisation"] = {"optimiser": optimiser}
    train(table, tmp_path / "whole")
    train(table, tmp_path / "parts", steps=5)
    train(table, tmp_path / "parts", resume=True)
    whole, parts = weights(tmp_path / "whole"), weights(tmp_path / "parts")
    assert whole.keys() == parts.keys()
    for name, tensor in whole.items():
        assert torch.equal(tensor, parts[name]), name


@pytest.mark.parametrize("moment", ["forward", "step"])
def test_a_signal_in_the_middle_of_a_step_waits_for_its_end(
    table, tmp_path, monkeypatch, moment, train, weights
):
    """Neither half a step nor one that is counted twice may reach the checkpoint."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    train(table, tmp_path / "whole")
    struck = []

    def strike_once():
        if not struck:
            struck.append(True)
            signal.raise_signal(signal.SIGINT)

    if moment == "forward":
        own = TrainingForm.forward

        def forward(self, low):
            output = own(self, low)
            strike_once()
            return output

        monkeypatch.setattr(TrainingForm, "forward", forward)
    else:
        own_step = torch.optim.AdamW.step

        def step(self, *arguments, **options):
            result = own_step(self, *arguments, **options)
            strike_once()
            return result

        monkeypatch.setattr(torch.optim.AdamW, "step", step)
    with pytest.raises(KeyboardInterrupt):
        train(table, tmp_path / "parts")
    signal.signal(signal.SIGINT, before)
    train(table, tmp_path / "parts", resume=True)
    whole, parts = weights(tmp_path / "whole"), weights(tmp_path / "parts")
    assert all(torch.equal(tensor, parts[name]) for name, tensor in whole.items())


@pytest.mark.parametrize("step", [1, 3])
def test_an_error_within_a_step_saves_nothing_of_it(table, tmp_path, monkeypatch, train, step):
    """Memory that does not suffice: the corrected command must not find a training."""
    steps, own = [], torch.optim.AdamW.step

    def short_of_memory(self, *arguments, **options):
        steps.append(own(self, *arguments, **options))
        if len(steps) == step:
            raise torch.OutOfMemoryError("out of memory")

    with monkeypatch.context() as patch:
        patch.setattr(torch.optim.AdamW, "step", short_of_memory)
        with pytest.raises(torch.OutOfMemoryError):
            train(table, tmp_path / "run")
    assert not (tmp_path / "run" / LAST).exists()
    train(table, tmp_path / "run")


def test_an_error_between_two_steps_saves_what_was_done(table, tmp_path):
    def disk_full(tick):
        if tick.progress.step == 3:
            raise OSError(28, "No space left on device")

    with pytest.raises(OSError, match="No space left"):
        Trainer(from_table(table), tmp_path / "run").run(disk_full)
    assert checkpoints.peek(tmp_path / "run" / LAST).progress.step == 3


def test_an_interrupt_before_the_first_step_saves_nothing(table, tmp_path, monkeypatch):
    def interrupted(recipe, step, share):
        raise KeyboardInterrupt

    monkeypatch.setattr("upscaler_train.training.trainer.learning_rate", interrupted)
    with pytest.raises(KeyboardInterrupt):
        Trainer(from_table(table), tmp_path / "run").run(lambda tick: None)
    assert not (tmp_path / "run" / LAST).exists()


def test_two_trainings_into_one_folder_are_refused(table, tmp_path):
    trainer = Trainer(from_table(table), tmp_path / "run")

    def meanwhile(tick):
        if tick.progress.step > 1:
            return
        with pytest.raises(StartError, match="another process trains into"):
            Trainer(from_table(table), tmp_path / "run").run(lambda tick: None)
        (tmp_path / "seen").touch()

    trainer.run(meanwhile)
    assert (tmp_path / "seen").exists()


def test_a_finished_training_resumes_to_nothing(table, tmp_path, train, weights):
    train(table, tmp_path / "run")
    before = weights(tmp_path / "run")
    train(table, tmp_path / "run", resume=True)
    after = weights(tmp_path / "run")
    assert all(torch.equal(before[name], after[name]) for name in before)


def test_a_training_is_never_overwritten_by_another(table, tmp_path, train):
    train(table, tmp_path / "run")
    with pytest.raises(UsageError, match="--resume"):
        train(table, tmp_path / "run")
    table["network"]["widths"] = [8, 16]
    with pytest.raises(UsageError, match="another network.widths; give another --out"):
        train(table, tmp_path / "run", resume=True)


def test_another_scale_starts_from_the_trunk(table, tmp_path, train):
    train(table, tmp_path / "x2")
    table["start"] = str(tmp_path / "x2" / LAST)
    table["network"]["scale"] = 4
    trainer = Trainer(from_table(table), tmp_path / "x4")
    source = checkpoints.load_checkpoint(tmp_path / "x2" / LAST).part("ema")
    own = trainer.network.state_dict()
    assert torch.equal(own["body.down.weight"], source["body.down.weight"])
    assert (own["tail.weight"] == 0).all()
    trainer.run(lambda tick: None)
    assert checkpoints.load_checkpoint(tmp_path / "x4" / LAST).start == "tiny-x2 after 8 steps"


def test_a_training_starts_from_a_packaged_model_by_its_name(table, tmp_path, train):
    model = find_model("fast", 2)
    table["start"] = "fast-x2"
    table["network"] = {"scale": 4, "widths": [32, 48], "encoder": 1, "decoder": 1, "blocks": 1}
    trainer = Trainer(from_table(table), tmp_path / "x4")
    own, source = trainer.network.state_dict(), network_of(model).state_dict()
    assert torch.equal(own["body.down.weight"], source["body.down.weight"])
    trainer.run(lambda tick: None)
    origin = checkpoints.load_checkpoint(tmp_path / "x4" / LAST).start
    assert origin == f"fast-x2 after {model.spec.training.steps:,} steps"


def test_a_start_may_lack_the_context(table, tmp_path, train):
    train(table, tmp_path / "plain")
    table["start"] = str(tmp_path / "plain" / LAST)
    table["network"] |= {"context": 6, "context_blocks": 1}
    own = Trainer(from_table(table), tmp_path / "other").network.state_dict()
    source = checkpoints.load_checkpoint(tmp_path / "plain" / LAST).part("ema")
    assert all(torch.equal(own[name], values) for name, values in source.items())
    assert (own["body.below.context.up.weight"] == 0).all()


def test_a_start_of_other_widths_is_refused(table, tmp_path, train):
    train(table, tmp_path / "x2")
    table["start"] = str(tmp_path / "x2" / LAST)
    table["network"]["widths"] = [9, 10]
    with pytest.raises(ModelError, match="has other sizes"):
        Trainer(from_table(table), tmp_path / "other")


def test_other_files_are_no_checkpoints(tmp_path):
    (tmp_path / "x").write_bytes(b"\x80\x04K*.")  # a pickle: never executed
    for path in (tmp_path / "x", tmp_path / "missing"):
        with pytest.raises(ModelError, match="no.* checkpoint"):
            checkpoints.load_checkpoint(path)


def test_plain_adam_without_average_trains_and_resumes_exactly(table, tmp_path, train, weights):
    table["schedule"] |= {"decay": "constant", "warmup": 0, "mse_from": 0.0}
    table["optimisation"] = {"optimiser": "adam", "clip": 0.0, "ema": 0.0, "weight_decay": 1e-5}
    ticks = train(table, tmp_path / "whole")
    assert {tick.rate for tick in ticks} == {2e-3}
    train(table, tmp_path / "parts", steps=5)
    train(table, tmp_path / "parts", resume=True)
    whole, parts = weights(tmp_path / "whole"), weights(tmp_path / "parts")
    assert not any(name.startswith("ema.") for name in whole)
    assert all(torch.equal(tensor, parts[name]) for name, tensor in whole.items())
