import json
import shutil
import signal
import subprocess
import sys

import numpy as np
import pytest
from PIL import Image

torch = pytest.importorskip("torch", reason="needs the [train] extra")

from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from upscaler.errors import ModelError, StartError, UsageError
from upscaler.hardware.cpu import cores, processor
from upscaler.models import find_model
from upscaler.models.weights import network_of
from upscaler_train.display.progress import TrainingDisplay
from upscaler_train.networks.build import TrainingForm, check_memory
from upscaler_train.recipe_file import from_table
from upscaler_train.training import checkpoint as checkpoints
from upscaler_train.training import trainer as loop
from upscaler_train.training.devices import computes_bf16
from upscaler_train.training.trainer import LAST, Trainer, _check_batch


@pytest.fixture
def table(tmp_path, rng):
    folder = tmp_path / "pictures"
    folder.mkdir()
    y, x = np.mgrid[0:64, 0:64]
    for number in range(3):
        waves = 127 + 100 * np.sin((x * (number + 1) + y * 2) / 6)[..., None]
        image = np.clip(waves + rng.normal(0, 5, (64, 64, 3)), 0, 255).astype(np.uint8)
        Image.fromarray(image).save(folder / f"{number}.png")
    return {
        "name": "tiny",
        "network": {"scale": 2, "widths": [8, 8]},
        "data": {"train": str(folder), "val": str(folder), "patch": 12, "batch": 4},
        "schedule": {"steps": 8, "warmup": 2},
        "run": {"threads": 1},
    }


def train(table, folder, steps=None, resume=False):
    trainer = Trainer(from_table(table), folder, resume=resume)
    ticks = []

    def watch(tick):
        ticks.append(tick)
        if steps and tick.progress.step == steps:
            raise InterruptedError

    try:
        trainer.run(watch)
    except InterruptedError:
        pass
    return ticks


def weights(folder):
    return checkpoints.load(folder / LAST).tensors


def test_training_learns_and_ends_at_zero(table, tmp_path):
    table["schedule"] = {"steps": 60, "warmup": 5}
    ticks = train(table, tmp_path / "run")
    assert ticks[-1].rate < 1e-3 * max(tick.rate for tick in ticks)
    assert ticks[-1].progress.step == 60
    assert np.mean([t.loss for t in ticks[40:52]]) < np.mean([t.loss for t in ticks[:12]])
    assert ticks[-1].val.psnr_y > 20
    assert 0 < ticks[-1].val.mse < 0.02


@pytest.mark.parametrize("mse_from", [0.0, 1.0])
def test_a_loss_that_is_kept_holds_no_more_than_a_number(table, tmp_path, mse_from):
    """The log keeps the losses between two looks: torch's MSE is a view of a whole batch."""
    table["schedule"] |= {"mse_from": mse_from}
    for tick in train(table, tmp_path / "run"):
        assert tick.loss.untyped_storage().nbytes() == tick.loss.element_size()


@pytest.mark.parametrize("optimiser", ["adamw", "muon"])
def test_resume_is_exact(table, tmp_path, optimiser):
    table["optimisation"] = {"optimiser": optimiser}
    train(table, tmp_path / "whole")
    train(table, tmp_path / "parts", steps=5)
    train(table, tmp_path / "parts", resume=True)
    whole, parts = weights(tmp_path / "whole"), weights(tmp_path / "parts")
    assert whole.keys() == parts.keys()
    for name, tensor in whole.items():
        assert torch.equal(tensor, parts[name]), name


@pytest.mark.parametrize("moment", ["forward", "step"])
def test_a_signal_in_the_middle_of_a_step_waits_for_its_end(table, tmp_path, monkeypatch, moment):
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


def test_the_statistics_of_a_normalisation_are_averaged_too(table, tmp_path):
    table["network"] = {"family": "seed", "size": 64, "widths": [8], "decoder": ["tanh"]}
    table["network"]["normalisation"] = "batch"
    table["data"] |= {"patch": 0, "low": "same-size"}
    train(table, tmp_path / "run")
    ema = checkpoints.load(tmp_path / "run" / LAST).part("ema")
    assert ema["encoder.0.1.running_mean"].abs().sum() > 0


def test_a_finished_training_resumes_to_nothing(table, tmp_path):
    train(table, tmp_path / "run")
    before = weights(tmp_path / "run")
    train(table, tmp_path / "run", resume=True)
    after = weights(tmp_path / "run")
    assert all(torch.equal(before[name], after[name]) for name in before)


