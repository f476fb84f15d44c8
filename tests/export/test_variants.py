"""Files in reduced precision: proved, read back, and bound to the weights they were made of."""

import shutil
from dataclasses import replace

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="needs the [export] extra")
onnx = pytest.importorskip("onnx", reason="needs the [export] extra")

import onnxruntime as ort

from upscaler import Upscaler
from upscaler.errors import ModelError, ProofError, RuntimeUnavailable, UsageError
from upscaler.images import FORMATS, Picture, save_picture
from upscaler.models import read_model
from upscaler.models.network import AutoEncoder
from upscaler.models.spec import METADATA_KEY, Architecture, Trained, Training
from upscaler.runtimes import RUNTIMES
from upscaler_export import variants
from upscaler_export.checkpoint import read_source
from upscaler_export.export import export_network, weights_sha256
from upscaler_export.graph import convolution_types, to_onnx
from upscaler_export.proof import PHOTOGRAPH, photograph, run_torch

TRAINED = Trained("tiny", Architecture(scale=2, widths=(8, 8)), Training(data="noise", steps=1))


def a_network(seed=1):
    torch.manual_seed(seed)
    network = AutoEncoder(TRAINED.architecture).eval()
    torch.nn.init.normal_(network.tail.weight, std=0.02)
    return network


@pytest.fixture(scope="module")
def exported(tmp_path_factory):
    """A model with all its variants, made once; `done` is a copy that a test may damage."""
    photographs, out = tmp_path_factory.mktemp("photographs"), tmp_path_factory.mktemp("out")
    shutil.copy(PHOTOGRAPH, photographs)
    return export_network(a_network(), TRAINED, out, [], fp16=True, photographs=photographs)


@pytest.fixture
def done(exported, tmp_path):
    shutil.copytree(exported.path.parent, tmp_path / "out")
    return replace(exported, path=tmp_path / "out" / exported.path.name)


def test_every_variant_lies_beside_the_model_with_its_proof(done):
    names = {path.name for path in done.path.parent.iterdir()}
    expected = {f"tiny-x2{kind}.onnx" for kind in ("", ".fp16", ".fp16-u8", ".int8")}
    assert names == {*expected, "tiny-x2.md"}
    card = done.path.with_suffix(".md").read_text()
    for name, proof in done.variants.items():
        spec = read_model(done.path.with_name(name)).spec
        assert spec.precision in name
        assert spec.proof["psnr"] == pytest.approx(proof.psnr, abs=1e-3)
        assert spec.weights_sha256 == done.spec.weights_sha256
        assert name in card


def test_precision_is_read_back_from_the_graph(done):
    def types(kind):
        return set(convolution_types(onnx.load(done.path.with_name(f"tiny-x2{kind}.onnx"))))

    assert types("") == {"float32"}
    assert types(".fp16") == types(".fp16-u8") == {"float16"}
    assert types(".int8") == {"float32", "int8"}


def test_pixels_go_in_and_come_out_as_bytes(done):
    session = ort.InferenceSession(done.path.with_name("tiny-x2.fp16-u8.onnx"))
    small = np.rint(photograph() * 255).astype(np.uint8).transpose(0, 2, 3, 1)
    large = session.run(None, {"image": np.ascontiguousarray(small)})[0]
    expected = run_torch(a_network(), (small / np.float32(255)).transpose(0, 3, 1, 2).copy())
    expected = np.rint(np.clip(expected, 0, 1) * 255).transpose(0, 2, 3, 1)
    assert large.dtype == np.uint8
    assert np.abs(large.astype(int) - expected).max() <= 1


def test_a_file_of_the_wrong_precision_is_no_variant():
    with pytest.raises(ProofError, match="computes its convolutions in float32"):
        variants.prove(a_network(), to_onnx(a_network()), "fp16", [])


