import json

import numpy as np
import pytest

from upscaler.hardware.system import peak_memory_bytes
from upscaler.measure import bench as bench_module
from upscaler.measure.bench import bench
from upscaler.models import find_model
from upscaler.runtimes import RUNTIMES
from upscaler.runtimes.table import RuntimeEntry


@pytest.fixture
def only_cpu(monkeypatch):
    """No runtime but the reference, where it does not matter how many there are."""
    for name in RUNTIMES.keys() - {"cpu"}:
        monkeypatch.delitem(RUNTIMES, name)


def test_every_runtime_that_opens_is_measured_beside_the_reference():
    done = bench(find_model("fast", 2), rounds=1)
    rows = {(row.runtime, row.precision): row for row in done.measured}
    reference = rows["cpu", "fp32"]
    assert (reference.ratio, reference.psnr) == (1.0, 100.0)
    for name, entry in RUNTIMES.items():
        try:
            offered = entry.load_unasked().precisions()
        except Exception:
            assert name in done.missing
            continue
        assert {precision for runtime, precision in rows if runtime == name} == set(offered)
    for row in done.measured:
        assert row.mp_per_s > 0.01
        assert row.psnr > (80 if row.precision == "fp32" else 35)
        assert 0 < row.startup_s < 60
        assert 20 < row.memory_mb < 20_000


def test_runtimes_that_take_more_or_fewer_tiles_at_once_are_compared_by_pixels(monkeypatch):
    opened = bench_module._open_all(find_model("fast", 2))
    opened[0][bench_module.REFERENCE].streams += 3
    monkeypatch.setattr(bench_module, "_open_all", lambda model: opened)
    done = bench_module.bench(find_model("fast", 2), rounds=1)
    rows = {(row.runtime, row.precision): row for row in done.measured}
    reference = rows[bench_module.REFERENCE]
    for row in done.measured:
        assert row.ratio == pytest.approx(row.mp_per_s / reference.mp_per_s, rel=0.02)


def test_what_does_not_open_is_named(monkeypatch, only_cpu):
    broken = RuntimeEntry("nonesuch", "upscaler.nonesuch", "X", "pip install nonesuch")
    monkeypatch.setitem(RUNTIMES, "other", broken)
    done = bench(find_model("fast", 2), rounds=1)
    assert "not installed" in done.missing["other"]


def test_what_breaks_is_named_and_the_others_are_measured(monkeypatch, only_cpu):
    class Breaks(RuntimeEntry):
        def load(self):
            class Kind:
                @classmethod
                def precisions(cls):
                    raise OSError("the library is broken")

            return Kind

    monkeypatch.setitem(RUNTIMES, "other", Breaks("", "", "", ""))
    done = bench(find_model("fast", 2), rounds=1)
    assert done.missing["other"] == "OSError: the library is broken"
    assert done.measured


def test_json_lines_have_the_promised_keys(command, only_cpu):
    code, out, _ = command("bench", "-m", "fast", "-s", "2", "--rounds", "1", "--json")
    assert code == 0
    for line in map(json.loads, out.splitlines()):
        assert {"model", "runtime", "precision", "mp_per_s", "ratio", "psnr"} <= line.keys()
        assert line["machine"]


def test_the_table_names_every_precision(command, only_cpu):
    code, out, _ = command("bench", "-m", "fast", "-s", "2", "--rounds", "1")
    assert code == 0
    assert "same" in out and "1.00x" in out


def test_peak_memory_grows_with_what_is_used():
    before = peak_memory_bytes()
    used = np.ones(before // 8 + 5_000_000)
    assert peak_memory_bytes() > before + 20_000_000
    assert used[0] == 1
