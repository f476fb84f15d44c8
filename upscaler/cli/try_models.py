"""`upscaler try`."""

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import click

from upscaler.cli import options

if TYPE_CHECKING:
    from upscaler.page.tryout import Crop


class CropPlace(click.ParamType["Crop | str"]):
    """`auto`, `none`, or four numbers: left, top, width and height."""

    name = "crop"

    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> "Crop | str":
        """Return the numbers, or the word."""
        if value in ("auto", "none"):
            return str(value)
        parts = str(value).split(",")
        if len(parts) != 4 or not all(part.strip().isdecimal() for part in parts):
            self.fail(f"{value!r} is not auto, none or a part such as 200,100,320,320", param, ctx)
        left, top, width, height = map(int, parts)
        if not width or not height:
            self.fail(f"{value!r} is no part of an image: its width or height is 0", param, ctx)
        return left, top, width, height


@click.command(name="try", short_help="See one image through every model, to choose one.")
@click.argument("picture", type=options.GivenPath())
@click.option(
    "-s",
    "--scale",
    type=options.Factor(),
    metavar="FACTOR",
    help="How many times as wide and high  [default: 4, or what your own model makes if that is "
    "less]",
)
@click.option(
    "-m",
    "--model",
    "others",
    type=options.ModelName(),
    multiple=True,
    metavar="NAME|PATH",
    help="Try this one, too: a model of your own. Repeatable.",
)
@click.option(
    "--crop",
    type=CropPlace(),
    metavar="L,T,W,H",
    default="auto",
    show_default=True,
    help="The part to try: left, top, width and height in pixels; auto: where the most detail is; "
    "none: the whole image.",
)
@click.option(
    "-o",
    "--output",
    type=options.GivenPath(),
    metavar="FILE",
    default=Path("try.html"),
    show_default=True,
    help="Where the page goes.",
)
def try_models(
    picture: Path, scale: float | None, others: tuple[str, ...], crop: "Crop | str", output: Path
) -> None:
    """Enlarge a part of PICTURE by every packaged model, and make a page to compare them.

    It says how long each takes here, and about how long for all images in the folder of PICTURE,
    reading and writing not counted.

    \b
    upscaler try photos/cat.jpg
    upscaler try photos/cat.jpg -m mine.pth --crop 200,100,320,320
    """
    from upscaler.batch.report import duration
    from upscaler.cli.printable import printable
    from upscaler.errors import ImageError, UsageError
    from upscaler.images import open_picture, set_for_process
    from upscaler.models import DEFAULT_SCALE, default_scale, find_model
    from upscaler.page import tryout
    from upscaler.page.write import expect_page, write_page

    set_for_process()
    expect_page(output)
    scale = scale or min([DEFAULT_SCALE, *map(default_scale, others)])
    for other in others:
        find_model(other, scale)  # says what is wrong with it before the others take their time
    if picture.is_dir():
        raise UsageError(f"{picture} is a folder; give one image of it")
    try:
        whole = open_picture(picture)
    except ImageError as error:
        raise UsageError(f"{picture}: {error}") from None
    if crop == "auto":
        crop = tryout.most_detail(whole)
    elif crop == "none":
        crop = 0, 0, whole.width, whole.height
    assert not isinstance(crop, str)
    part = tryout.cut(whole, crop)
    auto, folder = tryout.taken_by_auto(whole), tryout.folder_of(picture)
    place = f"{part.width}x{part.height} pixels at {crop[0]},{crop[1]}"
    click.echo(printable(f"{picture.name}: {place}; images in its folder: {folder.files}"))
    names = tryout.models_for(others)
    tried = []
    for one in tryout.tries(part, names, scale, folder):
        tried.append(one)
        name = one.model.ljust(max(map(len, names)))
        took = f"{tryout.seconds_in_words(one.seconds):>10}"
        if one.folder_seconds is not None:
            took += f"   all: about {duration(one.folder_seconds):<10}"
        reason = f"   auto takes it: {auto[1]}" if one.model == auto[0] else ""
        click.echo(printable(f"{name} {took}{reason}".rstrip()))
    with tempfile.TemporaryDirectory() as drafts:
        comparison = tryout.comparison_of(picture, part, tried, folder, auto, Path(drafts))
        write_page(comparison, output, inside=True)
    click.echo(printable(f"see {output}"))
