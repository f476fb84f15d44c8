"""What `Upscaler` takes beside Pillow images and arrays, its progress, and several threads."""

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from PIL import Image

from upscaler import Size, Upscaler
from upscaler.errors import ImageError


@pytest.fixture(scope="module")
def fast():
    with Upscaler("fast", scale=2, runtime="cpu", tile=16, streams=2) as upscaler:
        yield upscaler


def test_a_path_gives_what_its_image_gives(fast, folder):
    path = folder / "a.png"
    with Image.open(path) as image:
        expected = np.asarray(fast(image))
    for given in (path, str(path)):
        assert (np.asarray(fast(given)) == expected).all()


def test_a_file_is_turned_upright(fast, tmp_path, photo):
    exif = Image.Exif()
    exif[274] = 6
    Image.fromarray(photo).save(tmp_path / "turned.png", exif=exif)
    assert fast(tmp_path / "turned.png").size == (2 * photo.shape[0], 2 * photo.shape[1])


def test_a_file_that_cannot_be_one_image_is_an_error(fast, tmp_path, photo):
    with pytest.raises(ImageError, match=r"none\.png: cannot be read: No such file"):
        fast(tmp_path / "none.png")
    frames = [Image.fromarray(photo ^ number) for number in range(3)]
    frames[0].save(tmp_path / "moving.png", save_all=True, append_images=frames[1:])
    with pytest.raises(ImageError, match=r"moving\.png: has 3 frames; upscale_folder takes it"):
        fast(tmp_path / "moving.png")


def test_a_grey_file_of_16_bits_keeps_them(fast, tmp_path):
    grey = np.linspace(1000, 60000, 24 * 20).reshape(24, 20).astype(np.uint16)
    Image.fromarray(grey).save(tmp_path / "deep.png")
    assert (np.asarray(fast(tmp_path / "deep.png")) == fast(grey)).all()


def test_a_tensor_gives_a_tensor(fast, photo):
    torch = pytest.importorskip("torch")
    expected = torch.from_numpy(fast(photo)).permute(2, 0, 1)
    tensor = torch.from_numpy(photo).permute(2, 0, 1)
    assert torch.equal(fast(tensor), expected)
    batch = fast(torch.stack([tensor, 255 - tensor]))
    assert batch.shape == (2, 3, 74, 106) and torch.equal(batch[0], expected)
    floats = fast((tensor / 255).requires_grad_())
    assert floats.dtype == torch.float32 and not floats.requires_grad
    assert (255 * floats - expected).abs().max() <= 1
    assert fast((tensor / 255).to(torch.bfloat16)).dtype == torch.bfloat16


def test_a_tensor_that_is_no_picture_is_an_error(fast):
    torch = pytest.importorskip("torch")
    for shape in ((8, 8), (1, 1, 3, 8, 8), (5, 8, 8)):
        with pytest.raises(ImageError, match="shape"):
            fast(torch.zeros(shape))
    with pytest.raises(ImageError, match="no numbers"):
        fast(torch.full((3, 8, 8), float("nan")))
    for wrong in (torch.full((3, 8, 8), 255.0), torch.full((3, 8, 8), -1.0)):
        with pytest.raises(ImageError, match="values go from .* give 0 to 1"):
            fast(wrong)
    assert fast(torch.full((3, 8, 8), 1.1)).max() == 1


def test_several_are_computed_one_by_one_when_they_are_asked_for(fast, photo, folder):
    asked = []

    def images():
        for number, image in enumerate([photo, folder / "a.png", Image.fromarray(photo)]):
            asked.append(number)
            yield image

    results = fast(images())
    assert asked == []
    first = next(results)
    assert asked == [0] and (first == fast(photo)).all()
    assert [type(one) for one in results] == [Image.Image, Image.Image]
    assert len(list(fast([photo, photo]))) == 2


@pytest.mark.parametrize("given", [None, 4, b"bytes"])
def test_what_is_no_image_is_a_type_error(fast, given):
    with pytest.raises(TypeError, match="give a Pillow image, a NumPy array, a torch tensor"):
        fast(given)


def test_progress_counts_tiles(fast, photo):
    seen = []
    fast(photo, progress=lambda done, total: seen.append((done, total)))
    total = seen[-1][1]
    assert total > 4 and seen == [(done, total) for done in range(1, total + 1)]


def test_what_progress_raises_ends_the_work(fast, photo):
    seen = []

    def stop(done, total):
        seen.append(done)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fast(photo, stop)
    assert seen == [1]


def test_threads_get_what_one_after_the_other_gets(rng):
    """While models open that a picture is the first to need, too."""
    shapes = [(20, 30), (40, 50), (60, 45), (33, 90)]
    pictures = [rng.integers(0, 256, (*shape, 3), np.uint8) for shape in shapes * 4]
    with Upscaler(size=Size(width=95), runtime="cpu", streams=2) as one:
        expected = [one(picture) for picture in pictures]
    shared = Upscaler(size=Size(width=95), runtime="cpu", streams=2)
    with shared, ThreadPoolExecutor(8) as pool:
        made = list(pool.map(shared, pictures))
    for first, second in zip(expected, made, strict=True):
        np.testing.assert_array_equal(first, second)
