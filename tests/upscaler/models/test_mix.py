"""Models between a clean one and its restorer: `--restore`."""

import json
import pickle
import subprocess
from dataclasses import replace

import numpy as np
import onnxruntime as ort
import pytest
from onnx import numpy_helper
from PIL import Image

from upscaler import Upscaler
from upscaler.batch.report import Status
from upscaler.errors import RuntimeUnavailable, UsageError
from upscaler.models import FOLDER, find_model, mix
from upscaler.models.probe import encode, largest_difference
from upscaler.runtimes import RuntimeRequest, open_runtime
from upscaler.runtimes.upgrade import build_command

PAIRS = [(*pair, scale) for pair in mix.RESTORERS.items() for scale in (2, 4)]


def weights(model, precision="fp32"):
    stored = model.load(precision).graph.initializer
    return {item.name: numpy_helper.to_array(item) for item in stored}


@pytest.mark.parametrize(("clean", "restorer", "scale"), PAIRS)
def test_restorers_differ_in_their_weights_and_a_context_only(clean, restorer, scale):
    first, second = find_model(clean, scale), find_model(restorer, scale)
    assert first.spec.architecture == replace(second.spec.architecture, context=0, context_blocks=0)
    for precision in ("fp32", "fp16"):
        own, its = (
            {
                item.name: (item.data_type, list(item.dims))
                for item in model.load(precision).graph.initializer
                if item.name.startswith("network.")
            }
            for model in (first, second)
        )
        assert own.items() <= its.items()
        assert all(".context." in name for name in its.keys() - own.keys())


@pytest.mark.parametrize(
    "name", ["balanced", "photo", "photo-x2", str(FOLDER / "balanced-x2.onnx")]
)
def test_the_ends_are_the_plain_models(name):
    assert find_model(name, 2, 0) == find_model("balanced", 2)
    assert find_model(name, 2, 1) == find_model("photo", 2)
    assert find_model(name, 2, 0.5) == find_model("balanced", 2, 0.5)


def test_where_only_one_is_made_for_a_scale_the_next_larger_pair_is_mixed():
    assert find_model("balanced", 3).spec.scale == find_model("balanced", 3, 0).spec.scale == 3
    assert find_model("photo", 3).spec.scale == find_model("photo", 3, 1).spec.scale == 4
    for name in ("balanced", "photo", "balanced-x3"):
        assert find_model(name, 3, 0.5) == find_model("balanced", 4, 0.5)
    assert find_model("balanced", 2.5, 0).spec.scale == 3


def test_restorers_without_a_common_scale_cannot_be_mixed(monkeypatch):
    monkeypatch.setattr(
        mix, "packaged_models", lambda: [find_model("balanced", 3), find_model("photo", 4)]
    )
    with pytest.raises(UsageError, match="balanced and photo have no scale of 3 or more in common"):
        find_model("balanced", 3, 0.5)


@pytest.mark.parametrize(("clean", "restorer", "scale"), PAIRS)
@pytest.mark.parametrize("restore", [0.5, 0.3])
def test_each_weight_lies_between_the_two(clean, restorer, scale, restore):
    ends = [weights(find_model(name, scale)) for name in (clean, restorer)]
    mixed = weights(find_model(clean, scale, restore))
    assert list(mixed) == list(ends[1])
    changed = 0
    for name, values in mixed.items():
        second = ends[1][name]
        if not name.startswith("network.") or ".context.down." in name or ".context.bl" in name:
            assert (values == second).all() and values.dtype == second.dtype
            continue
        first = ends[0].get(name, np.zeros_like(second))
        if (first == second).all():  # the bicubic base, and what is no weight
            assert (values == first).all() and values.dtype == first.dtype
            continue
        changed += 1
        share = np.float32(restore)
        expected = np.float32(1 - restore) * np.float32(first) + share * np.float32(second)
        assert values.dtype == np.float32
        assert (values == expected).all()
    assert changed > 10


@pytest.mark.parametrize(("clean", "restorer", "scale"), PAIRS)
def test_near_the_clean_end_it_computes_what_the_clean_model_computes(
    clean, restorer, scale, photo
):
    photo = photo[:36, :52]  # whole blocks for both: a context takes blocks twice as large
    near = Upscaler(clean, scale=scale, restore=1e-6, runtime="cpu", precision="fp32")(photo)
    own = Upscaler(clean, scale=scale, runtime="cpu", precision="fp32")(photo)
    assert np.abs(near.astype(int) - own).max() <= 1
    assert (near != own).mean() < 0.01


