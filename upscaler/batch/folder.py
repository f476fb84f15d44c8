"""A folder from Python: what `upscaler run` does, without a word and without a signal handler."""

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from upscaler.batch.plan.jobs import KEEP, plan
from upscaler.batch.plan.listing import Selection
from upscaler.batch.report import Result, Status, Used
from upscaler.batch.run.batch import Batch
from upscaler.batch.run.settings import Settings
from upscaler.batch.run.workload import Workload
from upscaler.batch.state.resume import Rules
from upscaler.errors import UsageError
from upscaler.images import FORMATS, MAX_PIXELS, Encoding
from upscaler.inference.size import Size, wanted_size
from upscaler.models import DEFAULT_MODEL, default_scale
from upscaler.upscaler import Upscaler

Progress = Callable[[int, int, Result], object]
"""Told after each file how many have ended, of how many, and what became of this one."""


@dataclass(frozen=True)
class FolderResult:
    """What became of a folder."""

    model: str
    """The model and its scale, such as balanced-x4."""
    files: tuple[Result, ...]
    """One for each image, in the order in which they ended."""
    ignored: int
    """How many files take no part: not read, pipes, devices and links to folders."""
    not_read: dict[str, int]
    """How many files have a name that is not of an image that is read, by extension."""
    seconds: float

    @property
    def done(self) -> list[Result]:
        """What was upscaled; each `target` is its output."""
        return self._with(Status.DONE)

    @property
    def skipped(self) -> list[Result]:
        """What an earlier run had done, and nothing has changed since."""
        return self._with(Status.SKIPPED)

    @property
    def kept(self) -> list[Result]:
        """What was left as it is: somebody changed the output since it was made."""
        return self._with(Status.KEPT)

    @property
    def large_enough(self) -> list[Result]:
        """What was left out: it is as large as `size` already."""
        return self._with(Status.LARGE_ENOUGH)

    @property
    def failed(self) -> list[Result]:
        """What failed, now or in an earlier run; each `error` says why."""
        return self._with(Status.FAILED, Status.FAILED_BEFORE)

    def _with(self, *statuses: Status) -> list[Result]:
        return [file for file in self.files if file.status in statuses]


