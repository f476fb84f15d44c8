"""A picture of a run in a terminal: what the program prints over samples/, drawn by rich."""

import io
import re
import subprocess
import sys
import tempfile
from pathlib import Path

from rich.console import Console
from rich.text import Text

ROOT = Path(__file__).parents[2]
COMMAND = "upscaler run samples/ out/ -v"

COLUMNS = 92
"""Of the terminal."""

FONT_FROM_A_SERVER = re.compile(r"@font-face \{.*?\}\s*", re.DOTALL)
"""What rich adds: a picture must not ask one. Fonts of the reader's computer are as good."""


def draw() -> str:
    """Run the command on this machine; return it and what it printed as SVG."""
    with tempfile.TemporaryDirectory() as name:
        (Path(name) / "samples").symlink_to(ROOT / "samples")
        done = subprocess.run(
            [sys.executable, "-m", *COMMAND.split()],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            cwd=name,
            text=True,
            check=True,
        )
    console = Console(record=True, width=COLUMNS, file=io.StringIO())
    console.print(Text(f"$ {COMMAND}", "bold"))
    console.print(Text(done.stdout.rstrip()))
    drawn = console.export_svg(title="upscaler", unique_id="run")
    lines = FONT_FROM_A_SERVER.sub("", drawn).splitlines()
    return "\n".join(line.rstrip() for line in lines).strip() + "\n"
