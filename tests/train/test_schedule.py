import pytest

pytest.importorskip("torch", reason="needs the [train] extra")

from upscaler_train.recipe import Schedule
from upscaler_train.training.checkpoint import Progress
from upscaler_train.training.schedule import Clock, learning_rate


def test_learning_rate():
    schedule = Schedule(steps=100, warmup=10, learning_rate=1.0)
    assert learning_rate(schedule, 0, 0.0) == pytest.approx(0.1)
    assert learning_rate(schedule, 50, 0.5) == pytest.approx(0.5)
    assert learning_rate(schedule, 100, 1.0) == 0


def test_clock_counts_time_across_a_resume():
    start = Progress(step=5, seconds=30.0)
    clock = Clock(Schedule(minutes=1.0), start, epoch=2)
    assert clock.share == pytest.approx(0.5, abs=0.01)
    assert Clock(Schedule(steps=10), start, epoch=2).share == 0.5


def test_what_is_used_up_first_ends_it():
    start = Progress(step=6, seconds=30.0)
    for limits, share in [
        ({"steps": 12, "epochs": 4}, 0.75),
        ({"steps": 8, "epochs": 100, "minutes": 60.0}, 0.75),
        ({"steps": 1000, "epochs": 1000, "minutes": 1.0}, 0.5),
    ]:
        assert Clock(Schedule(**limits), start, epoch=2).share == pytest.approx(share, abs=0.01)