def test_half_precision_is_mixed_in_float32_and_rounded_once():
    ends = [weights(find_model(name, 2), "fp16") for name in ("balanced", "photo")]
    mixed = weights(find_model("balanced", 2, 0.5), "fp16")
    name = "network.head.weight"
    first, second = (np.float32(end[name]) for end in ends)
    assert mixed[name].dtype == np.float16
    assert (mixed[name] == np.float16((first + second) / 2)).all()


@pytest.mark.parametrize("precision", ["fp32", "auto"])
@pytest.mark.parametrize("runtime", ["cpu", "openvino"])
def test_a_runtime_computes_what_lies_between(runtime, precision, photo):
    if runtime == "openvino":
        pytest.importorskip("openvino")

    def enlarged(restore):
        settings = {"scale": 2, "runtime": runtime, "precision": precision}
        return Upscaler(restore=restore, **settings)(photo).astype(int)

    low, middle, high = (enlarged(restore) for restore in (0, 0.5, 1))
    assert abs(middle - low).max() > 0 and abs(middle - high).max() > 0
    assert abs(middle - low).mean() < abs(high - low).mean()
    assert abs(middle - high).mean() < abs(high - low).mean()


def test_torch_gets_the_same_weights():
    torch = pytest.importorskip("torch", reason="needs the [export] extra")
    from upscaler.models.probe import probe_image
    from upscaler.models.weights import network_of

    model = find_model("balanced", 2, 0.5)
    with torch.inference_mode():
        output = network_of(model).aligned(torch.from_numpy(probe_image(2))).numpy()
    assert largest_difference(output, model.spec.probe) < 1e-4


def test_the_form_for_gpus_is_mixed_too(rng):
    """Bytes in, bytes out, in half precision; ONNX Runtime computes it on the CPU as well."""
    model = find_model("balanced", 2, 0.5)
    pixels = rng.integers(0, 256, (1, 32, 32, 3), np.uint8)
    session = ort.InferenceSession(model.source("fp16"), providers=["CPUExecutionProvider"])
    output = session.run(None, {session.get_inputs()[0].name: pixels})[0]
    expected = Upscaler(scale=2, restore=0.5, runtime="cpu", precision="fp32")(pixels[0])
    assert abs(output[0].astype(int) - expected).max() <= 2


@pytest.mark.parametrize("precision", ["fp32", "fp16"])
def test_tensorrt_builds_an_engine_of_its_own(precision):
    trt = pytest.importorskip("tensorrt_rtx", reason="needs the [tensorrt-rtx] extra")
    from upscaler.runtimes.tensorrt import build

    models = [find_model("balanced", 2, restore) for restore in (0, 0.5, 0.6)]
    keys = {build.engine_key(trt, model, precision, device=0).model for model in models}
    assert len(keys) == 3
    source = models[1].source(precision)
    assert build.build(trt, source, precision=precision, side=532, alignment=2)


def test_a_mix_has_to_make_its_own_probe(monkeypatch):
    model = find_model("balanced", 2, 0.5)
    assert model.spec.probe not in (
        find_model(name, 2).spec.probe for name in ("balanced", "photo")
    )
    assert open_runtime(RuntimeRequest(model), "cpu").runtime.proved
    wrong = replace(model, spec=replace(model.spec, probe=encode(np.zeros((1, 3, 48, 48)))))
    with pytest.raises(RuntimeUnavailable, match="differs from the right one"):
        open_runtime(RuntimeRequest(wrong), "cpu")


def test_nothing_is_proved_by_an_onnx_runtime_that_computes_wrongly(monkeypatch):
    right = mix.self_test
    monkeypatch.setattr(mix, "self_test", lambda source, found: right(source, found) * 0.9)
    mix._mix.cache_clear()
    with pytest.raises(RuntimeUnavailable, match="computes balanced-x2 wrongly here"):
        find_model("balanced", 2, 0.5)


def test_auto_takes_what_both_models_carry():
    spec = find_model("balanced", 2, 0.5).spec
    clean, restorer = (find_model(name, 2).spec for name in ("balanced", "photo"))
    assert set(spec.precision_loss) == {"fp32", "fp16", "bf16"}
    assert spec.precision_loss["bf16"] == max(
        clean.precision_loss["bf16"], restorer.precision_loss["bf16"]
    )
    assert spec.quality == {} and spec.weights_sha256 == ""


