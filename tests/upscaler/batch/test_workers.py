"""Pools of threads."""

import threading
import time

import pytest

from upscaler.batch.run.workers import Workers


def test_what_is_submitted_is_done_by_so_many_threads():
    pool, names, meeting = Workers(3, "test"), set(), threading.Barrier(3)

    def work(number):
        if number < 3:
            meeting.wait(60)
        names.add(threading.current_thread().name)

    for number in range(30):
        pool.submit(work, number)
    pool.shutdown()
    assert names == {"test_1", "test_2", "test_3"}
    pool.submit(names.clear)
    assert len(names) == 3


def test_a_shutdown_does_not_wait_for_ever():
    pool, release, done = Workers(1, "test"), threading.Event(), []
    begun = threading.Event()
    pool.submit(lambda: begun.set() or release.wait())
    pool.submit(done.append, 1)
    assert begun.wait(60)
    pool.shutdown(cancel=True, until=time.monotonic() + 0.3)
    release.set()
    pool.shutdown()
    assert done == []


def test_where_the_system_has_no_more_threads_fewer_do_the_work(monkeypatch):
    def refuse(thread):
        raise RuntimeError("can't start new thread")

    pool, done = Workers(3, "test"), []
    monkeypatch.setattr(threading.Thread, "start", refuse)
    for number in range(30):
        pool.submit(done.append, number)
    pool.shutdown()
    assert done == list(range(30))
    with pytest.raises(RuntimeError, match="new thread"):
        Workers(3, "test")
