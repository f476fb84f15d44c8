"""Put a collection of valid, odd and broken files through `upscaler run`, and set out what it said.

python docs/lab/corpus.py CORPUS        # with the folders valid, odd and broken, and manifest.csv
"""

import csv
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import click

HERE = Path(__file__).parent
KINDS = ("valid", "odd", "broken")


def results(folder: Path, seconds: dict[str, float]) -> dict[str, dict[str, object]]:
    """Return what a run said of each file of a folder; notes how long the run took."""
    with tempfile.TemporaryDirectory() as scratch:
        command = [sys.executable, "-m", "upscaler", "run", str(folder), scratch, "-s", "2"]
        began = time.perf_counter()
        done = subprocess.run([*command, "--json"], capture_output=True, text=True, check=False)
        seconds[folder.name] = time.perf_counter() - began
    if done.returncode not in (0, 1):
        raise click.ClickException(done.stderr)
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    return {line["name"]: line for line in lines if line.get("event") == "file"}


def table(corpus: Path) -> str:
    """Return the document."""
    with (corpus / "manifest.csv").open(encoding="utf-8", newline="") as file:
        whats = {(row["kind"], row["file"]): row["what"] for row in csv.DictReader(file)}
    seconds: dict[str, float] = {}
    parts = ["# A collection of difficult files", "", _HEAD]
    for kind in KINDS:
        found = results(corpus / kind, seconds)
        done = sum(line["status"] == "done" for line in found.values())
        parts += ["", f"## {kind}: {done} of {len(found)} converted", ""]
        parts += ["| file | what it is | result |", "|---|---|---|"]
        for name, line in sorted(found.items()):
            said = [line["status"], *line.get("warnings", ()), line.get("error")]
            words = "; ".join(str(part) for part in said if part)
            parts.append(f"| {name} | {whats.get((kind, name), '')} | {words} |")
    return "\n".join(parts) + "\n"


_HEAD = """\
Made by `python docs/lab/corpus.py`: what `upscaler run -s 2` says of files that Pillow, libvips,
sharp and PngSuite keep to test their own readers. What has no image name is not listed."""


@click.command()
@click.argument("corpus", type=click.Path(exists=True, path_type=Path))
def main(corpus: Path) -> None:
    """Write docs/lab/corpus.md."""
    (HERE / "corpus.md").write_text(table(corpus), encoding="utf-8")


if __name__ == "__main__":
    main()
