"""The options of `upscaler run` on how large outputs become."""

import click

from upscaler.cli import options

size_options = options.together(
    click.option(
        "-s",
        "--scale",
        type=options.Factor(),
        metavar="FACTOR",
        help=f"How many times as wide and high: 1 to 16, also 1.5; more than 4 in two "
        f"passes  [default: {options.OF_MODEL}]",
    ),
    click.option(
        "--width",
        type=click.IntRange(min=1),
        metavar="PX",
        help="Width of the outputs; the height follows. Each image is made as many times larger "
        "as it needs, up to 16, or up to FACTOR.",
    ),
    click.option(
        "--height",
        type=click.IntRange(min=1),
        metavar="PX",
        help="Height of the outputs; the width follows.",
    ),
    click.option(
        "--long-side",
        type=click.IntRange(min=1),
        metavar="PX",
        help="Length of the longer side; the other follows.",
    ),
    click.option(
        "--shrink",
        is_flag=True,
        help="Make images smaller that are larger than --width, --height or --long-side; else "
        "they are left out.",
    ),
)
"""Give a command --scale, --width, --height, --long-side and --shrink."""
