"""What networks cost before they are trained: time of one core for a megapixel of output.

    python benchmarks/architectures.py train/recipes/candidates/fast-*.toml

The networks run in turns, so that a busy machine is busy for all; what counts is the median.
Needs the [train] and [export] extras.
"""

import json
import statistics
import tempfile
import time
from pathlib import Path

import click
import numpy as np

from upscaler.errors import RuntimeUnavailable
from upscaler.hardware.cpu import cores
from upscaler.hardware.system import processor
from upscaler.models import read_model
from upscaler.models.network import AutoEncoder
from upscaler.models.spec import Architecture, Trained, Training
from upscaler.runtimes import RuntimeRequest, open_runtime
from upscaler.runtimes.runtime import Runtime
from upscaler_export.export import export_network
from upscaler_train.networks.build import cost, parameters
from upscaler_train.recipe_file import load_recipe

SETTINGS = (("cpu", "fp32"), ("openvino", "bf16"))
SIDE = 256


@click.command()
@click.argument("recipes", nargs=-1, required=True, type=click.Path(exists=True, path_type=Path))
@click.option("--rounds", default=7, show_default=True)
def main(recipes: tuple[Path, ...], rounds: int) -> None:
    """Print the cost of the networks of RECIPES as JSON Lines."""
    click.echo(f"{processor()}, one of {cores()} cores", err=True)
    with tempfile.TemporaryDirectory() as scratch:
        runtimes = {path: _open(path, Path(scratch)) for path in recipes}
        times = _measure(runtimes, rounds)
    for path in recipes:
        recipe = load_recipe(path)
        facts = {"recipe": path.stem, "scale": recipe.scale, "parameters": parameters(recipe)}
        macs = round(cost(recipe, SIDE))
        click.echo(json.dumps({**facts, "macs_per_pixel": macs, "ms_per_megapixel": times[path]}))


def _open(path: Path, scratch: Path) -> dict[str, Runtime]:
    architecture = load_recipe(path).network
    assert isinstance(architecture, Architecture), f"{path} is no AE-U"
    trained = Trained(path.stem, architecture, Training())
    done = export_network(AutoEncoder(architecture), trained, scratch, [])
    model = read_model(done.path)
    found = {}
    for name, precision in SETTINGS:
        try:
            choice = open_runtime(RuntimeRequest(model, precision), name)
        except RuntimeUnavailable as error:
            click.echo(f"{name} {precision}: {error}", err=True)
            continue
        found[f"{name} {precision}"] = choice.runtime
    return found


def _measure(runtimes: dict[Path, dict[str, Runtime]], rounds: int) -> dict[Path, dict[str, float]]:
    """Return the median milliseconds for a megapixel of output."""
    tile = np.random.default_rng(0).random((1, 3, SIDE, SIDE), np.float32)
    times: dict[tuple[Path, str], list[float]] = {}
    for _ in range(rounds + 1):  # the first round warms up
        for path, settings in runtimes.items():
            for setting, runtime in settings.items():
                began = time.perf_counter()
                output = runtime.infer(tile)
                seconds = time.perf_counter() - began
                megapixels = output.shape[-1] * output.shape[-2] / 1e6
                times.setdefault((path, setting), []).append(1e3 * seconds / megapixels)
    return {
        path: {setting: round(statistics.median(times[path, setting][1:])) for setting in settings}
        for path, settings in runtimes.items()
    }


if __name__ == "__main__":
    main()