@pytest.mark.parametrize("restore", [-0.1, 1.01, float("nan"), float("inf")])
def test_places_that_are_none(restore):
    with pytest.raises(UsageError, match="give 0 to 1"):
        find_model("balanced", 2, restore)


def test_the_same_mix_is_the_same_everywhere():
    model = find_model("balanced", 2, 0.5)
    assert pickle.loads(pickle.dumps(model)).sha256 == model.sha256
    others = [find_model("balanced", 2, restore).sha256 for restore in (0, 0.25, 1)]
    assert len({model.sha256, *others}) == 4


def test_a_builder_in_another_process_finds_the_mix():
    command = build_command(RuntimeRequest(find_model("photo", 2, 0.5), "int8"), "cpu")
    with subprocess.Popen(command, stdin=-1, stderr=-1, text=True) as builder:
        said = builder.stderr.read()
    assert "weights in int8 cannot be mixed" in said


def test_another_place_is_done_again_and_an_end_is_the_plain_model(folder, tmp_path, run):
    def done(**settings):
        return run(folder, tmp_path / "out", **settings)[0].counts[Status.DONE]

    def done_again(**settings):
        with pytest.raises(UsageError, match="3 outputs were made with"):
            done(**settings)
        return done(overwrite=True, **settings)

    assert done(model="balanced", restore=0.5) == 3
    assert done(model="photo", restore=0.5) == 0
    assert done_again(model="balanced", restore=0.6) == 3
    assert done_again(model="balanced", restore=1) == 3
    assert done(model="photo") == 0
    assert done_again(model="balanced") == 3
    assert done(model="photo", restore=0) == 0


def test_a_run_says_what_it_mixes(command, folder, tmp_path, monkeypatch):
    monkeypatch.setenv("UPSCALER_RUN_RESTORE", "0.5")
    report = tmp_path / "report.json"
    arguments = ("run", folder, tmp_path / "out", "-m", "balanced", "-s", 2, "-r", "cpu")
    title = "balanced-x2 with 0.5 of photo"
    _, out, _ = command(*arguments, "--dry-run")
    assert f" MP with {title}," in out
    assert not (tmp_path / "out").exists()
    _, out, _ = command(*arguments, "--dry-run", "--json")
    assert json.loads(out.splitlines()[-1])["model"] == title
    code, out, err = command(*arguments, "--report", report)
    assert code == 0 and f"3 pictures, 2x, model {title}, on the processor" in err
    assert json.loads(report.read_text())["model"] == title
    code, out, _ = command("status", tmp_path / "out")
    assert title in out


@pytest.mark.parametrize(
    ("arguments", "expected", "reason"),
    [
        (("-m", "fast", "--restore", "0.5"), 2, "fast-x2 has no such partner"),
        (("-m", "fast", "--restore", "0"), 2, "-m balanced or -m photo"),
        (("-m", "balanced", "--restore", "2"), 2, "--restore is 2; give 0 to 1"),
        (("-m", "balanced", "--restore", "half"), 2, "'half' is not a valid float"),
        (("-m", "photo", "--restore", "0.5", "-p", "int8"), 3, "int8 cannot be mixed"),
    ],
)
def test_what_does_not_mix_is_said_in_one_line(
    command, folder, tmp_path, arguments, expected, reason
):
    code, out, err = command("run", folder, tmp_path / "out", "-s", 2, *arguments)
    assert code == expected and out == ""
    assert reason in err.strip().splitlines()[-1]
    assert not list((tmp_path / "out").glob("*.*g"))


def test_a_file_of_the_same_name_elsewhere_cannot_be_mixed(tmp_path):
    path = tmp_path / "balanced-x2.onnx"
    path.write_bytes((FOLDER / path.name).read_bytes())
    with pytest.raises(UsageError, match="balanced-x2 has no such partner"):
        find_model(str(path), 2, 0.5)


def test_eval_scores_a_mix(command, tmp_path, photo):
    pictures = tmp_path / "set"
    pictures.mkdir()
    Image.fromarray(np.tile(photo, (2, 2, 1))).save(pictures / "a.png")

    def psnr(*options):
        arguments = ("eval", "balanced", pictures, "-s", 2, "-r", "cpu", "--json")
        code, out, _ = command(*arguments, *options)
        assert code == 0
        return json.loads(out.splitlines()[-1])["psnr"]

    scores = [psnr(), *(psnr("--restore", restore) for restore in (0, 0.5, 1))]
    assert scores[0] == scores[1] and len(set(scores)) == 3
