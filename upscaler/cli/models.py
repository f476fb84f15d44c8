"""`upscaler models`."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from upscaler.cli import options

if TYPE_CHECKING:
    from rich.table import Table

    from upscaler.models import Model


_QUALITY = {"balanced": "high", "fast": "good", "quality": "highest", "photo": "high"}
"""How good each packaged model is, in words."""


@click.group(short_help="List the models; add and remove your own.", invoke_without_command=True)
@click.option("--measure", is_flag=True, help="Measure how fast each is here; takes a minute.")
@options.JSON
@click.pass_context
def models(context: click.Context, measure: bool, as_json: bool) -> None:
    """List the models: what each is for, its scales, file size and quality.

    `-m auto`, the default of `upscaler run`, takes `balanced` or `photo`, as each image needs it.

    With --measure or --json: also the speed in megapixels of output a second (MP/s) and quality as
    PSNR in dB on the test sets Set5, Set14 and BSD100: higher is nearer to the original. The speed
    of your own models is about that of ONNX Runtime, as it showed when they were tried.

    \b
    upscaler models add 4x-mine.onnx --licence CC-BY-4.0
    upscaler run photos/ large/ -m 4x-mine
    """
    if context.invoked_subcommand is not None:
        return
    if measure or as_json:
        _show_measured(as_json=as_json)
    else:
        _show()


def _show() -> None:
    """Print a row for each name, without opening a model on a runtime."""
    from rich.table import Table

    from upscaler.models import packaged_models
    from upscaler.models.facts import AUTO_PURPOSE, PURPOSES

    table = Table("model", "scales", "take it for", "MB", "quality")
    table.add_row("auto", "", AUTO_PURPOSE, "", "the default")
    by_name: dict[str, list[Model]] = {}
    for model in packaged_models():
        by_name.setdefault(model.spec.name, []).append(model)
    for same in [*by_name.values(), *([model] for model in _own())]:
        name = same[0].spec.name
        scales = ", ".join(f"{model.spec.scale}" for model in same)
        size = max(model.path.stat().st_size for model in same)
        purpose, quality = PURPOSES.get(name, "your own"), _QUALITY.get(name, "")
        table.add_row(name, scales, purpose, f"{size / 1e6:.1f}", quality)
    _print(table)


def _own() -> Iterator["Model"]:
    """Open the models that were added; one that cannot be opened any more is said."""
    from upscaler.errors import ModelError
    from upscaler.models.own import own_models

    for own in own_models():
        try:
            yield own.open()
        except ModelError as error:
            click.echo(f"{own.name}: {error}; upscaler models remove {own.name}", err=True)


def _show_measured(*, as_json: bool) -> None:
    """Print a row for each file, with its speed here."""
    from rich.table import Table

    from upscaler.measure.bench import megapixels_per_second
    from upscaler.models import packaged_models

    table = Table("model", "scale", "KB", "runtime here", "MP/s here", "quality, dB")
    rows = [(model, megapixels_per_second(model)) for model in packaged_models()]
    rows += [(model, _tried_speed(model)) for model in _own()]
    for model, speed in rows:
        spec = model.spec
        if as_json:
            click.echo(json.dumps({**_facts(model), "speed": speed}))
        quality = "  ".join(f"{name} {value:.2f}" for name, value in spec.quality.items())
        table.add_row(
            spec.name,
            f"x{spec.scale}",
            f"{model.path.stat().st_size / 1000:.0f}",
            f"{speed['runtime']} {speed['precision']}",
            f"{speed['megapixels_per_second']:.3g}",
            quality or "your own",
        )
    if not as_json:
        _print(table)


def _print(table: "Table") -> None:
    from rich.console import Console

    Console(width=None if Console().is_terminal else 120).print(table)


@models.command()
@click.argument("file", type=options.GivenPath())
@click.option("--name", metavar="NAME", help="What -m takes for it  [default: as the file]")
@click.option("--licence", default="", metavar="TEXT", help="The licence of its weights.")
def add(file: Path, name: str | None, licence: str) -> None:
    """Try a model of your own, and keep a copy of it under a name."""
    from upscaler.models.own import add as add_model

    added = add_model(file, name, licence)
    click.echo(f"added {added.name}: upscaler run IN OUT -m {added.name}")
    _describe(added.open())


@models.command()
@click.argument("name")
@options.JSON
def info(name: str, as_json: bool) -> None:
    """Show what is known of a model, by its name or the path of its file."""
    from upscaler.models import find_model

    model = find_model(name, 1)
    if as_json:
        click.echo(json.dumps(_facts(model)))
    else:
        _describe(model)


@models.command()
@click.argument("name")
def remove(name: str) -> None:
    """Remove a model that was added, with its copy of the file."""
    from upscaler.models.own import remove as remove_model

    remove_model(name)
    click.echo(f"removed {name}")


def _facts(model: "Model") -> dict[str, Any]:
    spec, tiling = model.spec, model.spec.tiling
    tiles: dict[str, Any] = {
        "kind": tiling.kind,
        "halo": spec.halo,
        "alignment": spec.alignment,
    }
    if tiling.kind != "exact":
        tiles |= {"deviation": tiling.deviation, "jump": tiling.jump}
    facts = {
        "model": spec.name,
        "scale": spec.scale,
        "bytes": model.path.stat().st_size,
        "parameters": spec.parameters,
        "macs_per_pixel": spec.macs_per_pixel,
        "quality": spec.quality,
        "sha256": model.sha256,
        "tiles": tiles,
    }
    return facts | ({"licence": spec.licence} if spec.licence else {})


def _describe(model: "Model") -> None:
    from upscaler.inference.tile_size import tiling_note

    spec = model.spec
    click.echo(f"file: {model.path}")
    click.echo(f"scale: {spec.scale}; {spec.parameters:,} weights")
    click.echo(f"licence: {spec.licence or 'not stated'}")
    exact = f"{spec.title}: tiles give exactly the whole picture; halo of {spec.halo} pixels"
    click.echo(tiling_note(spec) or exact)
    if spec.seconds_per_megapixel:
        click.echo(f"about {spec.seconds_per_megapixel:.2g} s a megapixel of output on one core")


def _tried_speed(model: "Model") -> dict[str, Any]:
    """Return what the trial says of the speed here, as `megapixels_per_second` does."""
    from upscaler.hardware.cpu import cores

    seconds = model.spec.seconds_per_megapixel
    speed = round(cores() / seconds, 3) if seconds else 0.0
    return {"runtime": "cpu", "precision": "fp32", "megapixels_per_second": speed}
