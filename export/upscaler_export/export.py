"""From a checkpoint to a proved ONNX file that carries its own description."""

import copy
import hashlib
import os
import tempfile
from dataclasses import dataclass, replace
from pathlib import Path

import onnx
import torch
from torch import nn

from upscaler.errors import OutputError
from upscaler.network import AutoEncoder, macs_per_pixel
from upscaler.probe import encode, probe_image
from upscaler.spec import METADATA_KEY, ModelSpec, Trained
from upscaler_export.card import card
from upscaler_export.graph import to_onnx
from upscaler_export.proof import prove, run_torch
from upscaler_export.quality import measure
from upscaler_export.receptive_field import geometry


@dataclass(frozen=True)
class Exported:
    """What an export wrote, and what its proof found."""

    path: Path
    spec: ModelSpec
    difference: float
    """Largest difference between torch and ONNX Runtime on the proof image, of [0, 1]."""


def export_network(
    network: AutoEncoder, trained: Trained, folder: Path, sets: list[Path]
) -> Exported:
    """Write `NAME-xSCALE.onnx` and its card `NAME-xSCALE.md` into `folder`.

    Args:
        sets: folders of high-resolution images to score the model on.

    Raises:
        ProofError: the file would not compute what the network computes; nothing is written.
        OutputError: the folder cannot be written.
    """
    network = rounded(network)
    model = to_onnx(network)
    spec = _describe(network, model, trained)
    difference = prove(network, _with_spec(model, spec))
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=folder, prefix=".export-") as scratch:
            draft = Path(scratch) / f"{spec.title}.onnx"
            draft.write_bytes(_with_spec(model, spec))
            if sets:
                quality, loss = measure(draft, spec.scale, sets)
                spec = replace(spec, quality=quality, precision_loss=loss)
                draft.write_bytes(_with_spec(model, spec))
            path = folder / draft.name
            os.replace(draft, path)
        path.with_suffix(".md").write_text(card(spec, difference), encoding="utf-8")
    except OSError as error:
        raise OutputError(f"cannot write into {folder}: {error.strerror}") from None
    return Exported(path, spec, difference)


def _describe(network: AutoEncoder, model: onnx.ModelProto, trained: Trained) -> ModelSpec:
    found = geometry(model)
    return ModelSpec(
        name=trained.name,
        architecture=trained.architecture,
        halo=found.halo,
        alignment=found.alignment,
        weights_sha256=weights_sha256(network),
        probe=encode(run_torch(network, probe_image())),
        parameters=sum(weights.numel() for weights in network.parameters()),
        macs_per_pixel=round(macs_per_pixel(network, torch.zeros(1, 3, 64, 64)), 1),
        training=trained.training,
    )


def rounded(network: AutoEncoder) -> AutoEncoder:
    """Return a copy with every weight rounded to float16, as the model file holds them."""
    copied = copy.deepcopy(network)
    with torch.no_grad():
        for parameter in copied.parameters():
            parameter.copy_(parameter.half())
    return copied


def weights_sha256(network: nn.Module) -> str:
    """Return the sha256 over all parameters, by name, as little-endian float32."""
    digest = hashlib.sha256()
    for name, tensor in sorted(network.named_parameters()):
        digest.update(name.encode())
        digest.update(tensor.detach().cpu().numpy().astype("<f4").tobytes())
    return digest.hexdigest()


def _with_spec(model: onnx.ModelProto, spec: ModelSpec) -> bytes:
    onnx.helper.set_model_props(model, {METADATA_KEY: spec.to_json()})
    serialised: bytes = model.SerializeToString(deterministic=True)
    return serialised