def test_a_model_without_convolutions_has_no_precision_to_read():
    model = to_onnx(a_network())
    rest = [node for node in model.graph.node if node.op_type != "Conv"]
    del model.graph.node[:]
    model.graph.node.extend(rest)
    with pytest.raises(ProofError, match="has no convolution to read its precision from"):
        variants.prove(a_network(), model, "fp16", [])


def test_a_variant_that_loses_too_much_is_refused(tmp_path, folder, monkeypatch):
    monkeypatch.setitem(variants.LOSS_BOUND, "int8", -1.0)
    with pytest.raises(ProofError, match="the int8 model loses .* nothing was written"):
        export_network(a_network(), TRAINED, tmp_path / "out", [], photographs=folder)
    assert not (tmp_path / "out").exists()


def test_calibration_needs_photographs(tmp_path):
    (tmp_path / "empty").mkdir()
    with pytest.raises(UsageError, match="no pictures"):
        export_network(a_network(), TRAINED, tmp_path / "out", [], photographs=tmp_path / "empty")


def test_sixteen_bits_count_as_eight(tmp_path, photo):
    large = np.tile(photo, (2, 2, 1))
    folders = []
    for pixels in (large, large.astype(np.uint16) * 257):
        folders.append(tmp_path / str(pixels.dtype))
        folders[-1].mkdir()
        save_picture(Picture.from_pixels(pixels), folders[-1] / "a.png", FORMATS["png"])
    network = a_network()
    plain, deep = (variants.int8(network, folder) for folder in folders)
    assert plain == deep
    proofs = [variants.prove(network, plain, "int8", [folder]) for folder in folders]
    assert proofs[0] == proofs[1]


def test_calibration_says_which_photograph_it_cannot_read(tmp_path):
    (tmp_path / "bad.png").write_bytes(b"no image")
    with pytest.raises(UsageError, match=r"bad.png: not an image .* take it out"):
        variants.int8(a_network(), tmp_path)


@pytest.mark.parametrize("runtime", ["openvino", "cpu"])
def test_int8_runs_and_stays_close(done, photo, runtime):
    try:
        if "int8" not in RUNTIMES[runtime].load().precisions():
            pytest.skip("this CPU does not compute in int8")
    except RuntimeUnavailable as error:
        pytest.skip(str(error))
    model = str(done.path)
    ours = Upscaler(model, scale=2, runtime=runtime, precision="int8")(photo)
    exact = Upscaler(model, scale=2, runtime="cpu", precision="fp32")(photo)
    difference = np.abs(ours.astype(int) - exact)
    assert 0 < difference.mean() < 3


def test_int8_of_other_weights_is_refused(done):
    other = replace(done.spec, weights_sha256="0" * 64, precision="int8")
    path = done.path.with_name("tiny-x2.int8.onnx")
    model = onnx.load(path)
    onnx.helper.set_model_props(model, {METADATA_KEY: other.to_json()})
    onnx.save(model, path)
    with pytest.raises(RuntimeUnavailable, match="holds other weights"):
        Upscaler(str(done.path), scale=2, runtime="cpu", precision="int8")


def test_a_model_without_int8_says_how_to_make_it(tmp_path):
    model = export_network(a_network(), TRAINED, tmp_path, []).path
    with pytest.raises(RuntimeUnavailable, match="no tiny-x2.int8.onnx; make it with"):
        Upscaler(str(model), scale=2, runtime="cpu", precision="int8")


def test_a_reduced_file_is_not_a_model_of_its_own(done):
    with pytest.raises(ModelError, match="give the file without .int8, and --precision int8"):
        Upscaler(str(done.path.with_name("tiny-x2.int8.onnx")), scale=2)


def test_a_model_file_gives_its_network_back(done):
    network, trained = read_source(str(done.path))
    assert trained == TRAINED
    assert weights_sha256(network) == done.spec.weights_sha256
    network, trained = read_source("fast-x2")
    assert trained.name == "fast"
