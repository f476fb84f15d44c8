"""`upscaler export` of a file of weights: the ONNX file that runs, and one in float16."""

import os
import tempfile
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime as ort
from numpy.typing import NDArray

from upscaler.errors import OutputError, ProofError
from upscaler.models.catalogue import read_custom
from upscaler.models.conversion import Facts
from upscaler.models.grid import round_up
from upscaler.models.half import on_pixels, to_half
from upscaler.models.spec import METADATA_KEY, ModelSpec
from upscaler.quality.metrics import psnr
from upscaler_export.export import Exported
from upscaler_export.foreign.agreement import fixed_size, picture
from upscaler_export.graph import INPUT
from upscaler_export.variants import LOSS_BOUND, Proof

_SIDE = 64
"""Of the picture that the two precisions are compared on, at least."""


def export_weights(source: Path, folder: Path, *, fp16: bool = False) -> Exported:
    """Write `NAME-xSCALE.onnx` into `folder`; with `fp16` also `.fp16.onnx` and `.fp16-u8.onnx`.

    Raises:
        ModelError: see `conversion.converted` and `custom.inspect`.
        ProofError: it loses too much in float16; nothing is written.
        OutputError: the folder cannot be written.
    """
    model = read_custom(source)
    facts = Facts.read(model.path)
    spec = replace(model.spec, weights_sha256=model.sha256, form=())
    graph = model.load("fp32")
    files, proofs = {f"{spec.title}.onnx": _with_spec(graph, spec)}, {}
    if fp16:
        half = to_half(graph)
        pixels = on_pixels(half)
        proof = _proved(graph, pixels, spec)
        reduced = replace(spec, precision="fp16", proof=asdict(proof))
        for suffix, content in (("fp16", half), ("fp16-u8", pixels)):
            name = f"{spec.title}.{suffix}.onnx"
            files[name], proofs[name] = _with_spec(content, reduced), proof
    _write(folder, files)
    return Exported(folder / f"{spec.title}.onnx", spec, facts.difference, proofs)


def _proved(exact: onnx.ModelProto, pixels: onnx.ModelProto, spec: ModelSpec) -> Proof:
    """Compare the graph in float16 with the one in float32, on the proof's photograph."""
    loss = spec.precision_loss.get("fp16", float("inf"))
    if loss > LOSS_BOUND["fp16"]:
        raise ProofError(
            f"{spec.name} loses {loss:.3f} dB in float16, more than {LOSS_BOUND['fp16']:g}; "
            f"leave out --fp16"
        )
    side = round_up(_SIDE, spec.alignment)
    batch = picture(3, *(fixed_size(exact) or (side, side)))
    wanted = _bytes(_run(exact, batch)).transpose(0, 2, 3, 1)
    ours = _run(pixels, _bytes(batch).transpose(0, 2, 3, 1))
    return Proof(
        difference=float(np.abs(ours.astype(int) - wanted).max()),
        psnr=psnr(ours[0], wanted[0]),
        differing=float((ours != wanted).mean()),
        loss=loss,
    )


def _run(model: onnx.ModelProto, batch: NDArray[Any]) -> NDArray[Any]:
    session = ort.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    output: NDArray[Any] = session.run(None, {INPUT: batch})[0]
    return output


def _bytes(batch: NDArray[np.float32]) -> NDArray[np.uint8]:
    pixels: NDArray[np.uint8] = np.rint(batch.clip(0, 1) * 255).astype(np.uint8)
    return pixels


def _with_spec(model: onnx.ModelProto, spec: ModelSpec) -> bytes:
    del model.metadata_props[:]
    onnx.helper.set_model_props(model, {METADATA_KEY: spec.to_json()})
    content: bytes = model.SerializeToString(deterministic=True)
    return content


def _write(folder: Path, files: dict[str, bytes]) -> None:
    """Write all files or none."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=folder, prefix=".export-") as scratch:
            for name, content in files.items():
                (Path(scratch) / name).write_bytes(content)
            for name in files:
                os.replace(Path(scratch) / name, folder / name)
    except OSError as error:
        raise OutputError(f"cannot write into {folder}: {error.strerror}") from None
