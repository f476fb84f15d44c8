"""`upscale_folder`: the batch from Python."""

import signal
import threading

import pytest
from PIL import Image

from upscaler import ImageError, ModelError, Size, Status, UsageError, upscale_folder

QUICK = {"model": "fast", "scale": 2, "runtime": "cpu", "streams": 2}


@pytest.fixture
def damaged(folder):
    (folder / "broken.png").write_bytes((folder / "a.png").read_bytes()[:300])
    return folder


def test_a_folder_comes_out_as_by_the_command(command, damaged, tmp_path, names, capfd):
    result = upscale_folder(damaged, tmp_path / "out", **QUICK)
    assert capfd.readouterr() == ("", "")
    command("run", damaged, tmp_path / "by_command", "-s", 2, "-r", "cpu", "-j", 2)
    assert names(tmp_path / "out") == names(tmp_path / "by_command")
    for name in names(tmp_path / "out"):
        ours, theirs = tmp_path / "out" / name, tmp_path / "by_command" / name
        assert ours.read_bytes() == theirs.read_bytes()
    assert (result.model, result.ignored) == ("fast-x2", 1)
    assert sorted(file.name for file in result.done) == ["a.png", "b.jpg", "sub/grey.png"]
    assert {file.target for file in result.done} == {
        str(tmp_path / "out" / name) for name in names(tmp_path / "out")
    }
    (broken,) = result.failed
    assert broken.name == "broken.png" and broken.error
    assert len(result.files) == 4 and result.seconds > 0


def test_a_second_call_does_only_what_is_new(damaged, tmp_path):
    upscale_folder(str(damaged), str(tmp_path / "out"), **QUICK)
    Image.new("RGB", (9, 9)).save(damaged / "new.png")
    result = upscale_folder(damaged, tmp_path / "out", **QUICK)
    assert [file.name for file in result.done] == ["new.png"]
    assert len(result.skipped) == 3
    assert [file.status for file in result.failed] == [Status.FAILED_BEFORE]
    again = upscale_folder(damaged, tmp_path / "out", **QUICK, retry_failed=True)
    assert [file.status for file in again.failed] == [Status.FAILED]


def test_progress_is_told_of_every_file(damaged, tmp_path):
    told = []
    result = upscale_folder(
        damaged, tmp_path / "out", **QUICK, progress=lambda *facts: told.append(facts)
    )
    assert [(ended, total) for ended, total, _ in told] == [(n, 4) for n in (1, 2, 3, 4)]
    assert tuple(file for _, _, file in told) == result.files


def test_what_progress_raises_ends_the_run_and_what_is_done_is_kept(folder, tmp_path):
    class Enough(Exception):
        pass

    def stop(ended, total, file):
        raise Enough

    with pytest.raises(Enough):
        upscale_folder(folder, tmp_path / "out", **QUICK, progress=stop)
    result = upscale_folder(folder, tmp_path / "out", **QUICK)
    assert result.skipped and not result.failed
    assert len(result.files) == 3


def test_it_works_in_any_thread_and_leaves_signals_alone(folder, tmp_path):
    numbers = (signal.SIGINT, signal.SIGTERM)
    before, results = [signal.getsignal(number) for number in numbers], []

    def work():
        results.append(upscale_folder(folder, tmp_path / "out", **QUICK))

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    upscale_folder(folder, tmp_path / "out", **QUICK)
    assert len(results[0].done) == 3
    assert [signal.getsignal(number) for number in numbers] == before


def test_the_options_of_the_command(folder, tmp_path, names):
    out = tmp_path / "out"
    result = upscale_folder(
        folder, out, **QUICK, size=Size(long_side=90), format="webp", include=["*.png", "*.jpg"],
        exclude=["sub/*"],
    )  # fmt: skip
    assert not result.failed and names(out) == ["a.webp", "b.webp"]
    with Image.open(out / "a.webp") as image:
        assert image.size == (90, 63)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"scale": 0}, "scale is 0"),
        ({"size": (100, 100)}, "size is .*; give a Size"),
        ({"format": "gif"}, "no format 'gif'; there are: keep, png"),
        ({"quality": 101}, "quality is 101; give 1 to 100"),
        ({"png_level": 0}, "png_level is 0; give 1 to 9"),
        ({"memory": 0}, "memory is 0; give 1 or more"),
        ({"max_pixels": -1}, "max_pixels is -1; give 1 or more"),
        ({"timeout": 0}, "timeout is 0; give seconds"),
        ({"include": "*.png"}, "give a list, such as"),
        ({"source": ""}, "the path of the source is empty"),
        ({"source": "/nonesuch"}, "does not exist"),
        ({"runtime": "abacus"}, "no runtime abacus"),
    ],
)
def test_a_wrong_value_is_one_clear_line(folder, tmp_path, wrong, message):
    arguments = {"source": folder, "output": tmp_path / "out", **QUICK, **wrong}
    with pytest.raises(UsageError, match=message):
        upscale_folder(**arguments)


def test_what_cannot_begin_is_raised_and_no_result_of_a_file(folder, tmp_path):
    with pytest.raises(ModelError, match="no model nonesuch"):
        upscale_folder(folder, tmp_path / "out", model="nonesuch")
    assert not issubclass(ModelError, ImageError)
