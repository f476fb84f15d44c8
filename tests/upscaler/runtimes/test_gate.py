import threading
import time

import pytest

from upscaler.runtimes.gate import Gate


def test_who_closes_the_gate_is_alone():
    gate, began, log = Gate(), threading.Event(), []

    def slow():
        began.set()
        time.sleep(0.1)
        log.append("inside")

    first = threading.Thread(target=gate.run, args=(slow,))
    second = threading.Thread(target=gate.run, args=(lambda: log.append("after"),))
    first.start()
    began.wait(60)
    with gate.closed():
        second.start()
        time.sleep(0.1)
        log.append("alone")
    first.join(60)
    second.join(60)
    assert log == ["inside", "alone", "after"]


def test_work_that_fails_leaves_the_gate():
    gate = Gate()
    with pytest.raises(ZeroDivisionError):
        gate.run(lambda: 1 / 0)
    with pytest.raises(KeyError), gate.closed():
        raise KeyError
    gate.run(lambda: None)


def test_a_gate_is_not_closed_around_somebody_who_stays(monkeypatch):
    monkeypatch.setattr("upscaler.runtimes.gate.PATIENCE", 0.3)
    gate, release, begun = Gate(), threading.Event(), threading.Event()
    inside = threading.Thread(target=gate.run, args=(lambda: begun.set() or release.wait(),))
    inside.start()
    begun.wait(60)
    with pytest.raises(TimeoutError, match="a tile has not ended"), gate.closed():
        raise AssertionError("it was closed")
    gate.run(lambda: None)
    release.set()
    inside.join()
