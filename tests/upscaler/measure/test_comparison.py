import json

import pytest

from upscaler.errors import UsageError
from upscaler.measure.comparison import slowdowns

ROW = {"model": "fast-x2", "runtime": "cpu", "precision": "int8", "ratio": 2.0, "spread": 0.02}
RUN = {**ROW, "ratio": 1.10, "limit_seconds": 3.0}


@pytest.fixture
def earlier(tmp_path):
    path = tmp_path / "earlier.json"
    path.write_text("\n".join(json.dumps(row) for row in (ROW, RUN)))
    return path


@pytest.mark.parametrize(
    ("row", "slower"),
    [
        (ROW, False),
        ({**ROW, "ratio": 1.92}, False),  # within the least allowance
        ({**ROW, "ratio": 1.85}, True),
        ({**ROW, "ratio": 1.85, "spread": 0.2}, False),  # the rounds differed by more
        ({**ROW, "ratio": 0.9, "spread": 3.0}, True),  # that much is no noise
        ({**ROW, "ratio": 3.0}, False),
        (RUN, False),
        ({**RUN, "ratio": 1.3}, True),  # further from the limit: of a run, less is better
        ({**RUN, "ratio": 1.0}, False),
    ],
)
def test_what_is_slower_beyond_noise_is_found(earlier, row, slower):
    assert bool(slowdowns(earlier, [row])) is slower


def test_a_slowdown_says_how_much(earlier):
    (found,) = slowdowns(earlier, [{**ROW, "ratio": 1.0}])
    assert str(found) == (
        "fast-x2 cpu int8: 0.50 times as fast as before, beside the same reference (noise: 5%)"
    )


@pytest.mark.parametrize("content", ["{}", "[1]", "no json", '{"ratio": "x"}'])
def test_other_files_are_refused(tmp_path, content):
    path = tmp_path / "other.json"
    path.write_text(content)
    with pytest.raises(UsageError, match="is not an output of"):
        slowdowns(path, [ROW])


def test_nothing_in_common_is_said(earlier):
    with pytest.raises(UsageError, match="nothing that was measured now"):
        slowdowns(earlier, [{**ROW, "model": "other-x2"}])
    with pytest.raises(UsageError, match="cannot read"):
        slowdowns(earlier.with_name("none"), [ROW])
