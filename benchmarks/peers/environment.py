"""Each peer in a virtual environment of its own, made once, below the user's cache folder."""

import json
import shutil
import subprocess
import sys
import tarfile
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


def unpacked(package: str) -> Path:
    """Return the folder of a package of npm, such as `name@1.0`; nothing of it is run.

    Raises:
        Missing: it cannot be had.
    """
    folder = CACHE / "npm" / package
    if not folder.exists():
        if not shutil.which("npm"):
            raise Missing(f"npm is not installed, which brings {package}")
        draft = folder.with_name(f"{folder.name}.part")
        shutil.rmtree(draft, ignore_errors=True)
        draft.mkdir(parents=True)
        call(["npm", "pack", "--silent", "--pack-destination", draft, package])
        with tarfile.open(next(draft.glob("*.tgz"))) as archive:
            archive.extractall(draft, filter="data")
        (draft / "package").rename(folder)
        shutil.rmtree(draft)
    return folder


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
