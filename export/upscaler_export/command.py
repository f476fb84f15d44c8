"""`upscaler export`."""

from pathlib import Path

import click


@click.command(short_help="Turn a checkpoint into a proved ONNX model.")
@click.argument("checkpoint", type=click.Path(path_type=Path))
@click.option(
    "-o", "--out", type=click.Path(path_type=Path), required=True, help="Folder to write into."
)
@click.option(
    "--score",
    "sets",
    type=click.Path(path_type=Path, file_okay=False, exists=True),
    multiple=True,
    metavar="DIR",
    help="Measure the model on a folder of high-resolution images, for its card; repeatable.",
)
def export(checkpoint: Path, out: Path, sets: tuple[Path, ...]) -> None:
    """Write the model of CHECKPOINT as NAME-xSCALE.onnx, with a card, after proving that ONNX
    Runtime computes from it what torch computes.

    \b
    upscaler export runs/fast-x2/last.safetensors -o models/
    upscaler run photos/ large/ -s 2 -m models/fast-x2.onnx
    """
    from upscaler_export.checkpoint import read_checkpoint
    from upscaler_export.export import export_network

    network, trained = read_checkpoint(checkpoint)
    done = export_network(network, trained, out, list(sets))
    click.echo(f"{done.path}  halo {done.spec.halo}, alignment {done.spec.alignment}")
    click.echo(f"proved: differs from torch by {255 * done.difference:.4f} of 255 at most")
    for name, value in done.spec.quality.items():
        click.echo(f"{name}: {value:.3f} dB PSNR-Y")
    for name, value in done.spec.precision_loss.items():
        click.echo(f"{name}: loses {value:.4f} dB at most")
