"""The `upscaler` command: finds its subcommands, and is the one boundary where errors end."""

import os
import shlex
import signal
import sys
import tempfile
import traceback
import warnings
from collections.abc import Callable, Sequence
from functools import partial
from importlib import import_module
from importlib.metadata import entry_points
from importlib.util import find_spec
from io import TextIOWrapper
from pathlib import Path
from types import FrameType
from typing import Any

import click

from upscaler.cli.defaults import settings_of, unknown_variables, variable
from upscaler.cli.printable import between_words
from upscaler.errors import UpscalerError, UsageError
from upscaler.hardware import system
from upscaler.supervisor.line import Witness, connect
from upscaler.version import __version__

_COMMANDS = {
    "run": "upscaler.cli.run:run",
    "status": "upscaler.cli.status:status",
    "compare": "upscaler.cli.compare:compare",
    "try": "upscaler.cli.try_models:try_models",
    "serve": "upscaler.cli.serve:serve",
    "bench": "upscaler.cli.bench:bench",
    "doctor": "upscaler.cli.doctor:doctor",
    "models": "upscaler.cli.models:models",
    "eval": "upscaler.cli.eval:evaluate",
    "config": "upscaler.cli.config:config",
    "completion": "upscaler.cli.completion:completion",
}
_PLUGINS = "upscaler.commands"
"""The entry-point group of the commands that live in packages of their own."""

_EXTRAS = {
    *("torch", "torchmetrics", "safetensors", "lightning_fabric", "tensorboard"),
    *("matplotlib", "markdown_it", "onnxscript", "pytorch_optimizer"),
}
"""What a plain installation does not have."""

_INSTALL = "pip install 'upscaler-aeu[train,export]'"

_FAULT_EXIT, _SIGINT_EXIT, _SIGTERM_EXIT = 4, 130, 143

_SHOW_CURSOR = b"\x1b[?25h"


Handler = Callable[[int, FrameType | None], None] | signal.Handlers
"""What is done about a signal."""


class Terminated(BaseException):
    """SIGTERM: ends the work the way Ctrl-C does, with an exit code of its own.

    Not a KeyboardInterrupt, which click would make its own of.
    """


class _Commands(click.Group):
    """Loads a command only when it is called or listed; none of them imports much."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return [*_COMMANDS, *sorted(entry_points(group=_PLUGINS).names)]

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the command; paths without one are most likely for `run`."""
        if self.get_command(ctx, args[0]) is None and Path(args[0]).exists():
            raise UsageError(
                f"{args[0]} is no command; do you mean: upscaler run {shlex.join(args)}"
            )
        return super().resolve_command(ctx, args)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name in _COMMANDS:
            module, _, name = _COMMANDS[cmd_name].partition(":")
            return _with_environment(getattr(import_module(module), name), cmd_name)
        for entry in entry_points(group=_PLUGINS, name=cmd_name):
            if _is_here(entry.module):
                return _with_environment(entry.load(), cmd_name)
        return None


def _is_here(module: str) -> bool:
    """Whether a module is installed: `experiments` comes with a checkout only."""
    try:
        return find_spec(module) is not None
    except ModuleNotFoundError:
        return False


def _with_environment(command: click.Command, name: str) -> click.Command:
    """Let UPSCALER_RUN_SCALE stand for `run --scale`, and so on for every long flag."""
    for option in command.params:
        if isinstance(option, click.Option):
            option.envvar = variable(name, option)
    return command


