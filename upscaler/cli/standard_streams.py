"""`-` for an image that comes from stdin, or goes to stdout."""

import os
import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import click

from upscaler.errors import UsageError
from upscaler.supervisor.line import Witness

STREAM = Path("-")

_ONE = "- is for one image, as in: upscaler run - - < small.jpg > large.jpg"

_EVERYBODYS = 0o666
"""What an output from stdin may have of permissions; the umask takes its part away."""


@contextmanager
def instead_of_streams(context: click.Context) -> Iterator[tuple[Path, ...]]:
    """Give the paths of a run, with files in the place of `-`; the output is sent at the end.

    What is printed meanwhile goes to stderr if the image goes to stdout.

    Raises:
        UsageError: `-` does not go with the other paths or options.
        click.exceptions.Exit: code 1, if no image was made for stdout.
    """
    paths: tuple[Path, ...] = context.params["paths"]
    if STREAM not in paths:
        yield paths
        return
    source, target = _checked(context)
    with tempfile.TemporaryDirectory(prefix="upscaler-") as name:
        folder = Path(name)
        if source == STREAM:
            source = _from_stdin(folder / "stdin")
        if target != STREAM:
            yield source, target
            return
        target = folder / f"stdout{_extension(source, context.params['format_name'])}"
        with _printing_to_stderr() as stdout:
            yield source, target
            if not target.exists():  # it failed, or is large enough, which was said
                raise click.exceptions.Exit(1)
            with target.open("rb") as file, os.fdopen(stdout, "wb", closefd=False) as stream:
                shutil.copyfileobj(file, stream)


def _checked(context: click.Context) -> tuple[Path, Path]:
    """Return the input and the output."""
    given = context.params
    if len(given["paths"]) != 2:
        raise UsageError(_ONE)
    for flag in ("dry-run", "watch"):
        if given[flag.replace("-", "_")]:
            raise UsageError(f"--{flag} looks at files, and - is none")
    source, target = given["paths"]
    if source == STREAM and context.ensure_object(Witness).handover.note:
        click.echo("failed: stdin: it ended the process that worked on it", err=True)
        raise click.exceptions.Exit(1)  # what came from stdin is gone
    if source == STREAM and sys.stdin.isatty():
        raise UsageError("no image comes from stdin; send one with: < small.jpg")
    if source.is_dir():
        raise UsageError(f"{source} is a folder; {_ONE}")
    if target != STREAM:
        if target.is_dir() or not target.suffix:
            raise UsageError(f"{target} is a folder; name a file for the image from stdin")
        return source, target
    if sys.stdout.isatty():
        raise UsageError("an image would go to the terminal; send it into a file: > large.jpg")
    if given["as_json"]:
        raise UsageError("--json and an image cannot both go to stdout")
    return source, target


def _from_stdin(path: Path) -> Path:
    """Keep what comes from stdin in a file, which can be read twice."""
    with path.open("wb") as file:
        shutil.copyfileobj(sys.stdin.buffer, file)
    umask = os.umask(0)
    os.umask(umask)
    path.chmod(_EVERYBODYS & ~umask)
    return path


def _extension(source: Path, format_name: str) -> str:
    """Return that of the format that is asked for, or in which the input comes out by itself."""
    from upscaler.batch.plan.jobs import KEEP
    from upscaler.images import FORMATS, kept_format
    from upscaler.images.opening import held_format

    if format_name != KEEP:
        return FORMATS[format_name].extensions[0]
    return (kept_format(source) or held_format(source)).extensions[0]


@contextmanager
def _printing_to_stderr() -> Iterator[int]:
    """Let whatever is printed to stdout, also by libraries in C, go to stderr; give stdout."""
    sys.stdout.flush()
    stdout = os.dup(1)
    os.dup2(2, 1)
    try:
        yield stdout
    finally:
        sys.stdout.flush()
        os.dup2(stdout, 1)
        os.close(stdout)
