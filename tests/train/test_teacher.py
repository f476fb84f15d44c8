import numpy as np
import pytest
from click.testing import CliRunner
from PIL import Image

torch = pytest.importorskip("torch", reason="needs the [train] extra")

from upscaler.errors import UsageError
from upscaler_train.data import teacher
from upscaler_train.data.pairs import ready_pairs
from upscaler_train.recipe_file import from_table


class Drawing:
    """In the teacher's place: counts, and repeats pixels."""

    def __init__(self):
        self.calls = 0

    def __call__(self, low):
        self.calls += 1
        return low.repeat(4, axis=0).repeat(4, axis=1)


@pytest.fixture
def recipe(tmp_path, rng):
    folder = tmp_path / "pictures"
    folder.mkdir()
    for name, side in (("a", 264), ("b", 256), ("tiny", 40)):
        picture = rng.integers(0, 256, (side, side, 3), np.uint8)
        Image.fromarray(picture).save(folder / f"{name}.png")
    return from_table(
        {
            "name": "x",
            "schedule": {"steps": 1},
            "network": {"scale": 4},
            "data": {"train": str(folder)},
            "degradation": {"light": 0.5, "rough": 0.5},
        }
    )


def test_pairs_are_what_the_teacher_makes_of_degraded_pictures(recipe, tmp_path):
    out = tmp_path / "pairs"
    assert teacher.make_pairs(recipe, out, rounds=2, teacher=Drawing()) == 4
    pairs = ready_pairs(out, recipe)
    assert len(pairs) == 4
    for pair in pairs:
        drawn = teacher.with_colours_of(pair.low, Drawing()(pair.low))
        np.testing.assert_array_equal(pair.high, drawn)
    assert len({pair.low.tobytes() for pair in pairs}) == 4  # each round degrades otherwise


def test_colours_come_from_the_small_picture_and_edges_from_the_drawn_one(rng):
    low = np.full((40, 48, 3), (200, 100, 60), np.uint8)
    low[:, 24:] = (60, 100, 200)
    drawn = Drawing()(low).astype(int) + rng.integers(-20, 21, (160, 192, 3)) + (-9, 4, 12)
    mended = teacher.with_colours_of(low, drawn.astype(np.uint8)).astype(int)
    assert np.abs((mended - Drawing()(low)).mean(axis=(0, 1))).max() < 0.1
    steps = np.diff(mended, axis=1) - np.diff(drawn, axis=1)
    assert np.abs(steps).max() <= 2


def test_what_is_there_stays_and_what_is_missing_is_the_same_again(recipe, tmp_path):
    out, drawing = tmp_path / "pairs", Drawing()
    teacher.make_pairs(recipe, out, rounds=1, teacher=drawing)
    before = (out / "low" / "a-0.png").read_bytes()
    (out / "low" / "a-0.png").unlink()
    teacher.make_pairs(recipe, out, rounds=1, teacher=drawing)
    assert drawing.calls == 3
    assert (out / "low" / "a-0.png").read_bytes() == before


def test_mistakes_are_named(recipe, tmp_path, monkeypatch):
    out = tmp_path / "pairs"
    table = {"name": "x", "schedule": {"steps": 1}}
    with pytest.raises(UsageError, match="the teacher enlarges 4 times, x 2 times"):
        teacher.make_pairs(from_table(table), out, rounds=1, teacher=Drawing())
    monkeypatch.setattr(teacher, "_SMALLEST", 99)
    with pytest.raises(UsageError, match="has 396 pixels a side"):
        teacher.make_pairs(recipe, out, rounds=1, teacher=Drawing())


def test_a_missing_package_is_named(tmp_path, monkeypatch, recipe):
    monkeypatch.setitem(__import__("sys").modules, "ncnn", None)
    arguments = ["photo-x4", "--out", str(tmp_path), "--set", f"data.train={recipe.data.train}"]
    result = CliRunner().invoke(teacher.main, arguments)
    assert result.exit_code == 1
    assert "pip install ncnn" in result.output


def test_real_esrgan_keeps_a_grey_picture_grey():
    pytest.importorskip("ncnn")
    grey = np.full((16, 16, 3), 128, np.uint8)
    try:
        drawn = teacher.RealEsrgan()(grey)
    except teacher.StartError:
        pytest.skip("no weights of the teacher")
    assert drawn.shape == (64, 64, 3)
    assert np.abs(drawn.astype(int) - 128).max() < 12