def upscale_folder(
    source: str | os.PathLike[str],
    output: str | os.PathLike[str],
    *,
    model: str | Sequence[str] = DEFAULT_MODEL,
    scale: float | None = None,
    size: Size | None = None,
    shrink: bool = False,
    restore: float | None = None,
    alpha: str = "picture",
    wrap: bool = False,
    format: str = KEEP,
    quality: int = 95,
    png_level: int = 1,
    strip_metadata: bool = False,
    keep_times: bool = False,
    include: Sequence[str] = (),
    exclude: Sequence[str] = (),
    overwrite: bool = False,
    retry_failed: bool = False,
    verify: bool = False,
    runtime: str = "auto",
    precision: str = "auto",
    tile: int | str | None = "auto",
    streams: int | None = None,
    devices: Sequence[int] = (),
    memory: int | None = None,
    max_pixels: int = MAX_PIXELS,
    timeout: float | None = None,
    exact: bool = False,
    progress: Progress | None = None,
) -> FolderResult:
    """Upscale a folder of images, or one image, as `upscaler run` does.

    The output mirrors the tree of the input. A second call does only what is new, changed or
    missing. One bad file fails alone: look at `failed` of the result. Nothing is printed.

    All work is done in this process: a library that crashes ends it, and a call that never
    returns is waited for, which `upscaler run` does not do.

    Args:
        source: the folder, or an image.
        output: the folder of the outputs, made if it is not there.
        model, scale, size, restore, alpha, wrap, runtime, precision, tile, streams, devices, exact:
            as for `Upscaler`.
        shrink: make pictures smaller that are larger than `size`; else they are left out.
        format: png, jpg, webp, tiff, avif or bmp; `keep` for each file's own.
        quality: of JPEG, WebP and AVIF, 1 to 100.
        png_level: from 1, fast, to 9, small.
        strip_metadata: leave out EXIF, XMP, IPTC, resolution and texts.
        keep_times: give each output its input's time.
        include: patterns such as `*.png`: only files whose name matches one of them, or whose
            path below the folder if the pattern has a slash.
        exclude: patterns of files that are left out.
        overwrite: do everything again, and replace what is there.
        retry_failed: try again what failed in an earlier run.
        verify: compare contents, too, to see what has changed.
        memory: bytes of pictures on their way; a quarter of the machine's by default.
        max_pixels: of an input, all frames together; larger ones fail.
        timeout: seconds of work after which a file fails, as soon as the step that it is in
            ends; None for no limit.
        progress: called after each file, in the thread that called this, with the number of files
            that have ended, the number of all, and what became of this one. What it raises ends
            the run, and comes out of this function; what is done is kept.

    Raises:
        UsageError: a value that cannot be right; or outputs were made with other ones, and
            `overwrite` is not set.
        StartError: the model, the runtime or the output folder cannot be used.
    """
    _check(format, quality=quality, png_level=png_level, memory=memory, max_pixels=max_pixels)
    if timeout is not None and not timeout > 0:
        raise UsageError(f"timeout is {timeout!r}; give seconds above 0, or None")
    names = tuple(map(str, model)) if isinstance(model, (list, tuple)) else str(model)
    if scale is None:
        scale = default_scale(names, sided=isinstance(size, Size) and size.sided)
    settings = Settings(
        model=names,
        scale=scale,
        size=wanted_size(scale, size),
        shrink=shrink,
        restore=restore,
        alpha=alpha,
        wrap=wrap,
        runtime=runtime,
        precision=precision,
        tile=tile,
        streams=streams,
        devices=tuple(devices),
        memory=memory,
        encoding=Encoding(quality, png_level, strip_metadata, keep_times),
        max_pixels=max_pixels,
        timeout=timeout,
        rules=Rules(overwrite=overwrite, retry_failed=retry_failed, verify=verify),
        exact=exact,
    )
    chosen = Selection(_patterns("include", include), _patterns("exclude", exclude))
    planned = plan(_path("source", source), _path("output", output), format, chosen)
    listener = Listener(planned.size, progress)
    summary = Batch(planned, settings, listener).run()
    return FolderResult(
        summary.model,
        tuple(listener.files),
        summary.ignored,
        dict(summary.not_read.by_extension),
        summary.seconds,
    )


class Listener:
    """The batch's Reporter: keeps the results, and passes them on."""

    def __init__(self, total: int = 0, progress: Progress | None = None) -> None:
        self.files: list[Result] = []
        self._total, self._progress = total, progress

    def opened(self, upscaler: Upscaler, workload: Workload) -> None:
        """Say nothing."""

    def tick(self) -> None:
        """Say nothing."""

    def moved(self, used: Used) -> None:
        """Say nothing."""

    def note(self, text: str) -> None:
        """Say nothing."""

    def result(self, result: Result) -> None:
        """Keep it, and tell whoever asked."""
        self.files.append(result)
        if self._progress is not None:
            self._progress(len(self.files), self._total, result)


_LARGEST = {"quality": 100, "png_level": 9}


def _check(format: str, **numbers: int | None) -> None:
    if format not in (KEEP, *FORMATS):
        raise UsageError(f"no format {format!r}; there are: {KEEP}, {', '.join(FORMATS)}")
    for name, value in numbers.items():
        largest = _LARGEST.get(name)
        if value is not None and (value < 1 or (largest and value > largest)):
            wanted = f"1 to {largest}" if largest else "1 or more"
            raise UsageError(f"{name} is {value!r}; give {wanted}")


def _path(name: str, path: str | os.PathLike[str]) -> Path:
    """An empty path, mostly an unset variable, must not mean the folder here."""
    if not os.fspath(path):
        raise UsageError(f"the path of the {name} is empty")
    return Path(path)


def _patterns(name: str, patterns: Sequence[str]) -> tuple[str, ...]:
    """One pattern alone is a sequence of letters, too: `*.png` would match all by its star."""
    if isinstance(patterns, str):
        raise UsageError(f"{name} is {patterns!r}; give a list, such as [{patterns!r}]")
    return tuple(patterns)
