"""What a picture counts for in the budget, from its header alone; and whose turn it is."""

import threading

import numpy as np
import pytest
import pyvips
import tifffile
from PIL import Image

from upscaler.batch.run.memory import Budget, bytes_needed
from upscaler.images import picture_size

SIDE = 32


def by_vips(pixels, path):
    kind = "grey16" if pixels.ndim == 2 else "rgb16"
    pyvips.Image.new_from_array(pixels, interpretation=kind).write_to_file(str(path))


def by_pillow(pixels, path):
    Image.fromarray(pixels).save(path)


SHALLOW = {
    "rgb.png": (by_pillow, (SIDE, SIDE, 3)),
    "rgba.png": (by_pillow, (SIDE, SIDE, 4)),
    "rgb.jpg": (by_pillow, (SIDE, SIDE, 3)),
    "rgb.tif": (by_pillow, (SIDE, SIDE, 3)),
}
DEEP = {
    "grey.png": (by_vips, (SIDE, SIDE)),
    "rgb.png": (by_vips, (SIDE, SIDE, 3)),
    "rgba.png": (by_vips, (SIDE, SIDE, 4)),
    "rgb.tif": (lambda pixels, path: tifffile.imwrite(path, pixels), (SIDE, SIDE, 3)),
}


def counted(path, scale=2):
    return bytes_needed(picture_size(path), scale) / (SIDE * SIDE * (1 + scale**2))


@pytest.mark.parametrize("name", SHALLOW)
def test_eight_bits_with_alpha_and_copies(tmp_path, rng, name):
    save, shape = SHALLOW[name]
    save(rng.integers(0, 255, shape, dtype=np.uint8), tmp_path / name)
    assert counted(tmp_path / name) == 10


@pytest.mark.parametrize("name", DEEP)
def test_sixteen_bits_count_for_more(tmp_path, rng, name):
    save, shape = DEEP[name]
    save(rng.integers(0, 65535, shape, dtype=np.uint16), tmp_path / name)
    assert counted(tmp_path / name) == 24


def test_of_an_avif_the_depth_is_not_told(tmp_path, rng):
    by_pillow(rng.integers(0, 255, (SIDE, SIDE, 3), dtype=np.uint8), tmp_path / "a.avif")
    assert counted(tmp_path / "a.avif") == 24


@pytest.mark.usefixtures("watchdog")
@pytest.mark.parametrize("large", [8, 20], ids=["fits", "has to be alone"])
def test_small_pictures_do_not_overtake_a_large_one_that_waits_for_room(large):
    budget, order = Budget(10), []
    known, wait = threading.Semaphore(0), budget._free.wait

    def note_and_wait(timeout=None):
        known.release()
        return wait(timeout)

    budget._free.wait = note_and_wait

    def picture(amount):
        budget.take(amount)
        order.append(amount)
        known.release()
        budget.give(amount)

    budget.take(6)
    threads = [threading.Thread(target=picture, args=[amount]) for amount in (large, 1, 3)]
    for thread in threads:
        thread.start()
        known.acquire()  # until it waits, or has got through
    budget.give(6)
    for thread in threads:
        thread.join()
    assert order[0] == large and sorted(order[1:]) == [1, 3]


@pytest.mark.usefixtures("watchdog")
def test_all_get_through_at_the_end_of_a_run():
    budget = Budget(10)
    budget.take(6)
    threads = [threading.Thread(target=budget.take, args=[amount]) for amount in (20, 8, 1)]
    for thread in threads:
        thread.start()
    budget.lift()
    for thread in threads:
        thread.join()
