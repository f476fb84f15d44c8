"""Each peer in a virtual environment of its own, made once, below the user's cache folder."""

import json
import subprocess
import sys
import venv
from pathlib import Path

from platformdirs import user_cache_path
from table import Peer

CACHE = user_cache_path("upscaler") / "peers"


class Missing(Exception):
    """Why a peer cannot be compared here, in one line."""


def python_of(peer: Peer) -> Path:
    """Return the interpreter that runs a peer, its packages installed.

    Raises:
        Missing: they cannot be.
    """
    if not peer.requires:
        return Path(sys.executable)
    folder = CACHE / peer.name
    python, installed = folder / "bin" / "python", folder / "installed.json"
    wanted = json.dumps(peer.requires)
    if not installed.exists() or installed.read_text(encoding="utf-8") != wanted:
        venv.create(folder, clear=True, with_pip=True)
        call([python, "-m", "pip", "install", "--quiet", *peer.requires])
        installed.write_text(wanted, encoding="utf-8")
    return python


def call(command: list[object]) -> None:
    """Run a program in silence.

    Raises:
        Missing: it failed; with the last line that it said.
    """
    line = [str(part) for part in command]
    done = subprocess.run(line, capture_output=True, text=True, check=False)
    if done.returncode:
        lines = [line.strip() for line in (done.stderr or done.stdout).splitlines() if line.strip()]
        raise Missing(lines[-1] if lines else f"ended with {done.returncode}")