def test_a_training_is_never_overwritten_by_another(table, tmp_path):
    train(table, tmp_path / "run")
    with pytest.raises(UsageError, match="--resume"):
        train(table, tmp_path / "run")
    table["network"]["widths"] = [8, 16]
    with pytest.raises(UsageError, match="another network.widths; give another --out"):
        train(table, tmp_path / "run", resume=True)


def test_a_diverged_training_keeps_its_last_checkpoint(table, tmp_path):
    table["schedule"] = {"steps": 4, "learning_rate": 1e38, "warmup": 0}
    table["optimisation"] = {"clip": 0.0}
    with pytest.raises(StartError, match="diverged at step 4"):
        train(table, tmp_path / "run")
    assert not (tmp_path / "run" / LAST).exists()


def test_a_budget_in_minutes_ends(table, tmp_path):
    table["schedule"] = {"minutes": 0.02, "warmup": 2}
    ticks = train(table, tmp_path / "run")
    assert ticks[-1].share == 1
    assert 0.9 < ticks[-1].progress.seconds < 10


def test_another_scale_starts_from_the_trunk(table, tmp_path):
    train(table, tmp_path / "x2")
    table["start"] = str(tmp_path / "x2" / LAST)
    table["network"]["scale"] = 4
    trainer = Trainer(from_table(table), tmp_path / "x4")
    source = checkpoints.load(tmp_path / "x2" / LAST).part("ema")
    own = trainer.network.state_dict()
    assert torch.equal(own["body.down.weight"], source["body.down.weight"])
    assert (own["tail.weight"] == 0).all()
    trainer.run(lambda tick: None)
    assert checkpoints.load(tmp_path / "x4" / LAST).start == "tiny-x2 after 8 steps"


def test_a_training_starts_from_a_packaged_model_by_its_name(table, tmp_path):
    model = find_model("fast", 2)
    table["start"] = "fast-x2"
    table["network"] = {"scale": 4, "widths": [32, 48], "encoder": 1, "decoder": 1, "blocks": 1}
    trainer = Trainer(from_table(table), tmp_path / "x4")
    own, source = trainer.network.state_dict(), network_of(model).state_dict()
    assert torch.equal(own["body.down.weight"], source["body.down.weight"])
    trainer.run(lambda tick: None)
    origin = checkpoints.load(tmp_path / "x4" / LAST).start
    assert origin == f"fast-x2 after {model.spec.training.steps:,} steps"


def test_a_start_may_lack_the_context(table, tmp_path):
    train(table, tmp_path / "plain")
    table["start"] = str(tmp_path / "plain" / LAST)
    table["network"] |= {"context": 6, "context_blocks": 1}
    own = Trainer(from_table(table), tmp_path / "other").network.state_dict()
    source = checkpoints.load(tmp_path / "plain" / LAST).part("ema")
    assert all(torch.equal(own[name], values) for name, values in source.items())
    assert (own["body.below.context.up.weight"] == 0).all()


def test_a_start_of_other_widths_is_refused(table, tmp_path):
    train(table, tmp_path / "x2")
    table["start"] = str(tmp_path / "x2" / LAST)
    table["network"]["widths"] = [9, 10]
    with pytest.raises(ModelError, match="has other sizes"):
        Trainer(from_table(table), tmp_path / "other")


def test_other_files_are_no_checkpoints(tmp_path):
    (tmp_path / "x").write_bytes(b"\x80\x04K*.")  # a pickle: never executed
    for path in (tmp_path / "x", tmp_path / "missing"):
        with pytest.raises(ModelError, match="no.* checkpoint"):
            checkpoints.load(path)


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


def test_a_look_at_the_validation_pictures_every_epoch(table, tmp_path):
    table["run"]["check_epochs"] = 2
    looks = [tick.progress.step for tick in train(table, tmp_path / "run") if tick.val]
    assert looks == [2, 4, 6, 8]


def test_plain_adam_without_average_trains_and_resumes_exactly(table, tmp_path):
    table["schedule"] |= {"decay": "constant", "warmup": 0, "mse_from": 0.0}
    table["optimisation"] = {"optimiser": "adam", "clip": 0.0, "ema": 0.0, "weight_decay": 1e-5}
    ticks = train(table, tmp_path / "whole")
    assert {tick.rate for tick in ticks} == {2e-3}
    train(table, tmp_path / "parts", steps=5)
    train(table, tmp_path / "parts", resume=True)
    whole, parts = weights(tmp_path / "whole"), weights(tmp_path / "parts")
    assert not any(name.startswith("ema.") for name in whole)
    assert all(torch.equal(tensor, parts[name]) for name, tensor in whole.items())


