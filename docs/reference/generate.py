"""Make the generated parts of the documentation: the reference, tables and pictures.

    python docs/reference/generate.py
    python docs/reference/generate.py --measure   # what commands print, too: on an idle machine

What a command prints stands between two comments, of which the first names the command. The
comparisons with other programs are made from the newest results of benchmarks/peers/compare.py.
"""

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import click
import formats
import man
import numpy as np
import run_picture
from PIL import Image, ImageDraw

from upscaler import Upscaler
from upscaler.cli.main import commands
from upscaler.models import CLEAN_MODEL, packaged_models
from upscaler.quality.degradation import jpeg

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
README, MEASUREMENTS = ROOT / "README.md", ROOT / "docs" / "lab" / "measurements.md"
PRINTED = ROOT / "docs" / "guide" / "gpus.md", MEASUREMENTS
"""Where it stands what commands print."""
PICTURES = ROOT / "docs" / "pictures"
SAMPLES = ROOT / "samples"

TABLE = re.compile(r"<!-- (?P<command>upscaler [^>]*) -->\n.*?<!-- end -->", re.DOTALL)

PEERS = re.compile(r"<!-- peers -->\n.*?<!-- end -->", re.DOTALL)

IN_SHORT = re.compile(r"<!-- peers, in short -->\n.*?<!-- end -->", re.DOTALL)
"""The README's part of it: the default model, with one set."""

SHORT_SET = "BSD100"

SCALE = 4
BEFORE_AFTER = "colosseum.png", (60, 78, 160, 144)
"""A sample, and left, top, right, bottom of the crop in it."""

MODELS = "otter.png", (108, 96, 178, 166)
"""What the models are shown on."""

JPEG = "spices.webp", (40, 60, 140, 126), 60
"""What `photo` is shown on, and the JPEG quality that it is compressed with."""


def reference() -> str:
    """Return the help of every command as Markdown."""
    parts = [
        "# Commands",
        "",
        "Made by `python docs/reference/generate.py` from the program's help.",
    ]
    width = {"terminal_width": 88, "max_content_width": 88}
    root = commands.make_context("upscaler", [], resilient_parsing=True, **width)
    parts += ["", "```", commands.get_help(root), "```"]
    for name in commands.list_commands(root):
        command = commands.get_command(root, name)
        assert command is not None
        context = click.Context(command, info_name=name, parent=root, **width)
        parts += ["", f"## upscaler {name}", "", "```", command.get_help(context), "```"]
    return "\n".join(parts) + "\n"


def manual() -> str:
    """Return the manual page."""
    return man.page(commands.make_context("upscaler", [], resilient_parsing=True))


MODELS_HEAD = """\
# Models

Made by `python docs/reference/generate.py` from the cards of the packaged models. The name links
to the card, which says what the model was trained on, for how long, and how it was checked. Which
one to take: [choosing a model](../guide/choosing-a-model.md).

Quality is the mean PSNR of the brightness in dB (higher is nearer to the original), computed in
fp32 and saved with 8 bits. Work is thousands of multiplications for a pixel of the output: the
time that a model takes grows with it.

"""


def models() -> str:
    """Return the table of the packaged models."""
    rows = {model.title: model.spec for model in packaged_models()}
    sets = list(dict.fromkeys(name for spec in rows.values() for name in sorted(spec.quality)))
    head = ["model", "work", "parameters", *map(_in_words, sets)]
    lines = [head, ["---"] * len(head)]
    for title, spec in rows.items():
        name = f"[{title}](../../upscaler/models/packaged/{title}.md)"
        quality = [f"{spec.quality[key]:.2f}" if key in spec.quality else "" for key in sets]
        work = f"{spec.macs_per_pixel / 1000:.1f}"
        lines.append([name, work, f"{spec.parameters / 1000:.0f} K", *quality])
    return MODELS_HEAD + "\n".join("| " + " | ".join(line) + " |" for line in lines) + "\n"


