import threading
import time

import pytest

from upscaler.gate import Gate


def test_who_closes_the_gate_is_alone():
    gate, began, log = Gate(), threading.Event(), []

    def slow():
        began.set()
        time.sleep(0.1)
        log.append("inside")

    first = threading.Thread(target=gate.run, args=(slow,))
    second = threading.Thread(target=gate.run, args=(lambda: log.append("after"),))
    first.start()
    began.wait(5)
    with gate.closed():
        second.start()
        time.sleep(0.1)
        log.append("alone")
    first.join(5)
    second.join(5)
    assert log == ["inside", "alone", "after"]


def test_work_that_fails_leaves_the_gate():
    gate = Gate()
    with pytest.raises(ZeroDivisionError):
        gate.run(lambda: 1 / 0)
    with pytest.raises(KeyError), gate.closed():
        raise KeyError
    gate.run(lambda: None)
