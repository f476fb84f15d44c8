"""The options that several commands share."""

import click

MODEL = click.option(
    "-m",
    "--model",
    default="fast",
    show_default=True,
    metavar="NAME|PATH",
    help="A packaged model, or an ONNX file made by `upscaler export`.",
)
SCALE = click.option(
    "-s",
    "--scale",
    type=click.IntRange(min=1),
    default=4,
    show_default=True,
    help="How many times larger.",
)
RUNTIME = click.option(
    "-r",
    "--runtime",
    default="auto",
    show_default=True,
    metavar="NAME",
    help="openvino or cpu; auto takes the first that proves itself here.",
)
PRECISION = click.option(
    "-p",
    "--precision",
    default="auto",
    show_default=True,
    metavar="NAME",
    help="fp32 or bf16; auto takes the fastest that loses at most 0.02 dB.",
)
JSON = click.option("--json", "as_json", is_flag=True, help="Results on stdout as JSON Lines.")


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
        self.fail(f"{value!r} is not a number of pixels above 0, auto or none", param, ctx)
        return None
