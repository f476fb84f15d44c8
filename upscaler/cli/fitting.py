"""Defaults of a file or the environment give way to what a command asks for."""

import click
from click.core import ParameterSource

from upscaler.cli.defaults import long_name, settings_path, variable
from upscaler.errors import UsageError

_SIZES = ("scale", "width", "height", "long_side")
_FIRST_TO_LAST = (
    ParameterSource.COMMANDLINE,
    ParameterSource.ENVIRONMENT,
    ParameterSource.DEFAULT_MAP,
)


def is_given(context: click.Context, name: str) -> bool:
    """Whether a parameter stands on the command line."""
    return context.get_parameter_source(name) is ParameterSource.COMMANDLINE


def default_at_fault(context: click.Context, error: click.BadParameter) -> UsageError | None:
    """Return the error of a value that nobody gave, with the place where it stands."""
    option = error.param
    if option is None:
        return None
    source = context.get_parameter_source(str(option.name))
    if source is ParameterSource.DEFAULT_MAP:
        return UsageError(f"{settings_path()}: {long_name(option)}: {error.message}")
    if source is ParameterSource.ENVIRONMENT:
        return UsageError(f"{variable('run', option)}: {error.message}")
    return None


def fit_defaults(context: click.Context) -> None:
    """Take from the parameters of `upscaler run` those that nobody gave and that do not fit.

    - Sizes belong together: those of the command line replace all of the environment, and these
      all of a file. A usual scale is no limit for a --width on the command line.
    - What chooses from a folder is for folders.
    - An output with a name of its own has no suffix, and the format of its name.
    """
    for source in _FIRST_TO_LAST:
        asked = [name for name in _SIZES if context.get_parameter_source(name) is source]
        if asked:
            _forget(context, *(name for name in _SIZES if name not in asked))
            break
    source, *rest = context.params["paths"]
    if source.is_dir():
        return
    _forget(context, "include", "exclude", "shard")
    if len(rest) == 1 and not rest[0].is_dir():
        from upscaler.images import format_of  # `--help` is instant

        if format_of(rest[0]) is not None:
            _forget(context, "suffix", "format_name")
        elif str(rest[0]) == "-":
            _forget(context, "suffix")


def _forget(context: click.Context, *names: str) -> None:
    """Take what the program itself has as default, unless the command line says something."""
    for option in context.command.params:
        name = str(option.name)
        if name in names and not is_given(context, name):
            plain = option.default if name == "format_name" else None
            context.params[name] = () if option.multiple else plain
