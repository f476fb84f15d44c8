"""What the supervisor does about a process that ends, crashes, hangs or is told to end."""

import os
import signal
import subprocess
import sys
import time

import pytest

from upscaler.hardware import system

WINDOWS = sys.platform == "win32"
CRASH = "0xC0000005" if WINDOWS else "SIGSEGV"
HANG = "ctypes.PyDLL('kernel32').Sleep(10**6)" if WINDOWS else "ctypes.PyDLL(None).sleep(1000)"
POSIX_SIGNALS = pytest.mark.skipif(WINDOWS, reason="there signals come from the console alone")
CHILD = """
import faulthandler, os, signal, sys, time
from upscaler.supervisor.line import connect
line = connect()
before = line.handover
def die(number=None):
    os.kill(os.getpid(), number) if number else faulthandler._read_null()
"""
PARENT = (
    "import sys; from upscaler.supervisor import supervise\n"
    "supervise._GRACE = supervise._LAST_PATIENCE = 0.5\n"
    "sys.exit(supervise.supervise([sys.executable, '-c', sys.argv[1]]))"
)


@pytest.fixture
def supervised():
    """Run a script as a child with a supervisor; returns the supervisor's process."""
    begun = []

    def supervised(script):
        command = [sys.executable, "-c", PARENT, CHILD + script]
        pipe = subprocess.PIPE
        begun.append(subprocess.Popen(command, stdout=pipe, stderr=pipe, text=True))
        return begun[-1]

    yield supervised
    for process in begun:
        process.kill()
        process.communicate()


def ended(process):
    out, err = process.communicate(timeout=60)
    return process.returncode, out, err


@pytest.mark.parametrize("code", [0, 1, 3, 130])
def test_the_exit_code_is_the_child_s(supervised, code):
    assert ended(supervised(f"print('here'); sys.exit({code})")) == (code, "here\n", "")


@pytest.mark.parametrize("how", ["", "signal.SIGKILL"])
def test_a_child_that_dies_before_it_began_is_not_started_again(supervised, how):
    if how and WINDOWS:
        pytest.skip("whoever is killed there ends with 1, as many who end by themselves")
    code, out, err = ended(supervised(f"print('once', flush=True); die({how})"))
    assert (code, out) == (3, "once\n")
    assert err.startswith("Error: the process ")
    assert (how.removeprefix("signal.") or CRASH) in err
    assert err.count("\n") == 1


def test_a_crash_when_all_is_done_changes_nothing(supervised):
    script = "line.at('a', 'the decoder'); line.ended('a', True, {}); line.over(1); die()"
    assert ended(supervised(script)) == (1, "", "")


@POSIX_SIGNALS
def test_a_child_that_somebody_ends_is_not_started_again(supervised):
    hang_up = "signal.signal(signal.SIGHUP, signal.SIG_DFL)"  # `nohup` passes on that it is ignored
    script = f"{hang_up}; line.at('a', 'the decoder'); die(signal.SIGHUP)"
    assert ended(supervised(script)) == (128 + signal.SIGHUP, "", "")


def test_what_the_next_child_is_told(supervised):
    script = (
        "print(before.suspects, before.failed, before.so_far, bool(before.note), flush=True)\n"
        "if before.failed: sys.exit(1)\n"
        "line.at('a\\udcff', 'the decoder')\n"
        "if not before.suspects: line.at('b', 'the encoder')\n"
        "if not before.note: line.ended('c', True, {'pixels': 7})\n"
        "die()"
    )
    assert ended(supervised(script)) == (
        1,
        "[] {} {} False\n"
        "['a\\udcff', 'b'] {} {'pixels': 7} True\n"
        "['b', 'a\\udcff'] {} {'pixels': 7} True\n"
        f"['b'] {{'a\\udcff': ['ends the decoder ({CRASH})', True]}} {{'pixels': 7}} True\n",
        "",
    )


