"""From a checkpoint to a proved ONNX file that carries its own description."""

import copy
import hashlib
import os
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import onnx
import torch
from torch import nn

from upscaler.errors import OutputError
from upscaler.models.graph.receptive_field import geometry
from upscaler.models.network import AutoEncoder, macs_per_pixel
from upscaler.models.probe import encode, probe_image
from upscaler.models.spec import METADATA_KEY, ModelSpec, Trained
from upscaler.quality.degradation import Degradation
from upscaler_export import variants
from upscaler_export.card import card
from upscaler_export.graph import to_onnx
from upscaler_export.proof import prove, run_torch
from upscaler_export.quality import measure


@dataclass(frozen=True)
class Exported:
    """What an export wrote, and what its proof found."""

    path: Path
    spec: ModelSpec
    difference: float
    """Largest difference between torch and ONNX Runtime on the proof image, of [0, 1]."""
    variants: dict[str, variants.Proof]
    """The files in reduced precision beside it, by name."""


def export_network(
    network: AutoEncoder,
    trained: Trained,
    folder: Path,
    sets: list[Path],
    *,
    degradations: Sequence[Degradation] = (),
    fp16: bool = False,
    photographs: Path | None = None,
    note: str = "",
) -> Exported:
    """Write `NAME-xSCALE.onnx` and its card `NAME-xSCALE.md` into `folder`.

    Args:
        sets: folders of high-resolution images to score the model on.
        degradations: score it after each of these, too.
        fp16: write `NAME-xSCALE.fp16.onnx` and `NAME-xSCALE.fp16-u8.onnx`, too.
        photographs: write `NAME-xSCALE.int8.onnx`, too, calibrated on this folder.
        note: a sentence for the card.

    Raises:
        ProofError: a file would not compute what the network computes; nothing is written.
        OutputError: the folder cannot be written.
    """
    network = rounded(network)
    model = to_onnx(network)
    spec = _describe(network, model, trained)
    difference = prove(network, _with_spec(model, spec))
    files, proofs = _reduced(network, spec, sets, fp16=fp16, photographs=photographs)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=folder, prefix=".export-") as scratch:
            for name, content in files.items():
                (Path(scratch) / name).write_bytes(content)
            draft = Path(scratch) / f"{spec.title}.onnx"
            draft.write_bytes(_with_spec(model, spec))
            by_torch: dict[str, float] = {}
            if sets:
                quality, loss = measure(draft, spec.scale, sets, degradations)
                by_torch = _losses_by_torch(network, sets, proofs, loss)
                spec = replace(spec, quality=quality, precision_loss=loss | by_torch)
                draft.write_bytes(_with_spec(model, spec))
            description = draft.with_suffix(".md")
            text = card(spec, difference, proofs, by_torch=by_torch, note=note)
            description.write_text(text, encoding="utf-8")
            for name in (draft.name, *files, description.name):
                os.replace(Path(scratch) / name, folder / name)
    except OSError as error:
        raise OutputError(f"cannot write into {folder}: {error.strerror}") from None
    return Exported(folder / draft.name, spec, difference, proofs)


def _reduced(
    network: AutoEncoder,
    spec: ModelSpec,
    sets: list[Path],
    *,
    fp16: bool,
    photographs: Path | None,
) -> tuple[dict[str, bytes], dict[str, variants.Proof]]:
    """Return the files in reduced precision and their proofs, by file name."""
    models: dict[str, tuple[str, onnx.ModelProto]] = {}
    if fp16:
        models["fp16"] = "fp16", variants.half(network, pixels=False)
        models["fp16-u8"] = "fp16", variants.half(network, pixels=True)
    if photographs:
        models["int8"] = "int8", variants.int8(network, photographs)
    files, proofs = {}, {}
    for suffix, (precision, model) in models.items():
        name = f"{spec.title}.{suffix}.onnx"
        proofs[name] = variants.prove(network, model, precision, sets)
        files[name] = _with_spec(model, variants.spec_of(spec, precision, proofs[name]))
    return files, proofs


def _losses_by_torch(
    network: AutoEncoder,
    sets: list[Path],
    proofs: dict[str, variants.Proof],
    measured: dict[str, float],
) -> dict[str, float]:
    """Return what precisions lose in which no runtime here computes, on the proof's pictures."""
    losses = {}
    for name, proof in proofs.items():
        if name.endswith(".fp16-u8.onnx"):
            losses["fp16"] = proof.loss
    if "bf16" not in measured:
        losses["bf16"] = variants.loss_in_bf16(network, sets)
    return {name: round(max(loss, 0), 4) for name, loss in losses.items()}


def _describe(network: AutoEncoder, model: onnx.ModelProto, trained: Trained) -> ModelSpec:
    found = geometry(model)
    return ModelSpec(
        name=trained.name,
        scale=trained.architecture.scale,
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
