import json
import threading
import time

import pytest

from upscaler.inference.timing import STAGES, Profile, Stopwatch


def test_threads_add_up():
    """By bounds that hold however busy the machine is."""
    began = time.perf_counter()
    watch, inside, enough = Stopwatch(), threading.Barrier(5), threading.Event()

    def work():
        with watch.stage("infer"):
            inside.wait()
            enough.wait()

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    inside.wait()
    time.sleep(0.05)
    enough.set()
    for thread in threads:
        thread.join()
    profile = watch.read()
    whole = time.perf_counter() - began + 0.001  # what is read is rounded
    assert 0.05 <= profile.elapsed <= whole
    assert 4 * 0.05 <= profile.seconds["infer"] <= 4 * whole
    assert profile.seconds["read"] == 0


def test_a_stage_that_fails_counts_too():
    watch = Stopwatch()
    try:
        with watch.stage("read"):
            time.sleep(0.02)
            raise OSError
    except OSError:
        pass
    assert watch.read().seconds["read"] >= 0.02


def test_the_advice_names_what_takes_longest():
    profile = Profile(1.0, {**dict.fromkeys(STAGES, 0.0), "infer": 1.0, "write": 3.0})
    assert (
        profile.advice
        == "to write takes 75% of the work; another --format, or a lower --png-level, may help"
    )
    assert Profile(0.0, dict.fromkeys(STAGES, 0.0)).shares["infer"] == 0.0


def test_a_run_reports_where_its_time_went(command, folder, tmp_path):
    path = tmp_path / "reports" / "run.json"
    code, _, _ = command("run", folder, tmp_path / "out", "-s", 2, "-r", "cpu", "--report", path)
    assert code == 0
    facts = json.loads(path.read_text())
    assert facts["done"] == 3 and facts["runtimes"][0]["runtime"] == "cpu"
    assert set(facts["stages"]) == set(STAGES) and facts["stages"]["infer"] > 0
    assert abs(sum(facts["shares"].values()) - 1) < 0.01
    assert facts["mp_per_s"] > 0 and facts["peak_memory_mb"] > 20
    assert facts["machine"] and facts["version"] and "takes" in facts["advice"]

    code, _, _ = command("run", folder, tmp_path / "out", "-s", 2, "-r", "cpu", "--report", path)
    assert code == 0
    assert json.loads(path.read_text())["skipped"] == 3


@pytest.mark.parametrize("path", ["a.png/report.json", "sub"])
def test_a_report_that_cannot_be_written_is_refused_before_the_run(command, folder, tmp_path, path):
    code, _, errors = command("run", folder, tmp_path / "out", "--report", folder / path)
    assert code == 3
    assert "cannot write the report" in errors
    assert not (tmp_path / "out").exists()


def test_whole_runs_are_measured_beside_their_limit(command, folder, tmp_path):
    arguments = ("bench", "-s", 2, "-m", "fast", "-r", "cpu", "--end-to-end", folder, "--rounds", 2)
    code, out, _ = command(*arguments, "--json")
    assert code == 0
    (row,) = map(json.loads, out.splitlines())
    assert (row["model"], row["runtime"], row["files"]) == ("fast-x2", "cpu", 3)
    assert row["ratio"] > 0.3 and row["limit_seconds"] > 0
    assert "3 files, fast-x2 on cpu" in command(*arguments)[1]
    earlier = tmp_path / "earlier.json"
    for ratio, expected in ((0.001, 1), (1000.0, 0)):  # of a run, less is better
        earlier.write_text(json.dumps({**row, "ratio": ratio, "spread": 0.0}))
        code, _, errors = command(*arguments, "--compare", earlier)
        assert (code, "slower:" in errors) == (expected, bool(expected))
