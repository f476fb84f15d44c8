"""The whole of `upscaler run` on a folder, against the loop that everybody writes first.

    python benchmarks/folder.py PHOTOS --scale 2 --scale 4 --rounds 3

Both sides are whole processes, start-up included, take the same files, use the same weights
and write PNG. They run in turns (A B B A ...), so that a busy machine is busy for both; what
counts is the median of the ratios. Needs the [export] extra, for torch.
"""

import json
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

import click
from plain_loop import save_weights

from upscaler.hardware.cpu import cores, processor
from upscaler.images import images_in, picture_size

HERE = Path(__file__).parent
PACKAGES = ("upscaler-aeu", "torch", "openvino", "onnxruntime", "pillow", "numpy")


@click.command()
@click.argument("photos", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option("--scale", "scales", type=int, multiple=True, default=(2, 4), show_default=True)
@click.option("--files", default=60, show_default=True, help="How many of the photographs.")
@click.option("--rounds", default=3, show_default=True)
@click.option("--model", default="fast", show_default=True)
@click.option("-o", "--out", type=click.Path(path_type=Path), help="Folder for the JSON result.")
def main(
    photos: Path, scales: tuple[int, ...], files: int, rounds: int, model: str, out: Path | None
) -> None:
    """Compare on PHOTOS, a folder of images."""
    with tempfile.TemporaryDirectory() as scratch:
        source = _take(photos, files, Path(scratch) / "in")
        measured = [_compare(source, scale, rounds, model, Path(scratch)) for scale in scales]
    result = {
        "benchmark": "folder",
        "date": datetime.now(UTC).date().isoformat(),
        "machine": f"{processor()}, {cores()} cores",
        "versions": {name: version(name) for name in PACKAGES},
        "photographs": files,
        "model": model,
        "measured": measured,
    }
    click.echo(json.dumps(result, indent=2))
    if out:
        out.mkdir(parents=True, exist_ok=True)
        path = out / f"folder-{result['date']}.json"
        path.write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")


def _take(photos: Path, files: int, folder: Path) -> Path:
    """Copy an even choice of the photographs, so that both sides read the same, warm files."""
    found = images_in(photos)
    if len(found) < files:
        raise click.UsageError(f"{photos} holds {len(found)} images, {files} are asked for")
    folder.mkdir()
    for index in range(files):
        shutil.copy(found[index * len(found) // files], folder)
    return folder


def _compare(source: Path, scale: int, rounds: int, model: str, scratch: Path) -> dict[str, Any]:
    loop, ours = scratch / f"loop-x{scale}", scratch / f"ours-x{scale}"
    weights = save_weights(model, scale, scratch / f"{model}-x{scale}.safetensors")
    commands = {
        "loop": [sys.executable, HERE / "plain_loop.py", source, loop, weights],
        "upscaler": [
            *(sys.executable, "-m", "upscaler", "run", source, ours),
            *("-m", model, "-s", scale, "-f", "png", "-q"),
        ],
    }
    seconds: dict[str, list[float]] = {name: [] for name in commands}
    for number in range(rounds):
        for name in sorted(commands, reverse=number % 2 == 1):
            for folder in (loop, ours):
                shutil.rmtree(folder, ignore_errors=True)
            began = time.perf_counter()
            subprocess.run([str(part) for part in commands[name]], check=True)
            seconds[name].append(time.perf_counter() - began)
            _check(source, loop if name == "loop" else ours, scale)
    ratios = [a / b for a, b in zip(seconds["loop"], seconds["upscaler"], strict=True)]
    return {
        "scale": scale,
        "seconds": {name: [round(value, 2) for value in times] for name, times in seconds.items()},
        "ratios": [round(ratio, 2) for ratio in ratios],
        "median_ratio": round(statistics.median(ratios), 2),
    }


def _check(source: Path, output: Path, scale: int) -> None:
    """Refuse to measure a side that did not do the work."""
    for path in source.iterdir():
        width, height = picture_size(path)[:2]
        made = picture_size(output / f"{path.stem}.png")
        if made[:2] != (scale * width, scale * height):
            raise click.ClickException(f"{output.name} did not make {path.stem}.png")


if __name__ == "__main__":
    main()