def test_a_child_without_a_sign_of_life_is_ended(supervised):
    script = (
        "import ctypes\n"
        "if before.failed: print(before.failed); sys.exit(1)\n"
        "line.working(1.5, ''); line.at('a', 'the runtime')\n"
        f"{HANG}"
    )
    code, out, _ = ended(supervised(script))
    assert (code, out) == (1, "{'a': ['hangs in the runtime', True]}\n")


def test_a_file_that_is_late_and_does_not_end_fails_at_once(supervised):
    script = (
        "if before.failed: print(before.failed, before.suspects); sys.exit(1)\n"
        "line.at('a', 'the runtime'); line.at('b', 'the runtime')\n"
        "line.late('a', 'took too long'); time.sleep(1000)"
    )
    assert ended(supervised(script))[:2] == (1, "{'a': ['took too long', False]} []\n")


def test_a_file_that_is_late_and_ends_does_no_harm(supervised):
    script = (
        "line.at('a', 'the runtime'); line.late('a', 'took too long')\n"
        "line.ended('a', False, {}); time.sleep(2)"
    )
    assert ended(supervised(script)) == (0, "", "")


def test_after_many_in_a_row_the_rest_is_not_tried(supervised):
    script = (
        "if before.not_tried: print(len(before.failed), before.not_tried[:9]); sys.exit(1)\n"
        "for name in range(40): line.at(str(name), 'the runtime')\n"
        "for name in range(40): line.late(str(name), 'took too long')\n"
        "time.sleep(1000)"
    )
    assert ended(supervised(script))[:2] == (1, "40 not tried\n")


@POSIX_SIGNALS
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_is_passed_on(supervised, number):
    script = (
        "def heard(number, frame): print('heard', flush=True); sys.exit(128 + number)\n"
        "for number in (signal.SIGINT, signal.SIGTERM): signal.signal(number, heard)\n"
        "print('ready', flush=True); time.sleep(1000)"
    )
    process = supervised(script)
    assert process.stdout.readline() == "ready\n"
    process.send_signal(number)
    assert ended(process) == (128 + number, "heard\n", "")


@POSIX_SIGNALS
def test_a_second_signal_ends_a_child_that_does_not_listen(supervised):
    process = supervised(
        "signal.signal(signal.SIGINT, signal.SIG_IGN)\n"
        "print(os.getpid(), flush=True); time.sleep(1000)"
    )
    child = int(process.stdout.readline())
    for _ in range(2):
        process.send_signal(signal.SIGINT)
        time.sleep(0.3)
    assert ended(process)[0] == 130
    assert gone(child)


@POSIX_SIGNALS
def test_a_crash_after_a_signal_is_no_reason_to_go_on(supervised):
    script = (
        "signal.signal(signal.SIGTERM, lambda *_: die())\n"
        "line.at('a', 'the decoder'); print('ready', flush=True); time.sleep(1000)"
    )
    process = supervised(script)
    process.stdout.readline()
    process.send_signal(signal.SIGTERM)
    assert ended(process) == (143, "", "")


def test_a_child_whose_supervisor_is_killed_ends_soon(supervised):
    process = supervised("print(os.getpid(), flush=True); time.sleep(1000)")
    child = int(process.stdout.readline())
    process.kill()
    assert gone(child)


def gone(process):
    """Wait for the end of a process that is no child of ours."""
    until = time.monotonic() + 30
    while time.monotonic() < until:
        if not system.is_running(process):
            return True
        time.sleep(0.05)
    return False


@pytest.mark.skipif(WINDOWS, reason="the shell of POSIX closes them")
def test_standard_files_that_are_closed_are_not_taken_for_the_line(supervised):
    command = f"{sys.executable} -c '{PARENT.replace(chr(39), chr(34))}' \"$CHILD\" >&- <&-"
    script = CHILD + "line.at('a', 'the decoder'); sys.exit(7)"
    done = subprocess.run(
        ["bash", "-c", command], env={**os.environ, "CHILD": script}, check=False, timeout=60
    )
    assert done.returncode == 7
