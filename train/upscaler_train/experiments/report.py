"""Writes what the experiments came to: one page as Markdown and as HTML, pictures beside it."""

import shutil
from pathlib import Path
from typing import Any

from markdown_it import MarkdownIt
from matplotlib import colormaps
from matplotlib.figure import Figure

from upscaler_train.display.log import read_log
from upscaler_train.experiments.catalogue import SWEEP_BASE, SYSTEMS, catalogue
from upscaler_train.experiments.session import LOG, runs
from upscaler_train.experiments.trained_system import PANEL, TrainedSystem
from upscaler_train.training.evaluation import Similarity

_COLUMNS = (
    "experiment",
    "reported",
    "test MSE",
    "PSNR-Y, dB",
    "with another's vector, dB",
    "parameters",
    "MACs per pixel",
    "epochs",
    "seconds per epoch",
)
_WORDS = {
    "Systems": ["The report's networks, and AE-U, which `upscaler` ships, at scale 1."],
    "Sweeps": [
        "`3-layer-conv` is `3-layer` at half its width and without the linear bottleneck; the",
        "others change one thing about it. `grey` is `3-layer` on one channel, its vector of 128.",
    ],
}

_INPUT = {3: "return the input", 1: "return the input, grey"}
"""By channels: what a network must beat to be worth anything."""


def write(out: Path) -> Path:
    """Write `index.html`, `report.md` and their pictures into `out`.

    Returns:
        The path of `index.html`.
    """
    experiments = catalogue()
    systems = [name for name in experiments if name in SYSTEMS]
    sweeps = [name for name in experiments if name not in SYSTEMS]
    found = {name: TrainedSystem.load(runs(out) / name) for name in experiments}
    done = [outcome for outcome in found.values() if outcome]
    parts = ["# The seed report's experiments", "", *_introduction(done)]
    for title, group in (("Systems", systems), ("Sweeps", sweeps)):
        parts += ["", f"## {title}", "", *_WORDS[title], ""]
        parts += _table({name: found[name] for name in group})
        for label, names in _figures(title, group).items():
            trained = [name for name in names if found[name]]
            if trained != [SWEEP_BASE]:
                parts += _curves(out, label, trained)
    parts += ["", "## Pictures", "", "Each row: input, output, original."]
    parts += _panels(out, [name for name in systems if found[name]])
    text = "\n".join(parts) + "\n"
    (out / "report.md").write_text(text, encoding="utf-8")
    page = out / "index.html"
    page.write_text(_html(text), encoding="utf-8")
    return page


def _figures(title: str, group: list[str]) -> dict[str, list[str]]:
    """Return which experiments share a figure: all systems, or a sweep with what it changes."""
    if title == "Systems":
        return {"systems": group}
    experiments = catalogue()
    sweeps = {experiments[name].sweep for name in group} - {""}
    return {
        sweep: [SWEEP_BASE, *(name for name in group if experiments[name].sweep == sweep)]
        for sweep in sorted(sweeps)
    }


def _introduction(done: list[TrainedSystem]) -> list[str]:
    machines = sorted({f"torch {row.torch}, {row.machine}, {row.date}" for row in done})
    arithmetic = ", ".join(sorted({row.precision for row in done}))
    commands = sorted({row.command for row in done})
    lines = [
        "Mean squared error of values in [0, 1], and PSNR-Y, on the test pictures, measured in",
        f"float32; trained in {arithmetic}. `With another's vector` is the PSNR-Y when each",
        "picture gets what the linear bottleneck made of another one. Seconds per epoch are wall",
        "time, with the look at the validation pictures and the writing of checkpoints.",
    ]
    lines += ["", "Measured with:", "", *(f"- {machine}" for machine in machines)]
    return [*lines, "", "```", *commands, "```"]


def _table(rows: dict[str, TrainedSystem | None]) -> list[str]:
    lines = [_row(*_COLUMNS), _row(*["---"] * len(_COLUMNS))]
    given = {row.channels: row.given for row in rows.values() if row}
    for channels in sorted(given, reverse=True):
        lines.append(_row(_INPUT[channels], "", *_scores(given[channels]), "", "0", "0", "", ""))
    return lines + [_experiment(name, row) for name, row in rows.items()]


def _experiment(name: str, row: TrainedSystem | None) -> str:
    if row is None:
        reported = catalogue()[name].recipe().reported
        return _row(name, reported, "not trained yet", *[""] * (len(_COLUMNS) - 3))
    size = f"{row.parameters / 1e6:.2f} M"
    cost = f"{row.macs_per_pixel / 1e3:.1f} k"
    epochs, time = f"{row.epochs:.3g}", f"{row.seconds_per_epoch:.1f}"
    strange = f"{row.strange.psnr_y:.2f}" if row.strange else ""
    return _row(name, row.reported, *_scores(row.test), strange, size, cost, epochs, time)


def _row(*cells: str) -> str:
    return f"| {' | '.join(cells)} |"


def _scores(score: Similarity) -> tuple[str, str]:
    return f"{score.mse:.5f}", f"{score.psnr_y:.2f}"


def _curves(out: Path, label: str, names: list[str]) -> list[str]:
    """Draw training and validation loss and return the lines that show them, if there are any."""
    logs = {name: log for name in names if (log := read_log(runs(out) / name / LOG))}
    if not logs:
        return []
    figure = Figure(figsize=(9, 5), layout="constrained")
    axes = figure.subplots()
    for number, (name, log) in enumerate(logs.items()):
        style: dict[str, Any] = {"color": colormaps["tab20"](number), "marker": "o"}
        style |= {"markersize": 3}
        epochs = [row["epoch"] for row in log]
        axes.plot(epochs, [row["val_mse"] for row in log], label=name, **style)
        axes.plot(epochs, [row["loss"] for row in log], linestyle=":", **style)
    axes.set(yscale="log", xlabel="epoch", ylabel="MSE: validation (solid), training (dotted)")
    axes.legend(fontsize="small", loc="center left", bbox_to_anchor=(1, 0.5))
    path = out / f"curves-{label}.svg"
    figure.savefig(path, metadata={"Date": None})
    return ["", f"![Loss by epoch: {label}]({path.name})"]


def _panels(out: Path, names: list[str]) -> list[str]:
    lines = []
    for name in names:
        if (panel := runs(out) / name / PANEL).is_file():
            shutil.copyfile(panel, out / f"{name}.webp")
            lines += ["", f"### {name}", "", f"![{name}]({name}.webp)"]
    return lines


def _html(text: str) -> str:
    body = MarkdownIt("commonmark").enable("table").render(text)
    return (
        '<!doctype html>\n<html lang="en"><meta charset="utf-8">'
        "<title>The seed report's experiments</title>\n"
        "<style>body{font-family:sans-serif;max-width:70em;margin:2em auto;padding:0 1em}"
        "td,th{padding:.2em .6em;text-align:left}img{max-width:100%}</style>\n"
        f"{body}</html>\n"
    )
