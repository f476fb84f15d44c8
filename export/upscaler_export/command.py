"""`upscaler export`."""

from pathlib import Path

import click

from upscaler.models import DEFAULT_MODEL

_FOLDER = click.Path(path_type=Path, file_okay=False, exists=True)


@click.command(short_help="Turn a checkpoint into proved ONNX models.")
@click.argument("source", metavar="[MODEL|CHECKPOINT]", default=DEFAULT_MODEL)
@click.option(
    "-o",
    "--out",
    type=click.Path(path_type=Path),
    default="models",
    show_default=True,
    help="Folder to write into.",
)
@click.option("--fp16", is_flag=True, help="Write float16 files for GPUs, too.")
@click.option(
    "--int8",
    type=_FOLDER,
    metavar="DIR",
    help="Write an 8-bit file, too, calibrated on photographs.",
)
@click.option(
    "--tensorrt",
    is_flag=True,
    help="Build a TensorRT engine of the float16 file, which it implies.",
)
@click.option(
    "--score",
    "sets",
    type=_FOLDER,
    multiple=True,
    metavar="DIR",
    help="Measure the model on a folder of high-resolution images, for its card; repeatable.",
)
@click.option(
    "--degrade",
    multiple=True,
    metavar="KIND:VALUE,...",
    help="Score it after this, too, as in `upscaler eval`: noise:15,jpeg:85; repeatable, each for "
    "itself.",
)
@click.option(
    "--note",
    metavar="TEXT",
    default="",
    help="A sentence for the card, which alone keeps it: what more training would bring, say.",
)
def export(
    source: str,
    out: Path,
    fp16: bool,
    int8: Path | None,
    tensorrt: bool,
    sets: tuple[Path, ...],
    degrade: tuple[str, ...],
    note: str,
) -> None:
    """Write a model as NAME-xSCALE.onnx, with a card, after proving that ONNX Runtime computes
    from it what torch computes; beside it the same in float16 and in 8 bits, each proved.

    A CHECKPOINT is a file of `upscaler train`; a MODEL a packaged one or an ONNX file of ours.

    \b
    upscaler export runs/fast-x2/last.safetensors -o models/
    upscaler export fast-x2 --fp16 --int8 photos/
    upscaler run photos/ large/ -s 2 -m models/fast-x2.onnx
    """
    from upscaler.degradation import Degradation
    from upscaler_export.checkpoint import read_source
    from upscaler_export.export import export_network

    degradations = [Degradation.parse(text) for text in degrade]
    network, trained = read_source(source)
    done = export_network(
        network,
        trained,
        out,
        list(sets),
        degradations=degradations,
        fp16=fp16 or tensorrt,
        photographs=int8,
        note=note,
    )
    click.echo(f"{done.path}  halo {done.spec.halo}, alignment {done.spec.alignment}")
    click.echo(f"proved: differs from torch by {255 * done.difference:.4f} of 255 at most")
    for name, proof in done.variants.items():
        click.echo(
            f"{name}  proved: differs by {proof.difference:.0f} of 255 at most, in "
            f"{proof.differing:.2%} of the bytes; {proof.psnr:.1f} dB to torch; "
            f"loses {max(proof.loss, 0):.4f} dB"
        )
    for name, value in done.spec.quality.items():
        click.echo(f"{name}: {value:.3f} dB PSNR-Y")
    for name, value in done.spec.precision_loss.items():
        click.echo(f"{name}: loses {value:.4f} dB at most")
    if tensorrt:
        from upscaler_export.engine import build_engine

        path = build_engine(done.path, "fp16")
        click.echo(f"{path}  unproved: no GPU has run it")
