"""The card of a model: what it is, where it came from and what it scores, for people."""

from collections.abc import Collection

from upscaler.models.spec import ModelSpec
from upscaler_export.variants import PICTURES, Proof


def card(
    spec: ModelSpec,
    difference: float,
    variants: dict[str, Proof],
    *,
    by_torch: Collection[str] = (),
    note: str = "",
) -> str:
    """Return the card as Markdown; every figure in it but the note's was measured by the export.

    Args:
        difference: between torch and ONNX Runtime, of [0, 1].
        variants: the files beside it, by name.
        by_torch: the precisions whose loss torch computed, on the proof's pictures.
        note: a sentence that somebody wrote.
    """
    sizes, training = spec.architecture, spec.training
    assert sizes is not None, "only the project's own networks are exported"
    context = f", {sizes.context_blocks} of {sizes.context} below" if sizes.context else ""
    facts = {
        "Network": (
            f"AE-U, widths {'-'.join(map(str, sizes.widths))}, {sizes.encoder} encoder and "
            f"{sizes.decoder} decoder layers a level, {sizes.blocks} residual blocks{context}"
        ),
        "Size": (
            f"{spec.parameters / 1000:,.0f} K parameters, "
            f"{spec.macs_per_pixel / 1000:.1f} K multiplications per output pixel"
        ),
        "Scale": f"{spec.scale}",
        "Halo, alignment": f"{spec.halo} and {spec.alignment} input pixels",
        "Training data": training.data,
        "Training": f"{training.steps:,} steps, {training.hours:.2f} hours, {training.machine}"
        + (f", {training.arithmetic}" if training.arithmetic else ""),
        "Started from": training.start or "scratch",
        "sha256 of the weights": f"`{spec.weights_sha256}`",
        "Export": f"ONNX Runtime differs from torch by {255 * difference:.4f} of 255 at most",
    }
    if note.strip():
        facts["Note"] = " ".join(note.split()).replace("|", r"\|")
    lines = [f"# {spec.title}", "", "| | |", "|---|---|"]
    lines += [f"| {name} | {value} |" for name, value in facts.items()]
    lines += [
        "",
        "Mean PSNR-Y in fp32, outputs rounded to 8 bits:",
        "",
        "| set | dB |",
        "|---|---|",
    ]
    lines += [f"| {name} | {value:.2f} |" for name, value in spec.quality.items()]
    lines += [
        "",
        "Largest loss against fp32 on any of these sets:",
        "",
        "| precision | dB |",
        "|---|---|",
    ]
    lines += [
        f"| {name}{', by torch' if name in by_torch else ''} | {value:.4f} |"
        for name, value in spec.precision_loss.items()
    ]
    if by_torch:
        lines += ["", f"By torch: on the first {PICTURES} of their pictures, undegraded."]
    if variants:
        lines += ["", "Beside it, proved on real pictures against torch in float32:", ""]
        lines += ["| file | largest difference, of 255 | PSNR to fp32, dB | lost, dB |"]
        lines += ["|---|---|---|---|"]
    for name, proof in variants.items():
        lines.append(
            f"| {name} | {proof.difference:.0f} | {proof.psnr:.1f} | {max(proof.loss, 0):.4f} |"
        )
    return "\n".join(lines) + "\n"
