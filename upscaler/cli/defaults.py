"""Where the options of `upscaler run` come from that nobody gave: a file, and the environment."""

import os
import tomllib
from collections.abc import Iterable, Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Any

import click
import platformdirs

from upscaler.errors import UsageError

_PREFIX = "UPSCALER_"
_TABLE = "run"


def long_name(option: click.Parameter) -> str:
    """Return what an option is called without its hyphens before: `long-side`."""
    return max(option.opts, key=len).removeprefix("--")


def variable(command: str, option: click.Parameter) -> str:
    """Return the environment variable of an option, such as UPSCALER_RUN_LONG_SIDE."""
    return f"{_PREFIX}{command}_{long_name(option)}".replace("-", "_").upper()


def settings_path() -> Path:
    """Return where the file with a person's own defaults lies, if there is one."""
    return platformdirs.user_config_path("upscaler") / "config.toml"


def settings_of(run: click.Command) -> dict[str, Any]:
    """Return what that file says of `upscaler run`, by the names of its parameters.

    Raises:
        UsageError: it cannot be read, or names an option that there is not.
    """
    path = settings_path()
    try:
        found = tomllib.loads(path.read_text(encoding="utf-8-sig"))
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise UsageError(f"cannot read {path}: {reason}") from None
    table = found.pop(_TABLE, {})
    if found or not isinstance(table, dict):
        raise UsageError(f"{path} has {', '.join(found) or _TABLE}; options go below a line [run]")
    options = {long_name(one): one for one in run.params if isinstance(one, click.Option)}
    for name in table:
        if name not in options:
            raise UsageError(f"{path}: run has no option {name}{_meant(name, options)}")
    try:
        return {str(options[name].name): _value(options[name], table[name]) for name in table}
    except UsageError as error:
        raise UsageError(f"{path}: {error}") from None


def _value(option: click.Option, value: Any) -> Any:
    """Return what the file says as click takes it from the command line, numbers as text."""
    if option.is_flag:
        return value
    values = value if option.multiple and isinstance(value, list) else [value]
    if not all(isinstance(one, (str, int, float)) for one in values):
        more = ", or a list of them" if option.multiple else ""
        raise UsageError(f"{long_name(option)} takes a text or a number{more}")
    words = [str(one).lower() if isinstance(one, bool) else str(one) for one in values]
    return words if option.multiple else words[0]


def unknown_variables(group: click.Group, context: click.Context) -> list[str]:
    """Return a line for each variable in the environment that is called as ours, and is none."""
    given = sorted(name for name in os.environ if name.startswith(_PREFIX))
    if not given:
        return []
    names = group.list_commands(context)
    known: dict[str, set[str]] = {}
    lines = []
    for name in given:
        owner = next((one for one in names if name.startswith(f"{_PREFIX}{one.upper()}_")), "run")
        if owner not in known:
            known[owner] = _variables(owner, group.get_command(context, owner))
        if name not in known[owner]:
            lines.append(f"{name} does nothing{_meant(name, known[owner])}")
    return lines


def _variables(name: str, command: click.Command | None) -> set[str]:
    params = command.params if command else []
    return {variable(name, one) for one in params if isinstance(one, click.Option)}


def _meant(name: str, known: Iterable[str] | Mapping[str, object]) -> str:
    close = get_close_matches(name, list(known), n=1, cutoff=0.8)
    return f"; did you mean {close[0]}?" if close else ""
