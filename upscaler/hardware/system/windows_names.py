"""Which names Windows keeps for itself, or would change."""

from pathlib import Path

_LONGEST_NAME, _LONGEST_PATH = 255, 259
"""In UTF-16 units; longer paths only where they are switched on."""

_NOT_IN_NAMES = frozenset('<>:"|?*') | {chr(code) for code in range(32)}
_DEVICES = {
    *("CON", "PRN", "AUX", "NUL", "CONIN$", "CONOUT$"),
    *(f"{port}{number}" for port in ("COM", "LPT") for number in "0123456789¹²³"),
}


def refused(path: Path, before: int) -> str:
    """Return why a file cannot have a name, in the words after `its name`; empty if it can.

    Args:
        path: below a folder.
        before: the units of that folder's own path; 0 where long paths are switched on.
    """
    for part in path.parts:
        if part.partition(".")[0].rstrip(" ").upper() in _DEVICES:
            return f"is one of a device on Windows: {part}"
        if part.endswith((".", " ")):
            return f"would lose the {part[-1]!r} at the end of {part!r} on Windows"
        if wrong := _NOT_IN_NAMES & set(part):
            return f"has a letter that Windows does not take: {min(wrong)!r}"
        if units(part) > _LONGEST_NAME:
            return f"would have {units(part)} letters, and Windows takes {_LONGEST_NAME}"
    length = before + units(str(path))
    if before and length > _LONGEST_PATH:
        return (
            f"would have {length} letters with its folders, and Windows takes {_LONGEST_PATH} as "
            f"long as long paths are not switched on"
        )
    return ""


def units(name: str) -> int:
    """Return the length of a name in UTF-16 units."""
    return len(name.encode("utf-16-le", errors="surrogatepass")) // 2
