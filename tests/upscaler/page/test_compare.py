"""`upscaler compare` and `run --page`: what goes with what, and what is said of it."""

import shutil
import sqlite3
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from PIL.ExifTags import Base

BESIDE = 0


@pytest.fixture
def compare(command, tmp_path, data_of):
    """Compare paths; return the page's data by the pictures' names."""

    def run(*paths, output="page.html"):
        code, _, err = command("compare", *paths, "-o", tmp_path / output)
        assert (code, err) == (0, ""), err
        return {entry["name"]: entry for entry in data_of(tmp_path / output)["entries"]}

    return run


@pytest.fixture
def made(command, folder, tmp_path):
    """Run a folder; return the output folder."""

    def run(*options, out="out"):
        code, _, _ = command("run", folder, tmp_path / out, "-s", 2, *options)
        assert code in (0, 1)
        return tmp_path / out

    return run


def facts(version):
    return dict(version["facts"])


def test_each_picture_is_beside_what_a_run_made_of_it(folder, made, compare):
    seen = compare(folder, made("-m", "auto"))
    assert seen.keys() == {"a.png", "b.jpg", "sub/grey.png"}
    before, after = seen["b.jpg"]["versions"]
    assert (before["width"], after["width"]) == (53, 106)
    assert facts(after)["model"] == "auto-x2"
    assert "JPEG quality" in facts(after)["damage"]
    assert facts(after)["larger"] == "2 times as wide"
    assert facts(after)["time"].endswith(" s")
    assert 0 < seen["a.png"]["change"] < 10


@pytest.mark.parametrize("options", [["-f", "webp"], ["--suffix", "-large"], ["--suffix", "-x2"]])
def test_outputs_of_other_names_are_found(options, folder, made, compare):
    seen = compare(folder, made(*options))
    assert all(all(entry["versions"]) for entry in seen.values())


def test_without_a_journal_names_tell(folder, made, compare, tmp_path):
    out = made("-f", "webp")
    shutil.rmtree(out / ".upscaler")
    (out / "sub" / "grey.webp").unlink()
    seen = compare(folder, out)
    assert seen.keys() == {"a.png", "b.jpg"}
    assert all(all(entry["versions"]) for entry in seen.values())


def test_folders_may_have_moved(folder, made, compare, tmp_path):
    made("--suffix", "-large")
    folder.rename(tmp_path / "photos")
    (tmp_path / "out").rename(tmp_path / "elsewhere")
    seen = compare(tmp_path / "photos", tmp_path / "elsewhere", output="moved.html")
    assert facts(seen["a.png"]["versions"][1])["model"] == "fast-x2"


def test_what_failed_is_there_with_its_reason(folder, made, compare):
    (folder / "bad.png").write_bytes(b"no picture")
    entry = compare(folder, made())["bad.png"]
    assert "not an image" in entry["problem"] and entry["versions"] == [None, None]


def test_what_a_run_warned_of_is_said(folder, made, compare, tmp_path):
    Image.fromarray(np.full((8, 9), 5000, np.uint16)).save(folder / "deep.png")
    _, version = compare(folder, made("-f", "jpg"))["deep.png"]["versions"]
    assert any("8 bits" in text for text in version["warnings"])


def test_it_says_which_metadata_was_kept(folder, command, compare, tmp_path, photo):
    exif = Image.Exif()
    exif[Base.Artist] = "somebody"
    Image.fromarray(photo).save(folder / "a.png", exif=exif, dpi=(300, 300))
    command("run", folder, tmp_path / "out", "-s", 2)
    kept = facts(compare(folder, tmp_path / "out")["a.png"]["versions"][1])
    assert kept["kept"] == "camera data (EXIF), resolution in print"
    command("run", folder, tmp_path / "bare", "-s", 2, "--strip-metadata")
    bare = facts(compare(folder, tmp_path / "bare")["a.png"]["versions"][1])
    assert bare["not kept"] == "camera data (EXIF), resolution in print"


