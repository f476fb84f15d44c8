"""The options that several commands share."""

import math
import os
import re
from collections.abc import Callable
from functools import reduce
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from upscaler.cli import completion
from upscaler.models import CLEAN_MODEL, DEFAULT_MODEL, DEFAULT_SCALE

if TYPE_CHECKING:
    from upscaler.batch.plan.listing import Shard

Decorator = Callable[[Callable[..., Any]], Callable[..., Any]]


def together(*options: Decorator) -> Decorator:
    """Return what gives a command several options, in their order."""
    return lambda command: reduce(lambda known, option: option(known), reversed(options), command)


OF_MODEL = f"{DEFAULT_SCALE}, or what a file or a name such as fast-x2 makes"

_PLACES = "A model listed by `upscaler models`, or the path of a file: .onnx, .pth or .safetensors"

NETWORK = click.option(
    "-m",
    "--model",
    default=CLEAN_MODEL,
    show_default=True,
    shell_complete=completion.models,
    metavar="NAME|PATH",
    help=f"{_PLACES}.",
)


class ModelName(click.ParamType[str]):
    """A name or a path; in the environment several are divided as the paths in PATH are."""

    name = "model"
    envvar_list_splitter = os.pathsep


MODELS = click.option(
    "-m",
    "--model",
    "models",
    type=ModelName(),
    multiple=True,
    default=(DEFAULT_MODEL,),
    show_default=True,
    shell_complete=completion.models,
    metavar="NAME|PATH",
    help=f"{_PLACES}; auto looks at each image and takes what it needs. Repeatable: an image goes "
    "through one after the other.",
)


class GivenPath(click.Path):
    """A path; an empty one, mostly an unset variable of a script, must not mean the folder here."""

    def __init__(self) -> None:
        super().__init__(path_type=Path)

    def convert(
        self,
        value: str | os.PathLike[str],
        param: click.Parameter | None,
        ctx: click.Context | None,
    ) -> str | bytes | os.PathLike[str]:
        """Return the path."""
        if not os.fspath(value):
            self.fail("the path is empty", param, ctx)
        return super().convert(value, param, ctx)


class Factor(click.ParamType[float]):
    """A scale factor, also a fraction."""

    name = "factor"

    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> float:
        """Return the factor."""
        try:
            factor = float(str(value))
        except ValueError:
            factor = 0.0
        if not 1 <= factor < math.inf:
            self.fail(f"{value!r} is not a scale factor such as 2 or 1.5", param, ctx)
        return factor


class Seconds(click.ParamType[float]):
    """A time, also a fraction of a second."""

    name = "seconds"

    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> float:
        """Return the seconds."""
        try:
            seconds = float(str(value))
        except ValueError:
            seconds = 0.0
        if not 0 < seconds < math.inf:
            self.fail(f"{value!r} is not a number of seconds above 0, such as 30", param, ctx)
        return seconds


class Scale(click.ParamType[int]):
    """A scale factor that is a whole number, however it is written."""

    name = "scale"

    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> int:
        """Return the scale as an int."""
        try:
            scale = float(str(value))
        except ValueError:
            scale = 0.0
        if scale < 1 or not scale.is_integer():
            self.fail(f"{value!r} is not a whole scale factor such as 2 or 4", param, ctx)
        return int(scale)


SCALE = click.option(
    "-s",
    "--scale",
    type=Scale(),
    metavar="FACTOR",
    help=f"How many times as wide and high: 2, 3 or 4  [default: {OF_MODEL}]",
)
RESTORE = click.option(
    "--restore",
    type=float,
    metavar="0..1",
    help="How strongly to clean JPEG blocks and noise, in all images alike: 0 as -m balanced, 1 as "
    "-m photo.",
)
RUNTIME = click.option(
    "-r",
    "--runtime",
    default="auto",
    show_default=True,
    metavar="NAME",
    shell_complete=completion.runtimes,
    help="The library that computes the model, one that `upscaler doctor` lists; auto takes the "
    "best that works here.",
)
PRECISION = click.option(
    "-p",
    "--precision",
    default="auto",
    show_default=True,
    metavar="NAME",
    shell_complete=completion.precisions,
    help="How exactly to compute: fp32 is the most exact, then fp16, bf16 and int8. auto takes the "
    "fastest that costs at most 0.02 dB of quality.",
)


class DeviceList(click.ParamType[tuple[int, ...]]):
    """Numbers of GPUs, separated by commas."""

    name = "devices"

    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[int, ...]:
        """Return the numbers, each once."""
        if isinstance(value, tuple):
            return value
        numbers = str(value).split(",")
        if not all(number.strip().isdecimal() for number in numbers):
            self.fail(f"{value!r} is not a list of GPUs, such as 0 or 0,1", param, ctx)
        return tuple(dict.fromkeys(int(number) for number in numbers))


DEVICE = click.option(
    "--device",
    "devices",
    type=DeviceList(),
    default=(),
    metavar="LIST",
    help="NVIDIA GPUs to use, such as 0,1  [default: the first one]",
)
JSON = click.option(
    "--json", "as_json", is_flag=True, help="Print the results as JSON, one object a line."
)


class MemorySize(click.ParamType[int]):
    """A number of bytes: `500M`, `2G`, `2GB`, `2GiB` or `2147483648`."""

    name = "size"

    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> int:
        """Return the bytes."""
        found = _SIZE.fullmatch(str(value).upper())
        size = int(float(found["number"]) * _UNITS[found["unit"]]) if found else 0
        if size < 1:
            self.fail(f"{value!r} is not a size such as 500M or 2G", param, ctx)
        return size


_SIZE = re.compile(r"(?P<number>[0-9]{1,15}(\.[0-9]*)?) ?(?P<unit>[KMGT]?)(?:I?B)?")
_UNITS = {"": 1, "K": 2**10, "M": 2**20, "G": 2**30, "T": 2**40}

MEMORY = click.option(
    "--memory",
    type=MemorySize(),
    metavar="SIZE",
    help="Memory for images being processed, such as 2G  [default: a quarter of the machine's]",
)


class FormatName(click.Choice[str]):
    """A format that is written, also by its other spelling."""

    def __init__(self) -> None:
        names = ["keep", "png", "jpg", "webp", "tiff", "avif", "bmp"]
        super().__init__(names, case_sensitive=False)

    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> str:
        """Return the name."""
        return super().convert(_SPELLINGS.get(str(value).lower(), value), param, ctx)


_SPELLINGS = {"jpeg": "jpg", "tif": "tiff"}


class TileSize(click.ParamType[int | str | None]):
    """A number of pixels, `auto` or `none`."""

    name = "tile"

    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> int | str | None:
        """Return the number, "auto", or None for `none`."""
        if value in ("auto", None):
            return "auto"
        if value == "none":
            return None
        if str(value).isdecimal() and int(str(value)) > 0:
            return int(str(value))
        self.fail(f"{value!r} is not a number of pixels, auto or none", param, ctx)
        return None


class ShardNumber(click.ParamType["Shard"]):
    """`I/N`: the I-th of N parts."""

    name = "shard"

    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> "Shard":
        """Return the part."""
        from upscaler.batch.plan.listing import Shard

        number, _, count = str(value).partition("/")
        if not (number.isdecimal() and count.isdecimal() and 1 <= int(number) <= int(count)):
            self.fail(f"{value!r} is not a part such as 1/4 or 4/4", param, ctx)
        return Shard(int(number), int(count))
