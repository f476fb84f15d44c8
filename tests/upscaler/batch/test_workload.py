"""How far a run is goes by pixels, within one picture, too."""

import numpy as np
import pytest
from PIL import Image

from upscaler.batch.plan.jobs import Job
from upscaler.batch.run import memory
from upscaler.batch.run import workload as workload_module
from upscaler.batch.run.clock import Clock
from upscaler.batch.run.cost import Cost
from upscaler.batch.run.running_job import RunningJob
from upscaler.batch.run.workload import Workload
from upscaler.images import FORMATS
from upscaler.inference.timing import Stopwatch


@pytest.fixture
def jobs(tmp_path):
    """One large picture and 20 that are 200 times smaller."""
    sides = {"large.png": 2000} | {f"{number}.png": 141 for number in range(20)}
    for name, side in sides.items():
        Image.new("L", (side, side)).save(tmp_path / name)
    return [Job(tmp_path / name, tmp_path / name, name, FORMATS["png"]) for name in sides]


@pytest.fixture
def clock(monkeypatch):
    """Set what time it is, in seconds."""
    now = [100.0]
    monkeypatch.setattr(workload_module.time, "monotonic", lambda: now[0])
    return lambda seconds: now.__setitem__(0, 100.0 + seconds)


def running(job):
    return RunningJob(job, Clock(job.name, Stopwatch()))


def end(workload, job):
    workload.begin(running(job))
    workload.end(running(job), well=False)


def test_many_small_pictures_are_a_small_part_of_the_work(jobs):
    workload = Workload(jobs)
    workload._read_sizes()
    for job in jobs[1:]:
        end(workload, job)
    assert 0.05 < workload.share < 0.15
    end(workload, jobs[0])
    assert workload.share == 1.0


def test_it_moves_within_one_picture_and_says_what_is_left(jobs, clock):
    workload, picture = Workload(jobs[:1]), running(jobs[0])
    workload.begin(picture)
    workload.size(picture.job.name, 4_000_000)
    assert workload.seconds_left() is None
    picture.start(tiles=100)
    for tile in range(50):
        picture.clock.stages["infer"] += 1.0
        picture.tile_done(None)
        clock(tile)
        workload.seconds_left()
    assert workload.share == pytest.approx(0.5, abs=0.05)
    assert workload.seconds_left() == pytest.approx(50, rel=0.2)
    assert workload.current == "large.png"
    workload.end(picture, well=True)
    assert (workload.share, workload.seconds_left(), workload.current) == (1.0, 0.0, "")


def test_the_time_left_follows_a_faster_runtime(jobs, clock):
    workload = Workload(jobs[1:])
    workload._read_sizes()
    for job in jobs[1:11]:
        end(workload, job)
    clock(1000)
    workload.start_timing()
    assert workload.seconds_left() is None
    end(workload, jobs[11])
    clock(1001)
    assert workload.seconds_left() == pytest.approx(9)


@pytest.mark.parametrize("defect", [False, True], ids=["missing", "defect"])
def test_files_that_do_not_open_end_all_the_same(jobs, monkeypatch, defect):
    jobs[3].source.unlink()
    if defect:  # of a decoder: it is no end of the thread that looks ahead
        monkeypatch.setattr(workload_module, "picture_size", lambda path, most: 1 / 0)
    workload = Workload(jobs)
    workload._read_sizes()
    for job in jobs:
        end(workload, job)
    assert workload.share == 1.0


def test_a_picture_in_strips_counts_its_tiles(rng, tmp_path, run, monkeypatch):
    """The bar moves within a picture that never is in memory as a whole."""
    monkeypatch.setattr(memory, "WHOLE_UP_TO", 1)
    pixels = rng.integers(0, 256, (700, 90, 4), np.uint8)
    Image.fromarray(pixels).save(tmp_path / "tall.png")
    shares, done = [], RunningJob.tile_done

    def noted(job, error):
        last = done(job, error)
        shares.append(Cost().share_done(63_000, job.clock, job.tiles_done))
        return last

    monkeypatch.setattr(RunningJob, "tile_done", noted)
    run(tmp_path / "tall.png", tmp_path / "out.png")
    assert len(shares) > 4 and shares == sorted(shares)
    assert shares[-1] == pytest.approx(0.92)


def test_what_a_file_costs_beside_its_pixels_is_learned_from_those_of_several_sizes(rng):
    cost = Cost()
    for _ in range(20):
        learn(cost, 40_000, 40_000 * rng.uniform(0.8, 1.2))
    assert cost.a_file == Cost().a_file  # files of one size say nothing of it
    cost = Cost()
    for pixels in [4_000, 90_000, 1_000_000] * 5:
        learn(cost, pixels, (pixels + 60_000) * rng.uniform(0.9, 1.1))
    assert cost.a_file == 64_000


def learn(cost, pixels, seconds):
    clock = Clock("a.png", Stopwatch())
    clock.stages["infer"] = seconds
    cost.learn(pixels, clock)


def test_what_is_read_counts_before_the_first_tile():
    cost, clock = Cost(), Clock("a.png", Stopwatch())
    clock.stages["read"] = 1e4
    assert cost.share_done(100_000, clock, 0.0) == 0.0  # nothing to compare with
    for _ in range(10):
        learn(cost, 100_000, 1e5)
    assert cost.share_done(100_000, clock, 0.0) == pytest.approx(0.1, rel=0.1)