def _in_words(scored: str) -> str:
    """`Set5 noise:15,jpeg:85` -> `Set5, noise 15, JPEG 85`."""
    parts = scored.replace(" ", ",").replace("jpeg", "JPEG").replace(":", " ")
    return parts.replace(",", ", ")


def against_bicubic(name: str, box: tuple[int, int, int, int]) -> Image.Image:
    """Return three enlargements of one crop: its own pixels, bicubic and ours."""
    small = _sample(name).crop(box)
    size = small.width * SCALE, small.height * SCALE
    return _side_by_side(
        {
            "low resolution": small.resize(size, Image.Resampling.NEAREST),
            "bicubic": small.resize(size, Image.Resampling.BICUBIC),
            "upscaler": Upscaler(scale=SCALE)(small),
        }
    )


def by_model(name: str, box: tuple[int, int, int, int]) -> Image.Image:
    """Return one crop enlarged by bicubic and by three models."""
    small = _sample(name).crop(box)
    size = small.width * SCALE, small.height * SCALE
    panels = {"bicubic": small.resize(size, Image.Resampling.BICUBIC)}
    panels |= {one: Upscaler(one, scale=SCALE)(small) for one in ("fast", "balanced", "quality")}
    return _side_by_side(panels)


def after_jpeg(name: str, box: tuple[int, int, int, int], quality: int) -> Image.Image:
    """Return three enlargements of one crop of a JPEG: bicubic, and two of ours."""
    low = Image.fromarray(jpeg(np.asarray(_sample(name)), quality))
    size = low.width * SCALE, low.height * SCALE
    whole = {
        f"JPEG of quality {quality}, bicubic": low.resize(size, Image.Resampling.BICUBIC),
        "balanced": Upscaler("balanced", scale=SCALE)(low),
        "photo": Upscaler("photo", scale=SCALE)(low),
    }
    left, top, right, bottom = (SCALE * side for side in box)
    return _side_by_side(
        {title: image.crop((left, top, right, bottom)) for title, image in whole.items()}
    )


def _sample(name: str) -> Image.Image:
    with Image.open(SAMPLES / name) as image:
        return image.convert("RGB")


def _side_by_side(panels: dict[str, Image.Image]) -> Image.Image:
    """Return panels of one size in a row, each below its title."""
    width, height = next(iter(panels.values())).size
    gap, label = 8, 22
    sheet = Image.new("RGB", (len(panels) * (width + gap) - gap, height + label), "white")
    draw = ImageDraw.Draw(sheet)
    for index, (title, panel) in enumerate(panels.items()):
        left = index * (width + gap)
        sheet.paste(panel, (left, label))
        draw.text((left + 4, 2), title, fill="black", font_size=15)
    return sheet


def measured(text: str) -> str:
    """Return a document with what its commands say on this machine."""

    def table(found: re.Match[str]) -> str:
        command = found["command"]
        done = subprocess.run(
            [sys.executable, "-m", *command.split()], stdout=subprocess.PIPE, text=True, check=True
        )
        lines = [line.rstrip() for line in done.stdout.splitlines()]
        printed = "\n".join(lines).strip("\n")
        return f"<!-- {command} -->\n```\n{printed}\n```\n<!-- end -->"

    return TABLE.sub(table, text)


