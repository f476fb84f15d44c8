"""What OpenVINO does wrong, and how it is found out."""

import os
import queue
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest

from upscaler.errors import PassingError
from upscaler.hardware.cpu import cores
from upscaler.models import find_model
from upscaler.runtimes import RuntimeRequest, open_runtime

pytest.importorskip("openvino")

TASKS = Path("/proc/self/task")
"""The threads of this process, by number."""


def test_signals_still_arrive_after_runtimes_have_come_and_gone():
    """OpenVINO used to leave a signal stack behind that was freed: the next signal was a crash."""
    code = """
import gc, signal
from upscaler.models import find_model
from upscaler.runtimes import RuntimeRequest, open_runtime
def a_runtime(precision):
    return open_runtime(RuntimeRequest(find_model("fast", 2), precision)).runtime
first, second = a_runtime("auto"), a_runtime("fp32")
del first
gc.collect()
del second
gc.collect()
signal.signal(signal.SIGINT, lambda number, frame: print("heard"))
signal.raise_signal(signal.SIGINT)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, "heard\n")


def test_openvino_that_computes_nothing_is_found_out_and_not_asked_again():
    """Out of memory it may return without a word; what it gave before lies in its output."""
    runtime = open_runtime(RuntimeRequest(find_model("fast", 2), "fp32"), "openvino").runtime
    batch = np.full((1, 3, 16, 16), 0.5, np.float32)
    expected = runtime.infer(batch)

    class Idle:
        """A request whose calls do nothing from now on."""

        def __init__(self, request):
            self.request = request

        def infer(self, *arguments, **options):
            pass

        def get_output_tensor(self, number):
            return self.request.get_output_tensor(number)

    request = runtime._requests.get()
    idle = Idle(request)
    runtime._used.add(idle)
    runtime._requests.put(idle)
    with pytest.raises(PassingError, match="computed nothing"):
        runtime.infer(batch)
    runtime._requests = queue.SimpleQueue()
    runtime._requests.put(request)
    with pytest.raises(PassingError, match="not used again"):
        runtime.infer(batch)
    assert np.isfinite(expected).all()


def test_its_threads_may_run_on_any_core():
    """Bound to cores, runs that shall use some of them each would all take the first ones."""
    if not TASKS.is_dir() or cores() == 1:
        pytest.skip("needs Linux and a second core")
    request = RuntimeRequest(find_model("fast", 2), "fp32", streams=1)
    runtime = open_runtime(request, "openvino").runtime
    allowed = set()
    with ThreadPoolExecutor(1) as pool:
        work = pool.submit(runtime.infer, np.full((1, 3, 512, 512), 0.5, np.float32))
        while not work.done():
            for task in TASKS.iterdir():
                with suppress(ProcessLookupError):  # it has just ended
                    allowed.add(frozenset(os.sched_getaffinity(int(task.name))))
    assert allowed == {frozenset(os.sched_getaffinity(0))}


def test_an_output_may_be_lent_or_owned(rng):
    runtime = open_runtime(RuntimeRequest(find_model("fast", 2), "fp32"), "openvino").runtime
    batch = rng.random((1, 3, 16, 16), np.float32)
    owned = runtime.infer(batch)
    lent = runtime.infer_then(batch, lambda output: (output == owned).all())
    runtime.infer(1 - batch)
    assert lent and (owned == runtime.infer(batch)).all()
