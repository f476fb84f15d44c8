"""The options of `upscaler run` on how outputs are called, and what is in their files."""

import click

from upscaler.cli import options

output_options = options.together(
    click.option(
        "-f",
        "--format",
        "format_name",
        type=options.FormatName(),
        default="keep",
        show_default=True,
        help="File format of the outputs; keep: as the input.",
    ),
    click.option(
        "--suffix",
        metavar="TEXT",
        help="Put this at the end of the outputs' names, before the extension, such as -large.",
    ),
    click.option(
        "--quality",
        type=click.IntRange(1, 100),
        metavar="N",
        default=95,
        show_default=True,
        help="Quality of JPEG, WebP and AVIF outputs.",
    ),
    click.option(
        "--png-level",
        type=click.IntRange(1, 9),
        metavar="N",
        default=1,
        show_default=True,
        help="Compression of PNG outputs: 1 is fast, 9 makes the smallest files.",
    ),
    click.option(
        "--strip-metadata",
        is_flag=True,
        help="Leave out camera data (EXIF), captions (IPTC, XMP), texts and DPI. The colour "
        "profile stays.",
    ),
    click.option("--keep-times", is_flag=True, help="Give each output the time of its input."),
)
"""Give a command -f, --suffix, --quality, --png-level, --strip-metadata and --keep-times."""
