import numpy as np
import pytest
from PIL import Image

from upscaler.quality.metrics import bicubic, cubic, luma, modcrop, psnr_y, ssim_y

PUBLISHED = [("Set5", 2, 33.66), ("Set5", 4, 28.42), ("BSD100", 2, 29.56), ("BSD100", 4, 25.96)]


def test_kernel_is_a_partition_of_unity():
    offsets = np.linspace(0, 1, 11)[:, None] + np.arange(-2, 2)
    assert cubic(offsets).sum(axis=1) == pytest.approx(1)


@pytest.mark.parametrize("scale", [2, 3, 0.5, 0.25])
def test_bicubic_agrees_with_pillow_inside(rng, scale):
    image = rng.random((48, 60)) * 255
    size = round(60 * scale), round(48 * scale)
    pillow = np.asarray(Image.fromarray(image.astype(np.float32)).resize(size, Image.BICUBIC))
    border = int(np.ceil(4 * max(scale, 1)))
    ours = bicubic(image, scale)
    # Pillow treats the edges otherwise, hence the border; its weights are single precision
    inner = slice(border, -border)
    np.testing.assert_allclose(ours[inner, inner], pillow[inner, inner], atol=1e-3)


@pytest.mark.parametrize("shape", [(1, 1, 3), (2, 5, 3), (1, 7)])
def test_bicubic_of_tiny_images(shape):
    image = np.full(shape, 77, np.uint8)
    assert (bicubic(image, 3) == 77).all()
    assert bicubic(image, 0.5).shape[:2] == tuple(-(-size // 2) for size in shape[:2])


def test_psnr_of_a_known_error():
    truth = np.zeros((8, 8), np.uint8)
    assert psnr_y(truth + np.uint8(5), truth, 0) == pytest.approx(20 * np.log10(255 / 5))
    assert psnr_y(truth, truth, 2) == pytest.approx(100)


def test_luma_range():
    black_white = np.array([[[0, 0, 0], [255, 255, 255]]], np.uint8)
    assert luma(black_white) == pytest.approx(np.array([[16, 235]]))


def test_ssim_falls_with_noise(photo, rng):
    noisy = np.clip(photo + rng.integers(-30, 30, photo.shape), 0, 255)
    assert ssim_y(photo, photo, 2) == pytest.approx(1)
    assert ssim_y(noisy, photo, 2) < 0.95
    with pytest.raises(ValueError, match="11"):
        ssim_y(photo[:10, :10], photo[:10, :10], 0)


@pytest.mark.slow
@pytest.mark.ci
@pytest.mark.parametrize(("name", "scale", "expected"), PUBLISHED)
def test_published_bicubic_figures(shared, name, scale, expected):
    scores = []
    for path in sorted((shared / "data" / "test" / name).iterdir()):
        truth = modcrop(np.asarray(Image.open(path).convert("RGB")), scale)
        again = bicubic(bicubic(truth, 1 / scale), scale)
        scores.append(psnr_y(again, truth, scale))
    assert np.mean(scores) == pytest.approx(expected, abs=0.02)
