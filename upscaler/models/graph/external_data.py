"""Weights of an ONNX file that lie in further files."""

from collections.abc import Iterator
from pathlib import Path, PurePath

import onnx
from onnx.external_data_helper import ExternalDataInfo

from upscaler.errors import ModelError


def external_files(path: Path, model: onnx.ModelProto) -> list[Path]:
    """Return the files beside a model that hold weights of it.

    Raises:
        ModelError: one is missing, or might be any file of this machine: outside the model's
            folder, a symbolic link, or a file with a second name (a hard link).
    """
    names = {
        ExternalDataInfo(tensor).location
        for tensor in _tensors(model.graph)
        if tensor.data_location == onnx.TensorProto.EXTERNAL
    }
    return [_beside(path, name) for name in sorted(names)]


def _tensors(graph: onnx.GraphProto) -> Iterator[onnx.TensorProto]:
    """Yield every tensor of a graph: its weights, and what its nodes carry as attributes."""
    yield from graph.initializer
    for node in graph.node:
        for attribute in node.attribute:
            yield attribute.t
            yield from attribute.tensors


def _beside(path: Path, name: str) -> Path:
    if PurePath(name).is_absolute() or ".." in PurePath(name).parts:
        raise ModelError(f"{path} wants its weights from {name}, outside its own folder")
    wanted = path.parent / name
    if wanted.is_symlink() or (wanted.is_file() and wanted.stat().st_nlink > 1):
        raise ModelError(f"{path} wants its weights from {name}, a link; put a copy in its place")
    if not wanted.resolve().is_relative_to(path.parent.resolve()):
        raise ModelError(f"{path} wants its weights from {name}, which leads out of its folder")
    if not wanted.is_file():
        raise ModelError(f"{path} has its weights in {name}, which is not there")
    return wanted
