"""`upscaler run` beside what a person would use instead, over the same folder of photographs.

    python benchmarks/peers/compare.py PHOTOS -m fast --quality Set5 -o benchmarks/results
    python benchmarks/peers/compare.py PHOTOS -m photo -s 4 --peer ncnn --trial 1

Every program is a whole process, start-up included, uses all cores, takes the same PNG files
and writes PNG in the way of its own. They run in turns; what counts is the median over the rounds.
A program that would need more than its share of --minutes gets fewer of the photographs;
speeds are in megapixels of output a second, so they compare all the same. Peers are installed
into environments of their own; one that does not run here is named with the reason. Needs the
[export] extra, for torch. `table.py` lists the peers, `python docs/reference/generate.py` makes the
table of docs/lab/measurements.md from the newest result of each model.
"""

import json
import statistics
import tempfile
from datetime import UTC, datetime
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import Any

import click
from contest import Command, Runner, compete, evenly, first_round, megapixels, share
from environment import Missing, python_of, unpacked
from PIL import Image
from quality import mean_psnr, shrink_all
from table import OURS, PEERS, Peer, ours

from upscaler.hardware.cpu import cores, instructions
from upscaler.hardware.system import processor
from upscaler.images import images_in, open_picture

PACKAGES = ("upscaler-aeu", "torch", "openvino", "onnxruntime", "pillow", "numpy")
FOLDER = click.Path(exists=True, file_okay=False, path_type=Path)


@click.command()
@click.argument("photos", type=FOLDER)
@click.option("--scale", "-s", "scales", type=int, multiple=True, default=(2, 4), show_default=True)
@click.option("--model", "-m", default="balanced", show_default=True, help="Ours.")
@click.option("--files", default=40, show_default=True, help="How many of the photographs.")
@click.option("--trial", default=4, show_default=True, help="Of these, for a first try.")
@click.option("--peer", "peers", multiple=True, help="Only this one. Repeatable.")
@click.option("--rounds", default=3, show_default=True)
@click.option("--minutes", default=6.0, show_default=True, help="For the rounds of all scales.")
@click.option(
    "--quality", "truths", type=FOLDER, multiple=True, help="High-resolution pictures, for PSNR-Y."
)
@click.option("-o", "--out", type=click.Path(path_type=Path), help="Folder for the JSON result.")
def main(
    photos: Path,
    scales: tuple[int, ...],
    model: str,
    files: int,
    trial: int,
    peers: tuple[str, ...],
    rounds: int,
    minutes: float,
    truths: tuple[Path, ...],
    out: Path | None,
) -> None:
    """Compare on PHOTOS, a folder of images."""
    found = evenly(images_in(photos), files)
    missing: dict[str, str] = {}
    measured: list[dict[str, Any]] = []
    with tempfile.TemporaryDirectory() as folder:
        scratch = Path(folder)
        paths = _as_png(found, scratch / "photographs")
        for scale in scales:
            runners = [Runner(OURS, partial(ours, model=model, scale=scale))]
            runners += _runners(model, scale, scratch, missing, peers)
            seconds = 60 * minutes / len(scales) / rounds
            runners = _ready(runners, paths, scale, seconds, scratch, missing, trial)
            compete(runners, rounds, scale, scratch)
            rows = [_row(runner, runners[0], scale) for runner in runners]
            for truth in truths:
                lows = shrink_all(truth, scale, scratch / f"{truth.name}-x{scale}")
                for runner, row in zip(runners, rows, strict=True):
                    try:
                        score = mean_psnr(runner.command, truth, lows, scale, scratch)
                    except Missing as problem:
                        missing[f"{runner.name} on {truth.name}, x{scale}"] = str(problem)
                    else:
                        row["psnr_y"][truth.name] = round(score, 2)
            measured += rows
        size = round(megapixels(paths), 2)
    result = {
        "benchmark": "peers",
        "date": datetime.now(UTC).date().isoformat(),
        "machine": f"{processor()}, {cores()} cores",
        "instructions": instructions(),
        "versions": {name: version(name) for name in PACKAGES},
        "model": model,
        "photographs": {"files": len(paths), "megapixels": size},
        "measured": measured,
        "missing": missing,
    }
    text = json.dumps(result, indent=2)
    click.echo(text)
    if out:
        out.mkdir(parents=True, exist_ok=True)
        path = out / f"peers-{Path(model).stem}-{result['date']}.json"
        path.write_text(text + "\n", encoding="utf-8")


def _as_png(paths: list[Path], folder: Path) -> list[Path]:
    """Write pictures in the one format that every peer reads."""
    folder.mkdir()
    for path in paths:
        Image.fromarray(open_picture(path).rgb).save(folder / f"{path.stem}.png")
    return sorted(folder.iterdir())


def _runners(
    model: str, scale: int, scratch: Path, missing: dict[str, str], wanted: tuple[str, ...]
) -> list[Runner]:
    found = []
    for peer in (peer for peer in PEERS if not wanted or peer.name in wanted):
        if peer.scales and scale not in peer.scales:
            continue
        try:
            command = _command(peer, peer.what(model, scale, scratch))
        except Missing as problem:
            missing[peer.name] = str(problem)
        else:
            found.append(Runner(peer.name, command))
    return found


def _command(peer: Peer, what: object) -> Command:
    python, more = python_of(peer), [unpacked(peer.npm)] if peer.npm else []
    return lambda source, output: [python, peer.loop, source, output, what, *more]


def _ready(
    runners: list[Runner],
    paths: list[Path],
    scale: int,
    seconds: float,
    scratch: Path,
    missing: dict[str, str],
    trial: int,
) -> list[Runner]:
    """Return those that work, each with as many pictures as its share of a round allows."""
    expected, broken = first_round(runners, paths, scale, scratch, trial)
    if OURS in broken:
        raise click.ClickException(f"{OURS} fails: {broken[OURS]}")
    hints = {peer.name: peer.hint for peer in PEERS}
    for name, reason in broken.items():
        missing[f"{name}, x{scale}"] = "; ".join(filter(None, (reason, hints[name])))
    for name, part in share(expected, seconds).items():
        runner = next(runner for runner in runners if runner.name == name)
        runner.paths = evenly(paths, max(1, int(len(paths) * part / expected[name])))
    return [runner for runner in runners if runner.name in expected]


def _row(runner: Runner, reference: Runner, scale: int) -> dict[str, Any]:
    rounds = range(len(runner.seconds))
    ratios = [reference.rate(number, scale) / runner.rate(number, scale) for number in rounds]
    networks = {peer.name: peer.network for peer in PEERS}
    packages = {peer.name: (*peer.requires, *filter(None, [peer.npm])) for peer in PEERS}
    return {
        "scale": scale,
        "name": runner.name,
        "network": networks.get(runner.name, "ours"),
        "packages": packages.get(runner.name, ()),
        "files": len(runner.paths),
        "megapixels_out": round(megapixels(runner.paths) * scale**2, 2),
        "seconds": [round(value, 2) for value in runner.seconds],
        "mp_per_s": round(runner.median_rate(scale), 3),
        "ratios": [round(ratio, 2) for ratio in ratios],
        "times_slower": round(statistics.median(ratios), 2),
        "psnr_y": {},
    }


if __name__ == "__main__":
    main()
