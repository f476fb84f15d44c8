"""`upscaler completion`, and what it offers beside the names of options.

Nothing heavy is imported here: a shell calls it at each press of Tab.
"""

import click
from click.shell_completion import CompletionItem, get_completion_class

RUNTIMES = (
    *("auto", "tensorrt", "tensorrt-rtx", "torch", "cuda", "webgpu", "ncnn"),
    *("openvino-gpu", "openvino", "cpu"),
)
PRECISIONS = ("auto", "fp32", "fp16", "bf16", "int8")

_VARIABLE = "_UPSCALER_COMPLETE"
"""Of the environment, by which click is told to complete."""


@click.command(short_help="Print what lets a shell complete commands.")
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
@click.pass_context
def completion(context: click.Context, shell: str) -> None:
    """Print what lets a shell complete commands, options, models and formats by Tab.

    \b
    bash, in ~/.bashrc:  eval "$(upscaler completion bash)"
    zsh, in ~/.zshrc:    eval "$(upscaler completion zsh)"
    fish:  upscaler completion fish > ~/.config/fish/completions/upscaler.fish
    """
    found = get_completion_class(shell)
    assert found is not None
    click.echo(found(context.find_root().command, {}, "upscaler", _VARIABLE).source())


def runtimes(context: click.Context, option: click.Parameter, begun: str) -> list[str]:
    """Return the runtimes that begin so."""
    return [name for name in RUNTIMES if name.startswith(begun)]


def precisions(context: click.Context, option: click.Parameter, begun: str) -> list[str]:
    """Return the precisions that begin so."""
    return [name for name in PRECISIONS if name.startswith(begun)]


def models(
    context: click.Context, option: click.Parameter, begun: str
) -> list[CompletionItem[str]]:
    """Return the models that begin so; files where none does."""
    from upscaler.models import AUTO, FOLDER
    from upscaler.models.own import own_folder

    titles = sorted(path.stem for path in FOLDER.glob("*-x?.onnx"))
    names = dict.fromkeys(title.rpartition("-")[0] for title in titles)
    own = sorted(path.name for path in own_folder().glob("[!.]*/"))
    fitting = [name for name in (AUTO, *names, *titles, *own) if name.startswith(begun)]
    return [CompletionItem(name) for name in fitting] or [CompletionItem(begun, type="file")]
