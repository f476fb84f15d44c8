"""The same model in reduced precision; each file is proved before it gets its name."""

import copy
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime as ort
from numpy.typing import NDArray
from PIL import Image
from torch import nn

from upscaler.errors import ProofError
from upscaler.images import images_in, open_reference
from upscaler.inference.tiling import align
from upscaler.models.network import AutoEncoder
from upscaler.models.spec import ModelSpec
from upscaler.quality.metrics import bicubic, modcrop, psnr, psnr_y
from upscaler_export.bfloat16 import Bfloat16Form, GraphForm
from upscaler_export.graph import INPUT, convolution_types, to_onnx
from upscaler_export.int8 import to_int8
from upscaler_export.proof import PHOTOGRAPH, run_torch

Pixels = NDArray[np.uint8]
Way = Callable[[Pixels], Pixels]

LOSS_BOUND = {"fp16": 0.02, "int8": 0.1}
"""How much PSNR-Y in dB a variant may lose against float32."""

_EXPECTED = {"fp16": "float16", "int8": "int8"}
PICTURES = 8
"""How many of the pictures a proof looks at."""


@dataclass(frozen=True)
class Proof:
    """A variant against torch in float32, on real pictures: on ONNX Runtime's CPU, and where that
    is not of its precision on torch's; the worse of the two.
    """

    difference: float
    """The largest, of 255."""
    psnr: float
    """Of one output against the other, in dB."""
    differing: float
    """Share of bytes that differ."""
    loss: float
    """Of PSNR-Y against the originals, in dB; the mean over the pictures."""


def half(network: AutoEncoder, *, pixels: bool) -> onnx.ModelProto:
    """Return the network in float16, its input and output float16, or uint8 pixels."""
    return to_onnx(network, half=True, pixels=pixels)


def int8(network: AutoEncoder, photographs: Path) -> onnx.ModelProto:
    """Return the network with 8-bit convolutions, calibrated on photographs."""
    return to_int8(to_onnx(network), photographs, network.architecture.scale)


def prove(network: AutoEncoder, model: onnx.ModelProto, precision: str, sets: list[Path]) -> Proof:
    """Compare a variant with the network, on the first pictures of `sets` or the proof picture.

    Raises:
        ProofError: it loses more than LOSS_BOUND, or its convolutions are not what it says.
    """
    found = convolution_types(model)
    if not found:
        raise ProofError(f"the {precision} model has no convolution to read its precision from")
    if _EXPECTED[precision] not in found or (precision == "fp16" and "float32" in found):
        raise ProofError(f"the {precision} model computes its convolutions in {', '.join(found)}")
    proof = max(
        (_proof(network, way, sets) for way in _ways(network, model, precision)), key=_loss_of
    )
    if proof.loss > LOSS_BOUND[precision]:
        raise ProofError(
            f"the {precision} model loses {proof.loss:.3f} dB, more than "
            f"{LOSS_BOUND[precision]:g}; nothing was written"
        )
    return proof


def _proof(network: AutoEncoder, way: Way, sets: list[Path]) -> Proof:
    rows = [_compare(network, way, truth) for truth in _truths(sets)]
    return Proof(
        difference=max(row.difference for row in rows),
        psnr=float(np.mean([row.psnr for row in rows])),
        differing=float(np.mean([row.differing for row in rows])),
        loss=float(np.mean([row.loss for row in rows])),
    )


def _loss_of(proof: Proof) -> tuple[float, float]:
    return proof.loss, proof.differing


def _ways(network: AutoEncoder, model: onnx.ModelProto, precision: str) -> list[Way]:
    """Return what computes with a variant: pixels (H, W, 3) -> pixels of the larger picture.

    ONNX Runtime's CPU has no arithmetic in float16: it computes such a graph in float32, and what
    float16 costs would not show. Torch has; the graph is its.
    """
    session = ort.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    ways: list[Way] = [partial(_by_graph, session)]
    if precision == "fp16":
        form = copy.deepcopy(network) if _takes_pixels(session) else GraphForm(network)
        ways.append(partial(_by_torch, form.half().eval()))
    return ways


def loss_in_bf16(network: AutoEncoder, sets: list[Path]) -> float:
    """Return how much PSNR-Y in dB the network loses in bfloat16, on the first pictures of `sets`.

    By torch, on any CPU; docs/lab/training.md has it beside OpenVINO.
    """
    return _proof(network, partial(_by_torch, Bfloat16Form(network)), sets).loss


def spec_of(spec: ModelSpec, precision: str, proof: Proof) -> ModelSpec:
    """Return what the variant says of itself."""
    facts = {name: round(value, 4) for name, value in asdict(proof).items()}
    return replace(spec, precision=precision, proof=facts)


def _truths(sets: list[Path]) -> list[Pixels]:
    paths = [path for folder in sets for path in images_in(folder)]
    if not paths:
        with Image.open(PHOTOGRAPH) as image:
            return [np.asarray(image.convert("RGB"))]
    return [open_reference(path) for path in paths[:PICTURES]]


def _compare(network: AutoEncoder, way: Way, truth: Pixels) -> Proof:
    scale = network.architecture.scale
    truth = modcrop(truth, scale)
    low = align(bicubic(truth, 1 / scale), network.alignment)
    height, width = truth.shape[:2]
    exact = _by_torch(network, low)[:height, :width]
    ours = way(low)[:height, :width]
    return Proof(
        difference=float(np.abs(ours.astype(int) - exact).max()),
        psnr=psnr(ours, exact),
        differing=float((ours != exact).mean()),
        loss=psnr_y(exact, truth, scale) - psnr_y(ours, truth, scale),
    )


def _by_graph(session: ort.InferenceSession, low: Pixels) -> Pixels:
    if _takes_pixels(session):
        output: Pixels = session.run(None, {INPUT: low[None]})[0][0]
        return output
    dtype = np.float16 if _input_type(session) == "tensor(float16)" else np.float32
    return _pixels(session.run(None, {INPUT: _batch(low).astype(dtype)})[0])


def _takes_pixels(session: ort.InferenceSession) -> bool:
    return _input_type(session) == "tensor(uint8)"


def _input_type(session: ort.InferenceSession) -> str:
    kind: str = session.get_inputs()[0].type
    return kind


def _by_torch(network: nn.Module, low: Pixels) -> Pixels:
    return _pixels(run_torch(network, _batch(low)))


def _batch(low: Pixels) -> NDArray[np.float32]:
    return np.ascontiguousarray(low.transpose(2, 0, 1)[None], np.float32) / np.float32(255)


def _pixels(output: NDArray[np.floating[Any]]) -> Pixels:
    rounded = np.rint(np.clip(output[0].astype(np.float32), 0, 1) * 255)
    pixels: Pixels = rounded.astype(np.uint8).transpose(1, 2, 0)
    return pixels
