"""The manual page, from the program's help."""

import re

import click

_SECTION = 1


def page(root: click.Context) -> str:
    """Return upscaler.1: the program, then each command, in the language of `man`.

    Args:
        root: of the program's context.
    """
    group = root.command
    assert isinstance(group, click.Group)
    names = group.list_commands(root)
    summary = _sentence(group.get_short_help_str(200))
    lines = [
        ".\\\" Made by python docs/reference/generate.py from the program's help.",
        f'.TH UPSCALER {_SECTION} "" upscaler "User Commands"',
        ".SH NAME",
        f"upscaler \\- {_escaped(summary)}",
        ".SH SYNOPSIS",
        *(line for name in names for line in _usage(root, name)),
        ".SH DESCRIPTION",
        *_text(group.help or ""),
    ]
    for name in names:
        command = group.get_command(root, name)
        assert command is not None
        lines += [f".SH {name.upper()}", *_text(command.help or ""), *_options(command, root, name)]
    return "\n".join(lines) + "\n"


def _usage(root: click.Context, name: str) -> list[str]:
    command = root.command.get_command(root, name)  # type: ignore[attr-defined]
    context = click.Context(command, info_name=name, parent=root)
    words = _escaped(" ".join(command.collect_usage_pieces(context)))
    return [f".B upscaler {name}", words, ".br"]


def _options(command: click.Command, root: click.Context, name: str) -> list[str]:
    context = click.Context(command, info_name=name, parent=root)
    lines = []
    for option in command.get_params(context):
        if isinstance(option, click.Option) and (record := option.get_help_record(context)):
            names, said = map(_escaped, record)
            lines += [".TP", f".B {names}", said]
    return lines


def _text(help_: str) -> list[str]:
    """Return paragraphs; those that click leaves as they are keep their lines."""
    lines = []
    for part in re.split(r"\n\s*\n", help_.strip()):
        kept = part.lstrip().startswith("\b")
        rows = [row.rstrip() for row in part.replace("\b", "").strip("\n").split("\n")]
        escaped = [_escaped(row if kept else row.strip()) for row in rows if row.strip()]
        lines += [".PP", *([".nf", *escaped, ".fi"] if kept else escaped)]
    return lines


def _sentence(text: str) -> str:
    return text[:1].lower() + text[1:].rstrip(".")


def _escaped(text: str) -> str:
    text = text.replace("\\", "\\e").replace("-", "\\-")
    return f"\\&{text}" if text[:1] in (".", "'") else text
