"""The results of judge.py as a page of Markdown."""

from collections.abc import Sequence
from typing import Any

from damages import in_words

HEAD = """\
# Damaged pictures

Made by `benchmarks/quality/judge.py`. Pictures are shrunk, damaged, and enlarged again. In each
cell: PSNR of RGB in dB, SSIM of the brightness, and how much neighbouring pixels differ, beside the
original's (1.00: as sharp). Real-ESRGAN gets few pictures, since it takes long; what is beside it
is of the same ones.
"""


def page(results: Sequence[dict[str, Any]]) -> str:
    """Return the page: for each result a heading, the speeds, and a table for each set."""
    parts = [HEAD]
    for result in results:
        parts += [f"## {result['scale']} times as large\n", _speeds(result)]
        parts += [_table(each) for each in result["sets"]]
    return "\n".join(parts)


def _speeds(result: dict[str, Any]) -> str:
    rows = [f"{name} {speed:g}" for name, speed in result["mp_per_s"].items()]
    return (
        f"Megapixels of output a second, one picture after the other: {', '.join(rows)}. "
        f"{result['machine']}, {result['date']}.\n"
    )


def _table(judged: dict[str, Any]) -> str:
    names = list(judged["rows"][0]["programs"])
    lines = [["", *names, "auto on its worst picture, beside bicubic"]]
    lines.append(["---"] * len(lines[0]))
    for row in judged["rows"]:
        programs = row["programs"]
        cells = [
            f"{each['psnr']:.2f} / {each['ssim']:.3f} / {each['sharpness']:.2f}"
            for each in programs.values()
        ]
        worst = f"{programs['auto']['least_above_bicubic']:+.2f}" if "auto" in programs else ""
        lines.append([in_words(row["damage"]), *cells, worst])
    table = "\n".join("| " + " | ".join(line) + " |" for line in lines)
    return f"### {judged['name']}, {judged['files']} pictures\n\n{table}\n"
