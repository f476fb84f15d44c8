"""`upscaler models`."""

import json

import click

from upscaler.cli import options


@click.command(short_help="List the packaged models.")
@options.JSON
def models(as_json: bool) -> None:
    """List the packaged models: file size, speed on this machine, measured quality.

    `-m auto`, the default of `upscaler run`, takes `balanced` or `photo`, as each image needs it.

    Speed is in megapixels of output a second (MP/s). Quality is PSNR in dB on the test sets Set5,
    Set14 and BSD100: higher is nearer to the original.
    """
    from rich.console import Console
    from rich.table import Table

    from upscaler.measure.bench import megapixels_per_second
    from upscaler.models import packaged_models

    table = Table("model", "scale", "KB", "runtime here", "MP/s here", "quality, dB")
    for model in packaged_models():
        spec, speed = model.spec, megapixels_per_second(model)
        if as_json:
            facts = {"model": spec.name, "scale": spec.scale, "bytes": model.path.stat().st_size}
            facts |= {"parameters": spec.parameters, "macs_per_pixel": spec.macs_per_pixel}
            measured = {"quality": spec.quality, "sha256": model.sha256}
            click.echo(json.dumps({**facts, **measured, "speed": speed}))
        quality = "  ".join(f"{name} {value:.2f}" for name, value in spec.quality.items())
        table.add_row(
            spec.name,
            f"x{spec.scale}",
            f"{model.path.stat().st_size / 1000:.0f}",
            f"{speed['runtime']} {speed['precision']}",
            f"{speed['megapixels_per_second']:.1f}",
            quality,
        )
    if not as_json:
        Console(width=None if Console().is_terminal else 120).print(table)
