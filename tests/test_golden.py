"""Each packaged model makes of a few crops of `samples/` what it made when it was released."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageOps

from upscaler import Upscaler
from upscaler.models import packaged_models
from upscaler.quality.metrics import bicubic, psnr_y

ROOT = Path(__file__).parents[1]
GOLDEN = ROOT / "tests" / "data" / "golden"
CROPS = {
    "colosseum.png": (70, 80),
    "hippo.jpg": (150, 0),
    "spices.webp": (95, 90),
    "facade.png": (150, 30),
}
"""Where each crop begins, across and down: stone, an eye, an edge on small grains, lines."""
SIDE = 40

GAIN = {2: 3.2, 3: 2.4, 4: 1.8}
"""dB of PSNR-Y above bicubic by scale, a little below what the smallest network has."""

PRICE = {("photo", 2): 0.33, ("photo", 4): 0.09}
"""dB that a network which also undoes damage may lose on a picture that has none, which `auto`
gives to another."""

MODELS = [(model.spec.name, model.spec.scale) for model in packaged_models()]


@pytest.fixture(scope="module", params=MODELS, ids=lambda pair: f"{pair[0]}-x{pair[1]}")
def upscaler(request):
    name, scale = request.param
    return Upscaler(name, scale=scale, runtime="cpu", precision="fp32")


def sample(name):
    """(H, W, 3) uint8, upright."""
    with Image.open(ROOT / "samples" / name) as image:
        return np.asarray(ImageOps.exif_transpose(image).convert("RGB"))


def stored(path, written):
    """The pixels in `path`; with --write-golden, `written()` goes there first."""
    if written is not None:
        Image.fromarray(written()).save(path, optimize=True)
    with Image.open(path) as image:
        return np.asarray(image)


@pytest.fixture(scope="module")
def crops(request):
    """The crops side by side; from a file, as decoders of JPEG and WebP may differ by a little."""

    def cut():
        return np.hstack(
            [sample(name)[y : y + SIDE, x : x + SIDE] for name, (x, y) in CROPS.items()]
        )

    write = request.config.getoption("--write-golden")
    return stored(GOLDEN / "crops.png", cut if write else None)


def test_a_model_makes_what_it_made_before(upscaler, crops, request):
    made = upscaler(crops)
    write = request.config.getoption("--write-golden")
    path = GOLDEN / f"{upscaler.model.title}.png"
    expected = stored(path, (lambda: made) if write else None)
    assert made.shape == expected.shape
    assert np.abs(made.astype(int) - expected).max() <= 1


def test_a_model_is_better_than_bicubic_on_a_photograph(upscaler):
    truth, scale = sample("colosseum.png"), upscaler.scale
    low = bicubic(truth, 1 / scale)
    gain = psnr_y(upscaler(low), truth, scale) - psnr_y(bicubic(low, scale), truth, scale)
    assert gain >= GAIN[scale] - PRICE.get((upscaler.model.spec.name, scale), 0)


def test_no_golden_picture_is_left_over():
    names = {f"{name}-x{scale}.png" for name, scale in MODELS} | {"crops.png"}
    assert {path.name for path in GOLDEN.glob("*.png")} == names
