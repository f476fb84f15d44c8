"""What the outputs are called; no two share a name, on no file system.

The rule, which looks at all images of the input folder at once, whatever is chosen of them:

1. An output keeps the path and the stem of its input, with a suffix if one is asked for; the
   extension follows the format.
2. Names that some file systems take for one (by case, or by how an accent is composed) count as
   one, everywhere.
3. Where several inputs want one name, the one that has it already gets it, else the first by the
   bytes of its path. The others keep their whole name before the new extension, `a.jpg.png`, and
   a number if that is taken too, `a.jpg-2.png`.

It never looks at what came before. Where an input comes later whose output has a name that another
one had, that output is made again under its new name, and the old file is replaced.
"""

import os
import unicodedata
from collections import defaultdict
from collections.abc import Mapping
from pathlib import Path

from upscaler.errors import UsageError
from upscaler.images import Format


def name_outputs(formats: Mapping[Path, Format], suffix: str = "") -> dict[Path, Path]:
    """Return the output's path below the output folder for each input's below the input folder.

    Args:
        suffix: what each stem gets at its end.

    Raises:
        UsageError: a path leads out of its folder.
    """
    wanted = {file: target_name(file, kind, suffix) for file, kind in formats.items()}
    rivals: dict[str, list[Path]] = defaultdict(list)
    for file, name in wanted.items():
        _refuse_to_leave(file)
        rivals[_folded(name)].append(file)
    folders = {_folded(folder) for file in formats for folder in file.parents}
    taken = folders | rivals.keys()
    names: dict[Path, Path] = {}
    for folded in sorted(rivals):
        first, *others = sorted(rivals[folded], key=lambda file: _precedence(file, wanted[file]))
        if folded in folders:
            others.insert(0, first)
        else:
            names[first] = wanted[first]
        for file in others:
            names[file] = _free_name(file, suffix + formats[file].extensions[0], taken)
            taken.add(_folded(names[file]))
    return {file: names[file] for file in formats}


def target_name(file: Path, kind: Format, suffix: str = "") -> Path:
    """Keep a name whose extension already says the format; otherwise exchange the extension.

    Args:
        suffix: what the stem gets at its end.
    """
    same = file.suffix.lower() in kind.extensions
    named = file if same else file.with_suffix(kind.extensions[0])
    return named.with_name(f"{named.stem}{suffix}{named.suffix}") if suffix else named


def _precedence(file: Path, wanted: Path) -> tuple[bool, bytes]:
    return file.suffix != wanted.suffix, os.fsencode(file)


def _free_name(file: Path, ending: str, taken: set[str]) -> Path:
    name, number = file.with_name(file.name + ending), 1
    while _folded(name) in taken:
        number += 1
        name = file.with_name(f"{file.name}-{number}{ending}")
    return name


def _folded(name: Path) -> str:
    """Return what is the same for names that some file system takes for one."""
    return unicodedata.normalize("NFC", unicodedata.normalize("NFD", str(name)).casefold())


def _refuse_to_leave(file: Path) -> None:
    if file.anchor or ".." in file.parts or "\0" in str(file):
        raise UsageError(f"{str(file)!r} is no path below the input folder")
