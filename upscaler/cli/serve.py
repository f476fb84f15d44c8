"""`upscaler serve`."""

import secrets
import socket
import webbrowser
from contextlib import suppress
from pathlib import Path

import click

from upscaler.cli import options

_LOCAL = "127.0.0.1"


@click.command(short_help="Open a page in the browser to run and compare.")
@click.argument("source", metavar="IN", type=options.GivenPath())
@click.argument("output", metavar="OUT", type=options.GivenPath())
@click.option(
    "--port",
    type=click.IntRange(0, 65535),
    default=0,
    metavar="N",
    help="Where to listen on this machine  [default: any that is free]",
)
@click.option("--no-browser", is_flag=True, help="Print the address only.")
def serve(source: Path, output: Path, port: int, no_browser: bool) -> None:
    """Open a page in the browser to enlarge the images of the folder IN into OUT.

    Choose a model with a preview, start, pause, and compare before and after. Images that are
    dropped on the page are copied into IN. A run goes on when the page is closed or reloaded;
    Ctrl-C here ends it.

    Only this machine can open the page, and only by the address that is printed. Nothing outside
    of IN and OUT is read or written. Needs pip install 'upscaler-aeu[web]'.

    \b
    upscaler serve photos/ large/
    """
    from importlib.util import find_spec

    from upscaler.errors import StartError, UsageError
    from upscaler.images import LARGEST, set_for_process

    missing = [name for name in ("starlette", "uvicorn") if find_spec(name) is None]
    if missing:
        raise StartError(
            f"serve needs {' and '.join(missing)}; pip install '.[web]' in your clone of upscaler"
        )
    if not source.is_dir():
        raise UsageError(f"{source} is not a folder")
    if output.exists() and (not output.is_dir() or output.samefile(source)):
        raise UsageError(f"{output} cannot be the output folder")
    import uvicorn

    from upscaler.serve.app import application

    set_for_process(LARGEST)
    try:
        listener = socket.create_server((_LOCAL, port))
    except OSError as error:
        raise StartError(f"cannot listen on port {port}: {error.strerror}") from None
    token, port = secrets.token_urlsafe(24), listener.getsockname()[1]
    app = application(source.absolute(), output.absolute(), token, port)
    address = f"http://{_LOCAL}:{port}/{token}/"
    click.echo(f"open {address}\nCtrl-C ends it")
    if not no_browser:
        webbrowser.open(address)
    config = uvicorn.Config(
        app, log_level="warning", access_log=False, server_header=False, proxy_headers=False
    )
    with suppress(KeyboardInterrupt):  # as it is meant to end
        uvicorn.Server(config).run(sockets=[listener])
