"""What `run --dry-run` prints."""

import json
import sys

import click

from upscaler.batch.dry_run import DryRun, Expected, Forecast
from upscaler.batch.report import duration, file_size, large_enough, no_images
from upscaler.cli.printable import between_words, printable
from upscaler.cli.progress import kept


def show_dry_run(preview: DryRun, *, as_json: bool, quiet: bool, verbose: bool) -> int:
    """Print it, and return the exit code that the run would have as far as can be seen."""
    if as_json:
        for file in preview.files:
            click.echo(json.dumps(file.as_json()))
        click.echo(json.dumps(preview.as_json()))
    elif not quiet:
        click.echo(between_words(_summary(preview), sys.stdout))
    for file in () if as_json else preview.files:
        if file.error or (not quiet and (verbose or file.expected is Expected.KEPT)):
            click.echo(printable(_line(file)))
    if preview.unmatched and not quiet:
        click.echo(printable(preview.unmatched), err=True)
    if preview.disk > preview.disk_free and not quiet:
        click.echo("warning: there is not enough disk space for all outputs", err=True)
    if preview.other_settings:
        click.echo(f"Error: {preview.other_settings}", err=True)
    return preview.exit_code


def _line(file: Forecast) -> str:
    if file.error:
        return f"{file.expected.replace('-', ' ')}: {file.name}: {file.error}"
    if file.expected is Expected.KEPT:
        return kept(file.name, file.target)
    if file.expected is Expected.LARGE_ENOUGH:
        return f"large enough: {file.name}"
    if file.made_with:
        return f"made with {file.made_with}: {file.name} -> {file.target}"
    if file.size is None:
        return f"already done: {file.name} -> {file.target}"
    width, height = file.size
    return f"to do: {file.name} -> {file.target}, {width}x{height}"


def _summary(preview: DryRun) -> str:
    if not preview.files:
        return no_images(len(preview.files), preview.left_out, preview.not_read)
    parts = [f"{preview.count(Expected.TO_DO)} to do"]
    for expected, words in (
        (Expected.SKIPPED, "already done"),
        (Expected.OTHER, "made with other options"),
        (Expected.KEPT, "kept, as changed since"),
        (Expected.FAILED, "would fail"),
        (Expected.FAILED_BEFORE, "failed before"),
    ):
        parts += [f"{preview.count(expected)} {words}"] if preview.count(expected) else []
    enough = preview.count(Expected.LARGE_ENOUGH)
    parts += [large_enough(enough)] if enough else []
    parts += [f"{preview.left_out} left out"] if preview.left_out else []
    text = ", ".join(parts)
    if preview.count(Expected.TO_DO):
        text += _effort(preview)
    return f"{text}; {preview.not_read}" if preview.not_read else text


def _effort(preview: DryRun) -> str:
    text = f"; {preview.pixels / 1e6:.1f} MP with {preview.model}"
    text += f", about {file_size(preview.disk)} of disk ({file_size(preview.disk_free)} free)"
    text += f", up to {file_size(preview.memory)} of memory for images"
    if preview.seconds is None or preview.last_run is None:
        return f"{text}; no run here yet to estimate the time from"
    return f"{text}; about {duration(preview.seconds)} at the speed of the last run"
