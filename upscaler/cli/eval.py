"""`upscaler eval`."""

import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click

from upscaler.cli import options

if TYPE_CHECKING:
    from upscaler.measure.evaluation import Score


@click.command(name="eval", short_help="Measure the quality of a model on your own images.")
@click.argument("model")
@click.argument(
    "folders",
    metavar="DATA...",
    nargs=-1,
    required=True,
    type=click.Path(exists=True, file_okay=False, path_type=Path),
)
@options.SCALE
@options.RESTORE
@options.RUNTIME
@options.PRECISION
@click.option(
    "--degrade",
    multiple=True,
    metavar="KIND:VALUE,...",
    help="Damage the small images first, in the order given: jpeg:75, webp:75 (quality), blur:1 "
    "(pixels), noise:5 (of 255). Repeatable.",
)
@click.option("--seed", default=0, show_default=True, help="The same number makes the same noise.")
@click.option("-v", "--verbose", is_flag=True, help="Print a line for each image, too.")
@options.JSON
def evaluate(
    model: str,
    folders: tuple[Path, ...],
    scale: int | None,
    restore: float | None,
    runtime: str,
    precision: str,
    degrade: tuple[str, ...],
    seed: int,
    verbose: bool,
    as_json: bool,
) -> None:
    """Shrink the images of DATA, enlarge them with MODEL, and compare with the originals.

    The columns: PSNR and SSIM, higher is nearer to the original, beside those of bicubic resizing
    (both of the brightness, as in papers); "below", how many images bicubic does better; "shift",
    how far the mean colour moved, of 255. With --json: a line for each image and each folder.

    \b
    upscaler eval fast Set5/ BSD100/ -s 2
    upscaler eval fast BSD100/ -s 4 --degrade blur:1.2,noise:15,jpeg:60
    """
    from upscaler.images import set_for_process
    from upscaler.measure.evaluation import evaluate as evaluate_folder
    from upscaler.measure.evaluation import mean
    from upscaler.models import default_scale
    from upscaler.quality.degradation import Degradation
    from upscaler.upscaler import Upscaler

    set_for_process()
    scale = scale or default_scale(model)
    degradations = [Degradation.parse(text, seed) for text in degrade]
    upscaler = Upscaler(model, scale=scale, restore=restore, runtime=runtime, precision=precision)
    if not as_json:
        click.echo(f"{upscaler}", err=True)
        click.echo(
            _ROW.format("", "files", "PSNR-Y", "bicubic", "SSIM", "bicubic", "below", "shift")
        )
    for folder in folders:
        scores = []
        for score in evaluate_folder(upscaler, folder, degradations):
            scores.append(score)
            if as_json:
                click.echo(json.dumps({"event": "file", "set": folder.name, **asdict(score)}))
            elif verbose:
                click.echo(_line(score))
        whole = mean(folder.name, scores)
        click.echo(json.dumps({"event": "set", **asdict(whole)}) if as_json else _line(whole))


_ROW = "{:<24} {:>5} {:>7} {:>7} {:>6} {:>7} {:>5} {:>5}"


def _line(score: "Score") -> str:
    psnr, cubic = f"{score.psnr:.3f}", f"{score.bicubic_psnr:.3f}"
    ssims = ["-" if value is None else f"{value:.4f}" for value in (score.ssim, score.bicubic_ssim)]
    shift = f"{score.colour_shift:.2f}"
    return _ROW.format(
        score.name[:24], score.files, psnr, cubic, *ssims, score.below_bicubic, shift
    )
