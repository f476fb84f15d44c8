"""How much to restore after what damage: what the rules of `auto` are read off.

    python benchmarks/quality/strengths.py held-out -s 4

For each kind of damage: the PSNR of RGB in dB with bicubic and at each strength of restoration,
what is found in the pictures (in the middle one, and the most), and what `auto` makes of it: how
far it is from the better of `balanced` and `photo` in the mean, and how far below bicubic on the
worst picture. Never run it on the standard test sets: rules are not to be fitted to them.
"""

from collections import Counter
from pathlib import Path

import click
import numpy as np
from damages import DAMAGES, FINER, in_words, some, trials

from upscaler.images import Picture
from upscaler.inference.look import look_at
from upscaler.models.restoration import restoration_for
from upscaler.quality.metrics import bicubic, psnr
from upscaler.upscaler import Upscaler

STRENGTHS = (0.0, 0.25, 0.5, 0.75, 1.0)
FOLDER = click.Path(exists=True, file_okay=False, path_type=Path)


@click.command()
@click.argument("folders", type=FOLDER, nargs=-1, required=True)
@click.option("--scale", "-s", default=4, show_default=True)
@click.option("--files", type=int, help="How many pictures of each folder; all if not given.")
def main(folders: tuple[Path, ...], scale: int, files: int | None) -> None:
    """Print a line for each kind of damage."""
    paths = [path for folder in folders for path in some(folder, files)]
    networks = {each: Upscaler("balanced", scale=scale, restore=each) for each in STRENGTHS}
    head = ["damage", "bicubic", *(f"{each:g}" for each in STRENGTHS), "auto", "of the better"]
    click.echo(_row([*head, "worst beside bicubic", "chosen", "JPEG", "noise"]))
    click.echo(_row(["---"] * (len(head) + 4)))
    for damage in (*DAMAGES, *FINER):
        scores, found = [], []
        for trial in trials(paths, damage, scale):
            picture = Picture(colour=trial.low)
            made = [network.enlarge(picture).colour for network in networks.values()]
            scores.append([psnr(each, trial.truth) for each in (bicubic(trial.low, scale), *made)])
            found.append(look_at(picture))
        click.echo(_line(damage, np.array(scores), found))


def _line(damage: str, scores: np.ndarray, found: list) -> str:
    chosen = [restoration_for(each).strength for each in found]
    places = [1 + STRENGTHS.index(strength) for strength in chosen]
    auto = scores[np.arange(len(scores)), places]
    means = scores.mean(axis=0)
    qualities = Counter(each.jpeg_quality for each in found).most_common(1)[0][0]
    noise = [each.noise for each in found]
    return _row(
        [
            in_words(damage),
            *(f"{mean:.2f}" for mean in means),
            f"{auto.mean():.2f}",
            f"{auto.mean() - max(means[1], means[-1]):+.2f}",
            f"{(auto - scores[:, 0]).min():+.2f}",
            ", ".join(f"{each:g}: {count}" for each, count in sorted(Counter(chosen).items())),
            str(qualities or ""),
            f"{np.median(noise):.1f}, {max(noise):.1f}",
        ]
    )


def _row(cells: list[str]) -> str:
    return "| " + " | ".join(cells) + " |"


if __name__ == "__main__":
    main()