def test_several_outputs_are_beside_each_other(folder, made, compare, data_of, tmp_path):
    one, other = made(out="one"), made("-m", "balanced", out="other")
    (other / "a.png").unlink()
    seen = compare(folder, one, other)
    models = [facts(version)["model"] for version in seen["b.jpg"]["versions"][1:]]
    assert models == ["fast-x2", "balanced-x2"]
    assert seen["a.png"]["versions"][2] is None
    assert data_of(tmp_path / "page.html")["columns"] == ["in", "one", "other"]


def test_files_are_compared_by_themselves(folder, made, compare, data_of, tmp_path):
    out = made()
    seen = compare(folder / "a.png", out / "a.png", out / "b.jpg")
    assert [version["width"] for version in seen["a.png"]["versions"]] == [53, 106, 106]
    columns = data_of(tmp_path / "page.html")["columns"]
    assert columns == [str(folder / "a.png"), str(out / "a.png"), str(out / "b.jpg")]


def test_a_run_ends_with_a_page(folder, command, tmp_path, data_of):
    (folder / "bad.png").write_bytes(b"no picture")
    page = tmp_path / "new" / "page.html"
    code, _, _ = command("run", folder, tmp_path / "out", "-s", 2, "--page", page)
    assert code == 1
    data = data_of(page)
    assert [entry["name"] for entry in data["entries"]] == [
        "a.png",
        "b.jpg",
        "bad.png",
        "sub/grey.png",
    ]
    assert "not an image" in data["entries"][2]["problem"]
    assert "3 done" in data["summary"][-1] and "1 failed" in data["summary"][-1]
    code, _, _ = command("run", folder, tmp_path / "out", "-s", 2, "--page", page)  # all is done
    assert facts(data_of(page)["entries"][0]["versions"][1])["model"] == "fast-x2"


def test_a_run_over_a_file_ends_with_a_page(folder, command, tmp_path, data_of):
    page = tmp_path / "page.html"
    code, _, _ = command("run", folder / "a.png", tmp_path / "x.png", "-s", 2, "--page", page)
    (entry,) = data_of(page)["entries"]
    assert code == 0 and facts(entry["versions"][1])["model"] == "fast-x2"


def test_many_pictures_stay_where_they_are(folder, made, compare, tmp_path, monkeypatch):
    monkeypatch.setattr("upscaler.page.write._MOST_INSIDE", BESIDE)
    out = made()
    seen = compare(folder, out)
    assert seen["a.png"]["versions"][0]["url"] == "./in/a.png"
    assert seen["sub/grey.png"]["versions"][1]["url"] == "./out/sub/grey.png"
    small = tmp_path / seen["a.png"]["thumb"]
    assert Image.open(small).format == "WEBP" and small.parent == tmp_path / "page"
    before = len(list(small.parent.glob("*.webp")))
    (folder / "b.jpg").unlink()
    compare(folder, out)  # again: nothing is left of the first page
    assert len(list(small.parent.glob("*.webp"))) == before - 1


def test_a_folder_that_is_not_the_pages_is_left_alone(
    folder, made, command, compare, tmp_path, monkeypatch
):
    monkeypatch.setattr("upscaler.page.write._MOST_INSIDE", BESIDE)
    out = made()
    before = sorted(out.rglob("*"))
    for _ in range(2):  # out.html beside the folder `out`
        seen = compare(folder, out, output="out.html")
        assert seen["a.png"]["thumb"].startswith("./out-page/")
    assert sorted(out.rglob("*")) == before
    (tmp_path / "x").mkdir()
    (tmp_path / "x-page").mkdir()
    code, _, err = command("compare", folder, out, "-o", tmp_path / "x.html")
    assert code == 2 and "give the page another name" in err
    assert not (tmp_path / "x.html").exists() and not list((tmp_path / "x-page").iterdir())


