"""Runs a small folder again and again, each time with another call failing, then resumes it.

    LD_PRELOAD=failing_calls.so python every_call.py IN SCRATCH KIND

Prints a JSON line for each run: what failed, the exit codes, and what was wrong, if anything.
"""

import contextlib
import ctypes
import errno
import io
import json
import shutil
import sys
from itertools import count
from pathlib import Path

from upscaler.batch.report import Status
from upscaler.cli.main import main

KINDS = ["open", "write", "fsync", "rename"]
ERRORS = [errno.EIO, errno.ENOSPC, errno.EACCES]
SHIM = ctypes.CDLL(None)


def run(source: Path, out: Path) -> int:
    """Run the command line in this process and return its exit code.

    A run that began must come to one result for each planned file.
    """
    said, code = io.StringIO(), None
    with contextlib.redirect_stdout(said), contextlib.redirect_stderr(io.StringIO()):
        try:
            main(["run", str(source), str(out), "-s", "2", "-r", "cpu", "-j", "1", "--json"])
        except SystemExit as ended:
            code = int(ended.code or 0)
    assert code is not None, "main has not exited"
    if code in (0, 1):
        summary = json.loads(said.getvalue().splitlines()[-1])
        assert sum(summary[status] for status in Status) == summary["planned"]
    return code


def tree(out: Path) -> dict[str, bytes]:
    """Return the outputs and whatever else lies there, the journal apart."""
    files = (path for path in out.rglob("*") if path.is_file())
    found = {path.relative_to(out).as_posix(): path.read_bytes() for path in files}
    return {name: content for name, content in found.items() if ".upscaler/" not in name}


def faults(whole: dict[str, bytes], first: int, left: dict[str, bytes]) -> list[str]:
    """Say what is wrong after a run in which something failed."""
    wrong = [f"{name} is not whole" for name, content in left.items() if whole.get(name) != content]
    if first not in (1, 3) and left != whole:
        wrong.append(f"exit code {first} with {len(left)} of {len(whole)} outputs")
    return wrong


def every_call(source: Path, scratch: Path, kind: str) -> None:
    """Let each call of a kind fail once in each way."""
    run(source, scratch / "whole")
    whole = tree(scratch / "whole")
    out = scratch / "out"
    for number in ERRORS:
        for call in count(1):
            shutil.rmtree(out, ignore_errors=True)
            SHIM.arm(str(scratch.parent).encode(), KINDS.index(kind), call, number)
            try:
                first = run(source, out)
            finally:
                calls = SHIM.disarm()
            if calls < call:
                break
            wrong = faults(whole, first, tree(out) if out.exists() else {})
            again = run(source, out)
            if again != 0 or tree(out) != whole:
                wrong.append(f"the resume ended with {again} and {len(tree(out))} files")
            fact = {"error": errno.errorcode[number], "call": call, "exit": first}
            print(json.dumps({**fact, "wrong": wrong}), flush=True)


if __name__ == "__main__":
    every_call(Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3])
