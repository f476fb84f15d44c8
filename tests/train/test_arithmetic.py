"""A training computes in bfloat16 where the hardware does, and says in what it computed."""

import pytest

torch = pytest.importorskip("torch", reason="needs the [train] extra")

from upscaler.hardware.cpu import cores
from upscaler.hardware.system import processor
from upscaler_train.networks.build import TrainingForm
from upscaler_train.training import checkpoint as checkpoints
from upscaler_train.training import trainer as loop
from upscaler_train.training.devices import computes_bf16
from upscaler_train.training.trainer import LAST


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
    table, tmp_path, monkeypatch, hardware, asked, train
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
    saved = checkpoints.load_checkpoint(tmp_path / "run" / LAST)
    assert saved.arithmetic == ("bf16" if used else "fp32")


def test_a_training_that_goes_on_in_another_arithmetic_says_so(table, tmp_path, monkeypatch, train):
    monkeypatch.setattr(loop, "computes_bf16", lambda device: True)
    train(table, tmp_path / "run", steps=3)
    monkeypatch.setattr(loop, "computes_bf16", lambda device: False)
    for steps in (5, 6):
        train(table, tmp_path / "run", steps=steps, resume=True)
        assert checkpoints.load_checkpoint(tmp_path / "run" / LAST).arithmetic == "bf16, then fp32"


@pytest.mark.parametrize(
    ("hardware", "asked", "said"),
    [
        (True, True, "convolutions in bfloat16"),
        (True, False, "in float32 as the recipe says"),
        (False, True, "in float32: it has no instructions for bfloat16"),
    ],
)
def test_a_training_begins_with_a_line_on_how_it_computes(
    table, tmp_path, monkeypatch, command, hardware, asked, said, recipe_file
):
    monkeypatch.setattr(loop, "computes_bf16", lambda device: hardware)
    table["run"]["bf16"] = asked
    code, _, err = command("train", recipe_file(table), "-o", tmp_path / "run")
    assert code == 0
    assert err.splitlines()[0] == f"tiny on 1 of {cores()} cores of an {processor()}, {said}"
