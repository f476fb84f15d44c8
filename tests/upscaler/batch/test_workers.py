"""Pools whose threads may be lost."""

import threading
import time

import pytest

from upscaler.batch.run.workers import Worker, Workers, lost


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


def test_a_shutdown_leaves_behind_what_does_not_end():
    pool, release, done = Workers(1, "test"), threading.Event(), []
    begun = threading.Event()
    pool.submit(lambda: begun.set() or release.wait())
    pool.submit(done.append, 1)
    assert begun.wait(60)
    pool.shutdown(cancel=True, until=time.monotonic() + 0.3)
    assert lost() == 1
    release.set()
    until = time.monotonic() + 60
    while lost() and time.monotonic() < until:
        time.sleep(0.01)
    assert (lost(), done) == (0, [])


def test_a_pool_keeps_its_width_when_it_loses_threads():
    pool, release, done = Workers(2, "test"), threading.Event(), []
    stuck = [threading.Event() for _ in range(2)]

    def hang(begun):
        begun.worker = threading.current_thread()
        begun.set()
        release.wait()

    for begun in stuck:
        pool.submit(hang, begun)
        assert begun.wait(60)
    meeting = threading.Barrier(2)
    for _ in range(2):
        pool.submit(lambda: done.append(meeting.wait(60)))
    for begun in stuck:
        begun.worker.leave()
        begun.worker.leave()
    pool.shutdown()
    assert sorted(done) == [0, 1]
    assert lost() == 2
    release.set()
    until = time.monotonic() + 60
    while lost() and time.monotonic() < until:
        time.sleep(0.01)
    assert lost() == 0


def test_where_the_system_has_no_more_threads_fewer_do_the_work(monkeypatch):
    def refuse(worker):
        raise RuntimeError("can't start new thread")

    pool, done = Workers(3, "test"), []
    monkeypatch.setattr(Worker, "start", refuse)
    for number in range(30):
        pool.submit(done.append, number)
    pool.shutdown()
    assert done == list(range(30))
    with pytest.raises(RuntimeError, match="new thread"):
        Workers(3, "test")