@pytest.mark.parametrize(
    ("able", "computes"),
    [({"avx2": True}, False), ({"avx512_bf16": True}, True), ({"amx_bf16": True}, True)],
)
def test_a_cpu_computes_bfloat16_if_it_has_instructions_for_it(monkeypatch, able, computes):
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: able)
    assert computes_bf16(torch.device("cpu")) is computes


def test_torch_tells_what_the_cpu_can_do():
    able = torch.cpu.get_capabilities()
    if able["architecture"] == "x86_64":  # or the names would have changed
        assert {"avx512_bf16", "amx_bf16"} <= able.keys()


@pytest.mark.parametrize(("hardware", "asked"), [(True, True), (True, False), (False, True)])
def test_bfloat16_only_where_the_hardware_computes_it(
    table, tmp_path, monkeypatch, hardware, asked
):
    seen = set()
    own = TrainingForm.forward

    def forward(self, low):
        handle = self.network.head.register_forward_hook(
            lambda module, inputs, output: seen.add(output.dtype)
        )
        output = own(self, low)
        handle.remove()
        return output

    monkeypatch.setattr(TrainingForm, "forward", forward)
    monkeypatch.setattr(loop, "computes_bf16", lambda device: hardware)
    table["run"]["bf16"] = asked
    table["schedule"] = {"steps": 1}
    train(table, tmp_path / "run")
    used = hardware and asked
    assert seen == {torch.bfloat16 if used else torch.float32}
    saved = checkpoints.load(tmp_path / "run" / LAST)
    assert saved.arithmetic == ("bf16" if used else "fp32")


def test_a_training_that_goes_on_in_another_arithmetic_says_so(table, tmp_path, monkeypatch):
    monkeypatch.setattr(loop, "computes_bf16", lambda device: True)
    train(table, tmp_path / "run", steps=3)
    monkeypatch.setattr(loop, "computes_bf16", lambda device: False)
    for steps in (5, 6):
        train(table, tmp_path / "run", steps=steps, resume=True)
        assert checkpoints.load(tmp_path / "run" / LAST).arithmetic == "bf16, then fp32"


@pytest.mark.parametrize(
    ("hardware", "asked", "said"),
    [
        (True, True, "convolutions in bfloat16"),
        (True, False, "in float32 as the recipe says"),
        (False, True, "in float32: it has no instructions for bfloat16"),
    ],
)
def test_a_training_begins_with_a_line_on_how_it_computes(
    table, tmp_path, monkeypatch, command, hardware, asked, said
):
    monkeypatch.setattr(loop, "computes_bf16", lambda device: hardware)
    table["run"]["bf16"] = asked
    code, _, err = command("train", recipe_file(table, tmp_path), "-o", tmp_path / "run")
    assert code == 0
    assert err.splitlines()[0] == f"tiny on 1 of {cores()} cores of an {processor()}, {said}"


def recipe_file(table, folder):
    sections = (f"[{k}]\n" + "".join(f"{n} = {json.dumps(v)}\n" for n, v in t.items())
                for k, t in table.items() if isinstance(t, dict))  # fmt: skip
    path = folder / "tiny.toml"
    path.write_text("name = 'tiny'\n" + "\n".join(sections))
    return path


@pytest.mark.slow
@pytest.mark.ci
def test_two_processes_train_what_one_trains(table, tmp_path):
    table["schedule"] = {"steps": 6, "warmup": 2}
    table["run"]["bf16"] = False
    recipe = recipe_file(table, tmp_path)
    for count in (1, 2):
        start = [sys.executable, "-m", "torch.distributed.run", "--nproc-per-node", str(count)]
        rest = ["-m", "upscaler", "train", str(recipe), "-o", str(tmp_path / str(count))]
        done = subprocess.run(start + rest, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        assert done.stdout.count("6 steps") == 1
    one, two = checkpoints.load(tmp_path / "1" / LAST), checkpoints.load(tmp_path / "2" / LAST)
    for name, tensor in one.part("ema").items():
        assert torch.allclose(tensor, two.part("ema")[name], atol=1e-4), name
    assert two.machine == f"2 x {one.machine}"


def test_a_batch_that_the_processes_cannot_share_is_refused(table):
    with pytest.raises(UsageError, match="3 processes cannot share a batch of 4"):
        _check_batch(from_table(table), 3)


@pytest.mark.skipif(shutil.which("c++") is None, reason="torch.compile needs a C++ compiler")
@pytest.mark.slow
def test_a_compiled_training_learns_the_same(table, tmp_path):
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
