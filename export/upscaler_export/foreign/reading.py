"""From a file to weights, without running anything that is in it.

What a file is, its first bytes say, not its name. A pickle may name any function of this machine:
torch opens it with `weights_only`, which knows a short list of names and calls nothing else.
TorchScript is a program, and refused before torch sees it.
"""

import pickle
import re
import zipfile
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import load_file

from upscaler.errors import ModelError
from upscaler.models.spec import CHECKPOINT_KEY

_ZIP, _PICKLE = b"PK\x03\x04", b"\x80"
_LENGTH = 8
"""Bytes of the number with which a safetensors file begins: how long its header is."""

_GLOBAL = re.compile(r"GLOBAL (\S+)")
_NUMPY = "numpy"


def read_weights(path: Path) -> dict[str, Any]:
    """Return what a file of weights holds: tensors by name, or dictionaries of such.

    Raises:
        ModelError: it is damaged, no such file, or more than weights.
    """
    try:
        if _is_safetensors(path):
            _refuse_own(path)
            return dict(load_file(path))
        return _unpickled(path)
    except OSError as error:
        raise ModelError(f"{path} cannot be read: {error.strerror or error}") from None
    except SafetensorError as error:
        raise ModelError(f"{path} is cut off or damaged ({error})") from None


def _is_safetensors(path: Path) -> bool:
    """Tell safetensors from a pickle; refuse what is neither, and TorchScript."""
    with path.open("rb") as file:
        head = file.read(_LENGTH + 1)
    if head.startswith(_ZIP):
        _check_archive(path)
        return False
    if head.startswith(_PICKLE):
        return False
    if head[_LENGTH:] == b"{":
        return True
    raise ModelError(f"{path} is no file of weights: neither a pickle of torch nor safetensors")


def _refuse_own(path: Path) -> None:
    with safe_open(path, framework="pt") as file:
        if CHECKPOINT_KEY in (file.metadata() or {}):
            raise ModelError(
                f"{path} is a checkpoint of `upscaler train`; `upscaler export` makes a model of it"
            )


def _check_archive(path: Path) -> None:
    try:
        with zipfile.ZipFile(path) as archive:
            names = archive.namelist()
    except zipfile.BadZipFile:
        raise ModelError(f"{path} is cut off or damaged; download it again") from None
    if any(name.endswith("/constants.pkl") or "/code/" in name for name in names):
        raise ModelError(
            f"{path} is TorchScript, a program, and is not run; get its weights as .safetensors"
        )
    if not any(name.endswith("data.pkl") for name in names):
        raise ModelError(f"{path} is a zip archive, and no file of weights")


def _unpickled(path: Path) -> dict[str, Any]:
    try:
        found = torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        raise ModelError(f"{path} {_refused(str(error))}") from None
    except (RuntimeError, EOFError, ValueError, KeyError, AttributeError):
        raise ModelError(f"{path} is cut off or damaged; download it again") from None
    if not isinstance(found, dict):
        raise ModelError(f"{path} holds no weights by name, but a {type(found).__name__}")
    return found


def _refused(reason: str) -> str:
    named = _GLOBAL.search(reason)
    if named is None:
        return "is cut off or damaged; download it again"
    if named[1].startswith(_NUMPY):
        return f"holds {named[1]} beside its weights; save it as safetensors, which holds only them"
    return f"would run {named[1]} when it is opened, and is not opened; get it as .safetensors"
