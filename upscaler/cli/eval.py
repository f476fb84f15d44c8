"""`upscaler eval`."""

import json
from dataclasses import asdict
from pathlib import Path

import click

from upscaler.cli import options


@click.command(name="eval", short_help="Measure a model on high-resolution images.")
@click.argument("model")
@click.argument(
    "folders",
    metavar="DATA...",
    nargs=-1,
    required=True,
    type=click.Path(exists=True, file_okay=False, path_type=Path),
)
@options.SCALE
@options.RUNTIME
@options.PRECISION
@options.JSON
def evaluate(
    model: str, folders: tuple[Path, ...], scale: int, runtime: str, precision: str, as_json: bool
) -> None:
    """Shrink the images of DATA by antialiased bicubic, upscale them with MODEL and compare.

    PSNR and SSIM of the luma, a border of SCALE pixels left out, as the papers report them.

    \b
    upscaler eval fast Set5/ BSD100/ -s 2
    """
    from upscaler.evaluation import evaluate as evaluate_folder
    from upscaler.upscaler import Upscaler

    upscaler = Upscaler(model, scale=scale, runtime=runtime, precision=precision)
    if not as_json:
        click.echo(f"{upscaler}", err=True)
    for folder in folders:
        score = evaluate_folder(upscaler, folder)
        if as_json:
            click.echo(json.dumps(asdict(score)))
        else:
            click.echo(
                f"{score.name}: {score.files} files, PSNR-Y {score.psnr:.3f} dB "
                f"(bicubic {score.bicubic_psnr:.3f}, {score.below_bicubic} below it), "
                f"SSIM {'-' if score.ssim is None else format(score.ssim, '.4f')}"
            )
