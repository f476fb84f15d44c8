"""Files of weights are read, and nothing that is in them is run."""

import os
import pickle
import zipfile

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="needs the [pth] extra")
safetensors = pytest.importorskip("safetensors.torch", reason="needs the [pth] extra")

from upscaler.errors import ModelError
from upscaler.models.spec import CHECKPOINT_KEY
from upscaler_export.foreign.reading import read_weights

FORMATS = {"zip": True, "legacy": False}
WEIGHTS = {"conv.weight": torch.arange(24.0).reshape(2, 3, 2, 2), "conv.bias": torch.ones(2)}


class Evil:
    """Writes a file when it is unpickled."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return os.mkdir, (str(self.path),)


def reason(path):
    with pytest.raises(ModelError) as error:
        read_weights(path)
    assert str(error.value).startswith(str(path)) and "\n" not in str(error.value)
    return str(error.value)


def same(found, expected=WEIGHTS):
    assert found.keys() == expected.keys()
    return all(torch.equal(found[name], expected[name]) for name in expected)


@pytest.mark.parametrize("archive", FORMATS.values(), ids=FORMATS)
def test_pickles_of_weights_are_read(tmp_path, archive):
    path = tmp_path / "net.pth"
    torch.save({"params": WEIGHTS}, path, _use_new_zipfile_serialization=archive)
    assert same(read_weights(path)["params"])


@pytest.mark.parametrize("archive", FORMATS.values(), ids=FORMATS)
def test_parameters_are_weights(tmp_path, archive):
    path = tmp_path / "net.pth"
    parameters = {name: torch.nn.Parameter(value) for name, value in WEIGHTS.items()}
    torch.save(parameters, path, _use_new_zipfile_serialization=archive)
    assert same(read_weights(path))


def test_what_a_file_is_its_content_says(tmp_path):
    for name in ("net.pth", "net.safetensors"):
        safetensors.save_file(WEIGHTS, tmp_path / name)
        assert same(read_weights(tmp_path / name))


@pytest.mark.parametrize("archive", FORMATS.values(), ids=FORMATS)
def test_what_a_pickle_would_run_is_named_and_not_run(tmp_path, archive):
    path, made = tmp_path / "net.pth", tmp_path / "made"
    torch.save({**WEIGHTS, "x": Evil(made)}, path, _use_new_zipfile_serialization=archive)
    assert "would run posix.mkdir" in reason(path)
    assert not made.exists()


def test_a_pickle_that_torch_did_not_write_is_not_run_either(tmp_path):
    path, made = tmp_path / "net.pth", tmp_path / "made"
    path.write_bytes(pickle.dumps(Evil(made), protocol=4))
    reason(path)
    assert not made.exists()


def test_torchscript_is_refused_before_torch_sees_it(tmp_path, monkeypatch):
    path = tmp_path / "net.pth"
    torch.jit.save(torch.jit.trace(torch.nn.Conv2d(3, 3, 1), torch.rand(1, 3, 4, 4)), str(path))
    monkeypatch.setattr(torch, "load", lambda *_, **__: pytest.fail("torch saw it"))
    assert "TorchScript, a program" in reason(path)


@pytest.mark.parametrize("archive", FORMATS.values(), ids=FORMATS)
def test_numbers_of_numpy_are_named(tmp_path, archive):
    path = tmp_path / "net.pth"
    facts = {**WEIGHTS, "psnr": np.float64(30)}
    torch.save(facts, path, _use_new_zipfile_serialization=archive)
    assert "save it as safetensors" in reason(path)


@pytest.mark.parametrize("share", [0.02, 0.5, 0.98])
@pytest.mark.parametrize("kind", ["zip", "legacy", "safetensors"])
def test_a_file_that_is_cut_off_says_so(tmp_path, kind, share):
    path = tmp_path / "net.pth"
    large = {"conv.weight": torch.rand(64, 64, 3, 3)}
    if kind == "safetensors":
        safetensors.save_file(large, path)
    else:
        torch.save(large, path, _use_new_zipfile_serialization=FORMATS[kind])
    path.write_bytes(path.read_bytes()[: int(share * path.stat().st_size)])
    assert "cut off or damaged" in reason(path)


@pytest.mark.parametrize("content", [b"", b"PK", b"Not a model, but a letter.", bytes(100)])
def test_what_is_no_file_of_weights_says_so(tmp_path, content):
    path = tmp_path / "net.pth"
    path.write_bytes(content)
    assert "no file of weights" in reason(path)


def test_an_archive_of_something_else_says_so(tmp_path):
    path = tmp_path / "net.pth"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("letter.txt", "hello")
    assert "no file of weights" in reason(path)


def test_a_list_of_weights_is_none_by_name(tmp_path):
    torch.save(list(WEIGHTS.values()), tmp_path / "net.pth")
    assert "no weights by name" in reason(tmp_path / "net.pth")


def test_a_file_that_is_not_there_says_so(tmp_path):
    assert "No such file" in reason(tmp_path / "net.pth")


def test_a_checkpoint_of_ours_leads_to_export(tmp_path):
    path = tmp_path / "last.safetensors"
    safetensors.save_file(WEIGHTS, path, {CHECKPOINT_KEY: "{}"})
    assert "`upscaler export` makes a model of it" in reason(path)
