import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="needs the [export] extra")
onnx = pytest.importorskip("onnx", reason="needs the [export] extra")

from click.testing import CliRunner

from upscaler import Upscaler
from upscaler.errors import ModelError, ProofError
from upscaler.hardware.system import processor
from upscaler.models.network import AutoEncoder
from upscaler.models.spec import Architecture, Trained, Training
from upscaler.quality.degradation import Degradation
from upscaler_export import export as export_module
from upscaler_export import quality
from upscaler_export.checkpoint import read_checkpoint
from upscaler_export.export import export_network, rounded
from upscaler_export.graph import to_onnx
from upscaler_export.proof import photograph, prove
from upscaler_export.variants import loss_in_bf16

CHAINS = tuple(map(Degradation.parse, ("jpeg:10", "noise:9,jpeg:90")))
TRAINED = Trained("tiny", Architecture(scale=3, widths=(4, 6)), Training(data="noise", steps=1))


@pytest.fixture
def network():
    torch.manual_seed(1)
    network = AutoEncoder(TRAINED.architecture).eval()
    torch.nn.init.normal_(network.tail.weight, std=0.02)
    return network


def test_an_exported_model_runs_by_its_path(network, tmp_path, photo):
    done = export_network(network, TRAINED, tmp_path, [])
    assert sorted(item.name for item in tmp_path.iterdir()) == ["tiny-x3.md", "tiny-x3.onnx"]
    ours = Upscaler(str(done.path), scale=3, runtime="cpu")(photo)
    with torch.inference_mode():
        image = torch.from_numpy(photo).permute(2, 0, 1)[None] / 255
        expected = (network(image)[0].clamp(0, 1) * 255).round().permute(1, 2, 0).numpy()
    assert np.abs(ours.astype(int) - expected).max() <= 1
    assert done.spec.weights_sha256 in (tmp_path / "tiny-x3.md").read_text()


def test_the_graph_is_plain(network):
    model = to_onnx(network)
    assert model.opset_import[0].version == 20
    operations = {node.op_type for node in model.graph.node}
    assert operations == {"Mul", "Conv", "Relu", "Add", "DepthToSpace", "Pad", "Concat"}
    for axis in (0, 2, 3):
        assert model.graph.input[0].type.tensor_type.shape.dim[axis].dim_param


def test_weights_that_float16_holds_are_stored_so_and_no_others(network):
    size, own = len(to_onnx(network).SerializeToString()), to_onnx(rounded(network))
    assert len(own.SerializeToString()) < size
    stored = {tensor.name: tensor.data_type for tensor in own.graph.initializer}
    large = {"network.body.down.weight", "network.tail.weight"}
    assert {f"{name}.half" for name in large} <= stored.keys()
    assert stored["network.base.weight"] == onnx.TensorProto.FLOAT
    assert prove(rounded(network), own.SerializeToString()) < 1e-5


def test_proof_refuses_another_network(network):
    other = AutoEncoder(TRAINED.architecture)
    torch.nn.init.normal_(other.tail.weight, std=0.2)
    model = to_onnx(other).SerializeToString()
    with pytest.raises(ProofError, match="more than 1; nothing was written"):
        prove(network, model)
    with pytest.raises(ProofError, match="does not run"):
        prove(network, b"no model")


def test_a_failed_proof_leaves_no_file(network, tmp_path, monkeypatch):
    def refuse(network, model):
        raise ProofError("they differ")

    monkeypatch.setattr(export_module, "prove", refuse)
    with pytest.raises(ProofError):
        export_network(network, TRAINED, tmp_path / "out", [])
    assert not (tmp_path / "out").exists()
    assert ProofError.exit_code == 3


def test_the_proof_picture_is_a_photograph():
    image = photograph()
    assert image.shape[:2] == (1, 3) and image.std() > 0.1


def test_scores_after_a_jpegs_losses_go_beside_them(network, tmp_path, folder):
    for degradations, names in (((), ["in"]), (CHAINS, ["in", "in jpeg:10", "in noise:9,jpeg:90"])):
        done = export_network(network, TRAINED, tmp_path, [folder], degradations=degradations)
        assert list(done.spec.quality) == names
    assert done.spec.quality["in jpeg:10"] < done.spec.quality["in"]
    card = (tmp_path / "tiny-x3.md").read_text()
    assert f"| in jpeg:10 | {done.spec.quality['in jpeg:10']:.2f} |" in card


def test_scores_go_into_the_description(network, tmp_path, folder):
    spec = export_network(network, TRAINED, tmp_path / "out", [folder]).spec
    assert 5 < spec.quality["in"] < 60
    assert spec.precision_loss["fp32"] == 0


def test_the_loss_in_bf16_is_known_where_no_runtime_computes_it(
    network, tmp_path, folder, monkeypatch
):
    monkeypatch.setattr(quality, "_reduced_precisions", dict)
    expected = loss_in_bf16(rounded(network), [folder])
    assert expected != 0
    spec = export_network(network, TRAINED, tmp_path / "out", [folder]).spec
    assert spec.precision_loss["bf16"] == pytest.approx(max(expected, 0), abs=1e-4)


def test_the_command_exports_what_training_saved(tmp_path, folder):
    from upscaler.cli.main import commands

    recipe = tmp_path / "tiny-x2.toml"
    recipe.write_text(
        f"""
        name = "tiny"
        [network]
        widths = [4, 4]
        [data]
        train = "{folder}"
        val = "{folder}"
        description = "three pictures"
        patch = 4
        batch = 2
        [schedule]
        steps = 2
        [run]
        bf16 = false
        """
    )
    runner = CliRunner()
    arguments = ["train", str(recipe), "-o", str(tmp_path / "run")]
    assert runner.invoke(commands, arguments, catch_exceptions=False).exit_code == 0
    checkpoint = tmp_path / "run" / "last.safetensors"
    arguments = ["export", str(checkpoint), "-o", str(tmp_path / "models")]
    arguments += ["--note", "Two steps | more\nwould help."]
    result = runner.invoke(commands, arguments, catch_exceptions=False)
    assert "checked" in result.output
    card = (tmp_path / "models" / "tiny-x2.md").read_text()
    assert "three pictures" in card and "2 steps" in card
    assert f"cores of an {processor()}, fp32 |" in card
    assert "| Note | Two steps \\| more would help. |" in card


def test_other_files_are_no_checkpoints(tmp_path):
    (tmp_path / "x").write_bytes(b"\x80\x04K*.")
    with pytest.raises(ModelError, match="cannot read the checkpoint"):
        read_checkpoint(tmp_path / "x")
