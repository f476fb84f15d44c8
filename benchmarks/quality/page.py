"""The page of real pictures: bicubic, ours and Real-ESRGAN side by side.

    python benchmarks/quality/page.py --cache runs/peers

Writes docs/lab/real-pictures.md and its pictures, of what lies in `pictures/` beside this file.
"""

from pathlib import Path

import click
import numpy as np
from enlargers import BICUBIC, Timed, ours, peer, usual
from PIL import Image, ImageDraw

from upscaler.images import Picture, images_in, open_picture
from upscaler.inference.look import look_at
from upscaler.models import packaged_models
from upscaler.models.restoration import restoration_for
from upscaler.quality.degradation import Pixels

HERE = Path(__file__).parent
PAGE = HERE.parents[1] / "docs" / "lab" / "real-pictures.md"
PICTURES = PAGE.parent / "real-pictures"
SCALE, PEER = 4, "RealESRGAN_x4plus"
GAP, LABEL, QUALITY = 8, 22, 88

HEAD = """\
# Real pictures

Parts of nine free pictures, four times as large. Made by `python benchmarks/quality/page.py`.
Where they come from: [credits](../../benchmarks/quality/pictures/CREDITS.md).
What `auto`, the default, decided stands above each.
"""


@click.command()
@click.option("--cache", type=click.Path(path_type=Path), help="Folder for what the peer makes.")
def main(cache: Path | None) -> None:
    """Write the page."""
    names = {model.spec.name for model in packaged_models() if model.spec.scale == SCALE}
    restoring = [name for name in ("auto", "photo", "vivid") if name in {"auto", *names}]
    programs = [usual(SCALE), *(ours(name, SCALE) for name in restoring), peer(PEER, cache)]
    PICTURES.mkdir(parents=True, exist_ok=True)
    parts = [HEAD]
    for path in images_in(HERE / "pictures"):
        low = np.ascontiguousarray(open_picture(path).rgb)
        decided = restoration_for(look_at(Picture(colour=low)))
        made = PICTURES / f"{path.stem}.webp"
        sheet(programs, low).save(made, quality=QUALITY)
        title = path.stem.replace("-", " ").capitalize()
        parts.append(f"## {title}\n\n{decided}\n\n![{title}]({PICTURES.name}/{made.name})\n")
        click.echo(f"{path.name}: {decided}", err=True)
    PAGE.write_text("\n".join(parts), encoding="utf-8")


def sheet(programs: list[Timed], low: Pixels) -> Image.Image:
    """Return what each program makes of a picture, side by side, each below its name."""
    large = {program.name: program(low) for program in programs}
    height, width = large[BICUBIC].shape[:2]
    whole = Image.new("RGB", (len(large) * (width + GAP) - GAP, height + LABEL), "white")
    draw = ImageDraw.Draw(whole)
    for number, (name, pixels) in enumerate(large.items()):
        left = number * (width + GAP)
        whole.paste(Image.fromarray(pixels), (left, LABEL))
        draw.text((left + 4, 2), name, fill="black", font_size=15)
    return whole


if __name__ == "__main__":
    main()
