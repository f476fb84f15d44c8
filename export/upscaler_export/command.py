"""`upscaler export`."""

import shlex
from pathlib import Path
from typing import TYPE_CHECKING

import click

from upscaler.models import CLEAN_MODEL

if TYPE_CHECKING:
    from upscaler_export.export import Exported

_FOLDER = click.Path(path_type=Path, file_okay=False, exists=True)


@click.command(short_help="Turn a checkpoint into ONNX models, checked against torch.")
@click.argument("source", metavar="[MODEL|CHECKPOINT|WEIGHTS]", default=CLEAN_MODEL)
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
    help="Write an 8-bit file, too; the photographs in DIR show it what values to expect.",
)
@click.option(
    "--tensorrt",
    is_flag=True,
    help="Build a TensorRT engine, too. Implies --fp16.",
)
@click.option(
    "--score",
    "sets",
    type=_FOLDER,
    multiple=True,
    metavar="DIR",
    help="Measure the model on the high-resolution images in DIR, for its card. Repeatable.",
)
@click.option(
    "--degrade",
    multiple=True,
    metavar="KIND:VALUE,...",
    help="Measure it with this damage, too, as in `upscaler eval`, such as noise:15,jpeg:85. "
    "Repeatable, each for itself.",
)
@click.option(
    "--note",
    metavar="TEXT",
    default="",
    help="A sentence for the card, such as what more training would bring. No other file keeps it.",
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
    """Write a model as NAME-xSCALE.onnx, and a card, a page that describes it.

    It is written only if ONNX Runtime computes from it what torch computes. --fp16 and --int8 write
    the same in float16 and in 8 bits beside it, each compared with torch, too.

    A CHECKPOINT comes from `upscaler train`. A MODEL is a packaged one, or an ONNX file that this
    command wrote. WEIGHTS are a .pth or .safetensors file of other people; of these only the model
    is written, without a card.

    \b
    upscaler export runs/fast-x2/last.safetensors -o models/
    upscaler export fast-x2 --fp16 --int8 photos/
    upscaler export RealESRGAN_x4plus.pth -o models/
    upscaler run photos/ large/ -m models/fast-x2.onnx
    """
    from upscaler.errors import UsageError
    from upscaler_export.checkpoint import is_foreign

    if is_foreign(source):
        from upscaler_export.foreign.export import export_weights

        if int8 or sets or degrade or note:
            raise UsageError("--int8, --score, --degrade and --note need one of our own networks")
        done = export_weights(Path(source), out, fp16=fp16 or tensorrt)
    else:
        done = _export_own(source, out, sets, degrade, fp16=fp16 or tensorrt, int8=int8, note=note)
    click.echo(f"{done.path}  halo {done.spec.halo}, alignment {done.spec.alignment}")
    click.echo(f"checked: differs from torch by {255 * done.difference:.4f} of 255 at most")
    for name, proof in done.variants.items():
        click.echo(
            f"{name}  checked: differs by {proof.difference:.0f} of 255 at most, in "
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
    click.echo(f"next: upscaler run photos/ large/ -m {shlex.quote(str(done.path))}")


def _export_own(
    source: str,
    out: Path,
    sets: tuple[Path, ...],
    degrade: tuple[str, ...],
    *,
    fp16: bool,
    int8: Path | None,
    note: str,
) -> "Exported":
    from upscaler.images import set_for_process
    from upscaler.quality.degradation import Degradation
    from upscaler_export.checkpoint import read_source
    from upscaler_export.export import export_network

    set_for_process()
    degradations = [Degradation.parse(text) for text in degrade]
    network, trained = read_source(source)
    return export_network(
        network,
        trained,
        out,
        list(sets),
        degradations=degradations,
        fp16=fp16,
        photographs=int8,
        note=note,
    )
