"""Writes what the experiments came to: one page as Markdown and as HTML, pictures beside it."""

import json
import shutil
from pathlib import Path
from typing import Any

from markdown_it import MarkdownIt
from matplotlib.figure import Figure

from upscaler_train.evaluation import Score
from upscaler_train.experiments.catalogue import SYSTEMS, catalogue
from upscaler_train.experiments.outcome import PANEL, Outcome
from upscaler_train.experiments.session import LOG, runs

_COLUMNS = (
    "experiment",
    "reported",
    "test MSE",
    "PSNR-Y, dB",
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
    names = list(catalogue())
    systems = [name for name in names if name in SYSTEMS]
    sweeps = [name for name in names if name not in SYSTEMS]
    found = {name: Outcome.load(runs(out) / name) for name in names}
    done = [outcome for outcome in found.values() if outcome]
    parts = ["# The seed report's experiments", "", *_introduction(done)]
    for title, group in (("Systems", systems), ("Sweeps", sweeps)):
        parts += ["", f"## {title}", "", *_WORDS[title], ""]
        parts += _table({name: found[name] for name in group})
        if picture := _curves(out, title.lower(), group):
            parts += ["", f"![Loss of the {title.lower()} by epoch]({picture})"]
    parts += ["", "## Pictures", "", "Each row: input, output, original."]
    parts += _panels(out, systems)
    text = "\n".join(parts) + "\n"
    (out / "report.md").write_text(text, encoding="utf-8")
    page = out / "index.html"
    page.write_text(_html(text), encoding="utf-8")
    return page


def _introduction(done: list[Outcome]) -> list[str]:
    machines = sorted({f"torch {row.torch}, {row.machine}, {row.date}" for row in done})
    commands = sorted({row.command for row in done})
    lines = ["Mean squared error of values in [0, 1], and PSNR-Y, on the test pictures; seconds"]
    lines += ["per epoch are wall time and include a look at the validation pictures."]
    lines += ["", "Measured with:", "", *(f"- {machine}" for machine in machines)]
    return [*lines, "", "```", *commands, "```"]


def _table(rows: dict[str, Outcome | None]) -> list[str]:
    lines = [_row(*_COLUMNS), _row(*["---"] * len(_COLUMNS))]
    given = {row.channels: row.given for row in rows.values() if row}
    for channels in sorted(given, reverse=True):
        lines.append(_row(_INPUT[channels], "", *_scores(given[channels]), "0", "0", "", ""))
    return lines + [_experiment(name, row) for name, row in rows.items()]


def _experiment(name: str, row: Outcome | None) -> str:
    if row is None:
        return _row(name, "", "not trained yet", *[""] * (len(_COLUMNS) - 3))
    size = f"{row.parameters / 1e6:.2f} M"
    cost = f"{row.macs_per_pixel / 1e3:.1f} k"
    time = f"{row.seconds_per_epoch:.1f}"
    return _row(name, row.reported, *_scores(row.test), size, cost, f"{row.epochs:g}", time)


def _row(*cells: str) -> str:
    return f"| {' | '.join(cells)} |"


def _scores(score: Score) -> tuple[str, str]:
    return f"{score.mse:.5f}", f"{score.psnr_y:.2f}"


def _curves(out: Path, title: str, names: list[str]) -> str | None:
    """Draw training and validation loss; None if there is nothing to draw yet."""
    logs = {name: log for name in names if (log := _log(runs(out) / name / LOG))}
    if not logs:
        return None
    figure = Figure(figsize=(9, 5), layout="constrained")
    axes = figure.subplots()
    for number, (name, log) in enumerate(logs.items()):
        style: dict[str, Any] = {"color": f"C{number % 10}", "marker": "o", "markersize": 3}
        epochs = [row["epoch"] for row in log]
        axes.plot(epochs, [row["val_mse"] for row in log], label=name, **style)
        axes.plot(epochs, [row["loss"] for row in log], linestyle=":", **style)
    axes.set(yscale="log", xlabel="epoch", ylabel="MSE: validation (solid), training (dotted)")
    axes.legend(fontsize="small", loc="center left", bbox_to_anchor=(1, 0.5))
    path = out / f"curves-{title}.svg"
    figure.savefig(path, metadata={"Date": None})
    return path.name


def _log(path: Path) -> list[dict[str, float]]:
    if not path.is_file():
        return []
    rows = map(json.loads, path.read_text(encoding="utf-8").splitlines())
    # what was trained again after a kill stands there twice; the last word counts
    return list({row["step"]: row for row in rows}.values())


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