def test_a_folder_of_a_page_that_became_an_output_folder_is_left_alone(
    folder, made, compare, tmp_path, monkeypatch
):
    monkeypatch.setattr("upscaler.page.write._MOST_INSIDE", BESIDE)
    out = made()
    compare(folder, out, output="large.html")
    large = made(out="large")
    before = sorted(large.rglob("*"))
    assert large / "a.png" in before
    seen = compare(folder, large, output="large.html")
    assert seen["a.png"]["thumb"].startswith("./large-page/")
    assert sorted(large.rglob("*")) == before


def test_small_copies_are_not_taken_for_pictures(folder, made, command, monkeypatch):
    monkeypatch.setattr("upscaler.page.write._MOST_INSIDE", BESIDE)
    out = made()
    command("compare", folder, out, "-o", folder / "page.html")
    assert (folder / "page").is_dir()
    code, text, _ = command("run", folder, out, "-s", 2)
    assert code == 0 and "3 already done" in text


def test_what_no_browser_shows_gets_a_copy(folder, command, compare, tmp_path, monkeypatch, photo):
    monkeypatch.setattr("upscaler.page.write._MOST_INSIDE", BESIDE)
    Image.fromarray(photo).save(folder / "scan.tif")
    command("run", folder, tmp_path / "out", "-s", 2)
    versions = compare(folder, tmp_path / "out")["scan.tif"]["versions"]
    copy = Image.open(tmp_path / versions[0]["url"])
    assert copy.format == "PNG" and np.array_equal(np.asarray(copy), photo)
    assert versions[1]["url"].endswith(".png") and versions[1]["file"] == "scan.tif"


def test_transparent_colours_do_not_count_as_change(folder, tmp_path, compare, photo):
    hidden = np.dstack([photo, np.zeros(photo.shape[:2], np.uint8)])
    other = hidden.copy()
    other[..., :3] = 255 - other[..., :3]
    for name, pixels in (("x", hidden), ("y", other)):
        Image.fromarray(pixels).save(tmp_path / f"{name}.png")
    assert compare(tmp_path / "x.png", tmp_path / "y.png")["x.png"]["change"] == 0


def test_a_picture_of_many_pixels_needs_little_memory(tmp_path, compare):
    wide = np.zeros((300, 20000), np.uint16)
    wide[:, ::2] = 65535
    Image.fromarray(wide[:, :5000]).save(tmp_path / "small.png")
    Image.fromarray(wide).save(tmp_path / "wide.png")
    _, version = compare(tmp_path / "small.png", tmp_path / "wide.png")["small.png"]["versions"]
    assert version["width"] == 20000
    assert version["url"].startswith("data:image/png")  # a smaller one: browsers have a limit


@pytest.mark.parametrize(
    ("paths", "words"),
    [
        (["in"], "give an original"),
        (["in", "none"], "does not exist"),
        (["in", "in/a.png"], "folders only, or files only"),
        (["in", "empty"], "nothing in"),
    ],
)
def test_wrong_use_is_said(paths, words, folder, command, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("empty").mkdir()
    code, _, err = command("compare", *paths)
    assert code == 2 and words in err and err.count("\n") == 1


@pytest.mark.parametrize("name", ["page", "page.png", "in"])
def test_a_page_is_called_html(name, folder, command, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    code, _, err = command("compare", "in", "in", "-o", name)
    assert code == 2 and "page.html" in err


def test_an_older_journal_has_no_notes(folder, made, compare, tmp_path):
    out = made()
    with sqlite3.connect(out / ".upscaler" / "journal.sqlite") as journal:
        journal.execute("DROP TABLE notes")
    assert facts(compare(folder, out)["a.png"]["versions"][1])["model"] == "fast-x2"
    assert made("--overwrite") == out  # and it gets them again


def test_nothing_of_it_loads_for_other_commands():
    code = (
        "import sys, upscaler.cli.main, upscaler.cli.run\n"
        "print([name for name in sys.modules if name.startswith('upscaler.page')])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
