"""A training of three small pictures that takes a moment."""

import json

import numpy as np
import pytest
from PIL import Image


@pytest.fixture
def table(tmp_path, rng):
    folder = tmp_path / "pictures"
    folder.mkdir()
    y, x = np.mgrid[0:64, 0:64]
    for number in range(3):
        waves = 127 + 100 * np.sin((x * (number + 1) + y * 2) / 6)[..., None]
        image = np.clip(waves + rng.normal(0, 5, (64, 64, 3)), 0, 255).astype(np.uint8)
        Image.fromarray(image).save(folder / f"{number}.png")
    return {
        "name": "tiny",
        "network": {"scale": 2, "widths": [8, 8]},
        "data": {"train": str(folder), "val": str(folder), "patch": 12, "batch": 4},
        "schedule": {"steps": 8, "warmup": 2},
        "run": {"threads": 1},
    }


@pytest.fixture
def train():
    """Train by a table, up to a step if one is given; returns the ticks."""
    from upscaler_train.recipe_file import from_table
    from upscaler_train.training.trainer import Trainer

    def train(table, folder, steps=None, resume=False):
        trainer = Trainer(from_table(table), folder, resume=resume)
        ticks = []

        def watch(tick):
            ticks.append(tick)
            if steps and tick.progress.step == steps:
                raise InterruptedError

        try:
            trainer.run(watch)
        except InterruptedError:
            pass
        return ticks

    return train


@pytest.fixture
def weights():
    """Read what the last checkpoint in a folder holds."""
    from upscaler_train.training import checkpoint
    from upscaler_train.training.trainer import LAST

    return lambda folder: checkpoint.load_checkpoint(folder / LAST).tensors


@pytest.fixture
def recipe_file(tmp_path):
    """Write a table as a recipe."""

    def write(table):
        sections = (f"[{k}]\n" + "".join(f"{n} = {json.dumps(v)}\n" for n, v in t.items())
                    for k, t in table.items() if isinstance(t, dict))  # fmt: skip
        path = tmp_path / "tiny.toml"
        path.write_text("name = 'tiny'\n" + "\n".join(sections))
        return path

    return write
