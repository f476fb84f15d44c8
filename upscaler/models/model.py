"""A model: an ONNX file and what it says of itself."""

import hashlib
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from upscaler.errors import ModelError, RuntimeUnavailable
from upscaler.models.graph.metadata import read_metadata
from upscaler.models.spec import METADATA_KEY, ModelSpec

if TYPE_CHECKING:
    import onnx

_SUFFIXES = {"int8": ".int8.onnx", "fp16": ".fp16-u8.onnx"}
"""Of the files beside the one in fp32; bf16 is made from that one when it is loaded."""


@dataclass(frozen=True)
class Model:
    """An ONNX file and what it says of itself."""

    path: Path
    spec: ModelSpec
    data: tuple[Path, ...] = ()
    """Further files that hold weights of it."""
    restore: float | None = None
    """How far it lies between a clean model and its restorer; None for a model as it is."""

    @property
    def title(self) -> str:
        """What it is called: `fast-x4`."""
        return self.spec.title

    @property
    def largest_scale(self) -> int:
        """How many times larger, per axis, any network that takes part makes pictures."""
        return self.spec.scale

    def for_factor(self, factor: float) -> "Model":
        """Return what makes a picture so many times larger: itself, if it has one scale only."""
        return self

    def source(self, precision: str) -> Path | bytes:
        """Return what a runtime loads to run in a precision: an ONNX file, or the content of one.

        Here it is this file, or one beside it.

        Raises:
            RuntimeUnavailable: there is none, or it holds other weights.
        """
        if precision not in _SUFFIXES:
            return self.path
        path = self.path.with_suffix(_SUFFIXES[precision])
        if not path.is_file():
            raise RuntimeUnavailable(f"there is no {path.name}; make it with `upscaler export`")
        other = read_model(path).spec
        if (other.precision, other.weights_sha256) != (precision, self.spec.weights_sha256):
            raise RuntimeUnavailable(f"{path.name} holds other weights; export it again")
        return path

    def load(self, precision: str) -> "onnx.ModelProto":
        """Return what `source` names as the ONNX library reads it, with all weights."""
        import onnx

        source = self.source(precision)
        return onnx.load_from_string(source) if isinstance(source, bytes) else onnx.load(source)

    @cached_property
    def sha256(self) -> str:
        """Of the whole file and those with its weights, in hexadecimal."""
        digest = hashlib.sha256(self.path.read_bytes())
        for path in self.data:
            digest.update(path.read_bytes())
        return digest.hexdigest()


def read_model(path: Path) -> Model:
    """Read what an ONNX file of ours says of itself, without loading its weights.

    Raises:
        ModelError: the file is missing, is not ONNX or carries no ModelSpec.
    """
    metadata = metadata_of(path)
    if METADATA_KEY not in metadata:
        raise ModelError(f"{path} carries no description of itself; make it with `upscaler export`")
    return Model(path, ModelSpec.from_json(metadata[METADATA_KEY]))


def metadata_of(path: Path) -> dict[str, str]:
    """Return the metadata of an ONNX file; ModelError if there is no such file."""
    try:
        return read_metadata(path.read_bytes())
    except OSError as error:
        raise ModelError(f"cannot read the model {path}: {error.strerror}") from None
    except ValueError as error:
        raise ModelError(f"{path} is not an ONNX file ({error})") from None
