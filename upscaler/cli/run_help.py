"""The help of `upscaler run`: the models, and its options by what they are about."""

from typing import Any

import click

from upscaler.cli.fitting import default_at_fault, fit_defaults

GROUPS = {
    "Size": ("scale", "width", "height", "long_side", "shrink"),
    "Model": ("models", "restore", "alpha", "wrap", "exact"),
    "Output": ("suffix", "format_name", "quality", "png_level", "strip_metadata", "keep_times"),
    "Which files": (
        *("include", "exclude", "shard", "watch", "overwrite", "retry_failed", "verify"),
        "max_pixels",
    ),
    "Speed": ("runtime", "precision", "devices", "tile", "jobs", "memory", "timeout"),
    "Reports": ("dry_run", "as_json", "report", "page", "quiet", "verbose"),
}
"""The names of the options, by the heading under which the help shows them."""


class GroupedCommand(click.Command):
    """A command whose help shows the models, and its options in groups."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Read the options; an error in a file or the environment says where it stands."""
        try:
            return super().parse_args(ctx, args)
        except click.BadParameter as error:
            raise (default_at_fault(ctx, error) or error) from None

    def invoke(self, ctx: click.Context) -> Any:
        """Run it, without defaults of a file that do not go with what was asked for."""
        fit_defaults(ctx)
        return super().invoke(ctx)

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write them; what is of no group, as --help, comes last."""
        from upscaler.models.facts import AUTO_PURPOSE, PURPOSES

        with formatter.section("Models"):
            formatter.write_dl([("auto", AUTO_PURPOSE), *PURPOSES.items()])
        left = {param.name: param for param in self.get_params(ctx)}
        groups = {
            title: [left.pop(n) for n in names if n in left] for title, names in GROUPS.items()
        }
        for title, params in (groups | {"Help": list(left.values())}).items():
            records = [found for param in params if (found := param.get_help_record(ctx))]
            if records:
                with formatter.section(title):
                    formatter.write_dl(records)
