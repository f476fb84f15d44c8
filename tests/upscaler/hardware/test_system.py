"""What a system does by itself, on the one that is here; `make wine` shows the same of Windows."""

import ast
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

import upscaler
from upscaler.hardware import system

ROOT = Path(upscaler.__file__).parent
HOME = ROOT / "hardware" / "system"
OF_ONE_SYSTEM = {"fcntl", "resource", "pwd", "grp", "termios", "msvcrt", "winreg", "psutil"}
ASKS = {"sys.platform", "os.name", "platform.system"}
ONLY_SHOWN = {"measure/doctor.py"}


def public(path):
    for node in ast.parse(path.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.FunctionDef):
            yield node.name, [argument.arg for argument in node.args.args]
        elif isinstance(node, ast.Assign):
            names = [name for target in node.targets for name in ast.walk(target)]
            yield from ((name.id, None) for name in names if isinstance(name, ast.Name))


def offered(name):
    return sorted(each for each in public(HOME / name) if not each[0].startswith("_"))


def test_both_kinds_of_systems_offer_the_same():
    assert offered("posix.py") == offered("windows.py")


@pytest.mark.parametrize("path", sorted(ROOT.rglob("*.py")), ids=str)
def test_no_other_file_asks_which_system_it_is(path):
    if path.parent == HOME or path.relative_to(ROOT).as_posix() in ONLY_SHOWN:
        return
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            assert not OF_ONE_SYSTEM & {name.name for name in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.module not in OF_ONE_SYSTEM
        elif isinstance(node, ast.Attribute):
            assert ast.unparse(node) not in ASKS


def test_an_open_file_may_be_renamed_and_removed(tmp_path):
    draft, path = tmp_path / "a.part", tmp_path / "a.png"
    path.write_bytes(b"old")
    with system.create(draft, 0o666) as file:
        file.write(b"new")
        file.flush()
        system.replace(draft, path)
        with system.open_to_read(path) as reader:
            assert reader.read() == b"new"
            path.unlink()
    assert not list(tmp_path.iterdir())


def test_what_is_there_is_not_created_again(tmp_path):
    path = tmp_path / "a"
    path.write_bytes(b"old")
    with pytest.raises(FileExistsError) as caught:
        system.create(path, 0o666)
    assert caught.value.filename == str(path)
    with pytest.raises(FileNotFoundError):
        system.open_to_read(tmp_path / "b")
    assert path.read_bytes() == b"old"


def test_a_lock_keeps_others_out_until_the_file_is_closed(tmp_path):
    path = tmp_path / "lock"
    with path.open("ab+") as first, path.open("ab+") as second:
        assert system.lock(first, wait=False)
        with pytest.raises(BlockingIOError):
            system.lock(second, wait=False)
        with pytest.raises(BlockingIOError):
            system.lock(second, shared=True, wait=False)
        first.write(b"who")
        first.flush()
        second.seek(0)
        assert second.read() == b"who", "what is locked can be read"
    with path.open("ab+") as first, path.open("ab+") as second:
        assert system.lock(first, shared=True, wait=False)
        assert system.lock(second, shared=True, wait=False)


def test_names_that_are_too_long_are_refused(tmp_path):
    folder = tmp_path / "not" / "yet"
    good, bad = folder / "a.png", folder / f"{'b' * 300}.png"
    refused = system.refused_names([good, bad], folder)
    assert list(refused) == [bad]
    assert refused[bad].startswith("would have 304 ")
    assert refused[bad].endswith(" takes 255")


def test_memory_is_counted():
    block = bytearray(64 << 20)
    block[::4096] = b"x" * len(block[::4096])
    assert 0 < system.free_memory_bytes() <= system.installed_memory_bytes()
    assert len(block) < system.peak_memory_bytes() < system.installed_memory_bytes()
    assert system.processor()


def test_a_process_that_runs_is_told_from_one_that_has_ended():
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    assert system.is_running(os.getpid())
    assert not system.is_running(ended.pid)


def test_a_crash_is_told_from_an_exit_code():
    for code in (0, 1, 130):
        assert not system.crash(code) and not system.died_by(code)
        assert system.exit_code(code) == code
    crashes = "import faulthandler; faulthandler.disable(); faulthandler._read_null()"
    done = subprocess.run([sys.executable, "-c", crashes], capture_output=True, check=False)
    assert system.crash(done.returncode) in system.died_by(done.returncode)
    assert system.crash(done.returncode) in ("SIGSEGV", "0xC0000005")
    assert system.exit_code(-signal.SIGINT) == 130


def test_work_without_an_end_is_ended():
    work = (
        "from upscaler.hardware import system\n"
        "system.limit_work(0.2)\nsystem.limit_work(0)\nsystem.limit_work(0.2)\n"
        "while True: pass"
    )
    done = subprocess.run([sys.executable, "-c", work], check=False, timeout=120)
    assert system.worked_too_long(done.returncode)
    assert not system.worked_too_long(0)


def test_a_process_takes_over_pipes():
    child = (
        "import os; from upscaler.hardware import system\n"
        "read, write = system.taken_over(os.environ['LINE'])\n"
        "os.write(write, os.read(read, 100).upper())"
    )
    (theirs, ours), (mine, yours) = os.pipe(), os.pipe()
    process = system.start([sys.executable, "-c", child], [theirs, yours], "LINE")
    os.close(theirs)
    os.close(yours)
    os.write(ours, b"hear\n")
    assert os.read(mine, 100) == b"HEAR\n"
    assert os.read(mine, 100) == b"", "nobody holds its end any more"
    assert process.wait() == 0
    os.close(ours)
    os.close(mine)