def peers(result: dict[str, Any]) -> str:
    """Return what benchmarks/peers/compare.py measured as a Markdown table."""
    sets = list(dict.fromkeys(name for row in result["measured"] for name in row["psnr_y"]))
    head = ["scale", "program", "network", "files", "MP/s", "ours is", *sets]
    lines = [head, ["---"] * len(head)]
    for row in sorted(result["measured"], key=lambda row: (row["scale"], -row["mp_per_s"])):
        quality = [f"{row['psnr_y'][name]:.2f}" if name in row["psnr_y"] else "" for name in sets]
        speed = [f"{row['mp_per_s']:.2f}", f"{row['times_slower']:.2f}x"]
        about = [f"x{row['scale']}", row["name"], row["network"], str(row["files"])]
        lines.append([*about, *speed, *quality])
    taken, used = result["photographs"], result["versions"]
    packages = {name for row in result["measured"] for name in row["packages"]}
    versions = [*(f"{name} {number}" for name, number in used.items()), *sorted(packages)]
    said = [
        *("| " + " | ".join(line) + " |" for line in lines),
        "",
        f"{taken['files']} photographs, {taken['megapixels']} MP; ours: `{result['model']}`; MP/s "
        f'of output, "ours is" the median of the ratios of each round; PSNR-Y in dB. '
        f"{result['machine']}, {result['date']}. {', '.join(versions)}.",
        *(f"Not run: {name} ({reason})." for name, reason in result["missing"].items()),
    ]
    return "\n".join(said)


def peers_in_short(result: dict[str, Any]) -> str:
    """Return the same with a row for each program, all scales side by side."""
    rows: dict[str, dict[int, dict[str, Any]]] = {}
    for row in sorted(result["measured"], key=lambda row: (row["scale"], -row["mp_per_s"])):
        rows.setdefault(row["name"], {})[row["scale"]] = row
    scales = sorted({row["scale"] for row in result["measured"]})
    head = ["program", *(f"x{scale}: MP/s | x{scale}: quality, dB" for scale in scales)]
    lines = ["| " + " | ".join(head) + " |", "|---|" + "--:|" * (2 * len(scales))]
    for name, by_scale in rows.items():
        cells = [_in_short(by_scale.get(scale)) for scale in scales]
        lines.append("| " + " | ".join([name, *cells]) + " |")
    return "\n".join(lines)


def _in_short(row: dict[str, Any] | None) -> str:
    if row is None:
        return " | "
    quality = row["psnr_y"].get(SHORT_SET)
    said = "" if quality is None else f"{quality:.2f}"
    return f"{row['mp_per_s']:.1f} | {said}"


def compared(text: str) -> str:
    """Return a document with the newest comparison of each model; as it is if there is none."""
    paths = (ROOT / "benchmarks" / "results").glob("peers-*.json")
    results = [json.loads(path.read_text(encoding="utf-8")) for path in paths]
    newest = {one["model"]: one for one in sorted(results, key=lambda one: str(one["date"]))}
    if not newest:
        return text
    tables = "\n\n".join(peers(newest[model]) for model in sorted(newest))
    text = PEERS.sub(lambda _: f"<!-- peers -->\n{tables}\n<!-- end -->", text)
    if CLEAN_MODEL not in newest:
        return text
    short = peers_in_short(newest[CLEAN_MODEL])
    return IN_SHORT.sub(lambda _: f"<!-- peers, in short -->\n{short}\n<!-- end -->", text)


@click.command()
@click.option("--measure", is_flag=True, help="Run the commands whose output is shown, too.")
def main(measure: bool) -> None:
    """Write everything."""
    if measure:
        for document in PRINTED:
            document.write_text(measured(document.read_text(encoding="utf-8")), encoding="utf-8")
        (PICTURES / "run.svg").write_text(run_picture.draw(), encoding="utf-8")
    for document in (MEASUREMENTS, README):
        document.write_text(compared(document.read_text(encoding="utf-8")), encoding="utf-8")
    (HERE / "commands.md").write_text(reference(), encoding="utf-8")
    (HERE / "upscaler.1").write_text(manual(), encoding="utf-8")
    (HERE / "formats.md").write_text(formats.table(), encoding="utf-8")
    (HERE / "models.md").write_text(models(), encoding="utf-8")
    against_bicubic(*BEFORE_AFTER).save(PICTURES / f"before-after-x{SCALE}.png", optimize=True)
    by_model(*MODELS).save(PICTURES / f"models-x{SCALE}.png", optimize=True)
    after_jpeg(*JPEG).save(PICTURES / f"jpeg-x{SCALE}.png", optimize=True)


if __name__ == "__main__":
    main()