@click.group(
    cls=_Commands,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
@click.version_option(__version__, "-V", "--version", message="upscaler %(version)s")
@click.pass_context
def commands(context: click.Context) -> None:
    """Make folders of small images large and sharp.

    \b
    upscaler run photos/ large/              a folder, every image four times as wide and high
    upscaler run scan.png scan-x2.png -s 2   one file, twice as wide and high
    upscaler run --help                      all options

    Exit codes: 0 all done, 1 some files failed, 2 wrong usage, 3 could not start,
    4 a fault in upscaler itself, 130 interrupted (Ctrl-C), 143 terminated.
    """
    if not context.ensure_object(Witness).handover.note:  # or it was said already
        for line in unknown_variables(commands, context):
            click.echo(line, err=True)
    if context.invoked_subcommand in ("run", "config"):
        run = commands.get_command(context, "run")
        assert run is not None
        context.default_map = {"run": settings_of(run)}


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line and exit."""
    witness = connect()
    # a supervisor hears signals, too: the terminal sends them to both, and it passes them on
    again = signal.SIG_IGN if witness.supervisor else _leave
    for number in system.ENDING:
        if signal.getsignal(number) is not signal.SIG_IGN:  # as `nohup` and `&` set it
            signal.signal(number, partial(_interrupt, again))
    if isinstance(sys.stdout, TextIOWrapper):  # a name may have letters that its encoding lacks
        sys.stdout.reconfigure(errors="backslashreplace")
    # libvips reads it when it is loaded; a run has threads of its own
    os.environ.setdefault("VIPS_CONCURRENCY", "1")
    os.environ.setdefault("VIPS_WARNING", "0")  # its warnings would go to stderr past us
    # Pillow warns of damaged metadata on stderr; what matters of it is in our own warnings
    warnings.filterwarnings("ignore", module=r"PIL\.")
    code = _exit_code(arguments, witness)
    witness.over(code)
    if code in (_SIGINT_EXIT, _SIGTERM_EXIT):
        # all is in order; Python's own farewell would let one more signal kill it half-way, and
        # take down libraries in which a thread still is
        os._exit(code)
    sys.exit(code)


def _exit_code(arguments: Sequence[str] | None, witness: Witness) -> int:  # noqa: PLR0911 - one return for each kind of ending
    try:
        code: Any = commands.main(arguments, "upscaler", standalone_mode=False, obj=witness)
        if sys.stdout is not None:  # it may have been closed before we began
            sys.stdout.flush()
        return code if isinstance(code, int) else 0
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except UpscalerError as error:
        return _failed(str(error), error.exit_code)
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] not in _EXTRAS:
            return _failed(_fault(error), _FAULT_EXIT)
        missing = f"PyTorch and what goes with it ({error.name} is missing)"
        return _failed(f"this command needs {missing}; {_INSTALL}", 3)
    except BrokenPipeError:
        # whoever read our output has left; let Python's own flush at exit find no pipe
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except OSError as error:
        return _failed(str(error), 3)
    except Terminated as error:
        return _stopped(error, "terminated", _SIGTERM_EXIT)
    except (KeyboardInterrupt, click.Abort) as error:
        return _stopped(error.__cause__ or error, "interrupted", _SIGINT_EXIT)
    except Exception as error:
        return _failed(_fault(error), _FAULT_EXIT)


def _fault(error: Exception) -> str:
    """Write down what a report of it needs; return what to do with it."""
    what = f"a fault in upscaler itself: {type(error).__name__}: {error}".replace("\n", " ")
    command = " ".join(map(repr, sys.argv))
    details = f"upscaler {__version__}, {sys.version}\n{command}\n{traceback.format_exc()}"
    try:
        number, path = tempfile.mkstemp(".txt", "upscaler-fault-")
        with os.fdopen(number, "w", errors="backslashreplace") as file:
            file.write(details)
    except OSError:
        return f"{what}; please report it where you have upscaler from"
    return f"{what}; please report it where you have upscaler from, with the file {path}"


def _failed(message: str, code: int) -> int:
    click.echo(between_words(f"Error: {message}", sys.stderr), err=True)
    return code


def _stopped(error: BaseException, word: str, code: int) -> int:
    """Say how far the work came, if it left a note of that."""
    notes = getattr(error, "__notes__", [])
    if not notes:
        return _failed(word, code)
    click.echo(between_words(notes[-1], sys.stderr), err=True)
    return code


def _interrupt(again: Handler, number: int, frame: FrameType | None) -> None:
    """End the work in order the first time; `again` is for the second."""
    for each in system.ENDING:
        signal.signal(each, again)
    raise Terminated if number == signal.SIGTERM else KeyboardInterrupt


def _leave(number: int, frame: FrameType | None) -> None:
    if sys.stderr is not None and sys.stderr.isatty():
        os.write(sys.stderr.fileno(), _SHOW_CURSOR)  # the progress bar hides it
    os._exit(_SIGTERM_EXIT if number == signal.SIGTERM else _SIGINT_EXIT)
