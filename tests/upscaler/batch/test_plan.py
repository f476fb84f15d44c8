"""Which files become which outputs."""

import os
import unicodedata
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from upscaler.batch.plan.jobs import plan
from upscaler.batch.plan.listing import Selection, Shard
from upscaler.batch.plan.output_names import name_outputs
from upscaler.batch.report import Status
from upscaler.errors import UsageError
from upscaler.images import FORMATS


def test_output_inside_the_input_is_never_read(folder, tmp_path, run, names):
    run(folder, folder / "large")
    summary, _ = run(folder, folder / "large")
    assert summary.counts[Status.SKIPPED] == 3
    assert names(folder / "large") == ["a.png", "b.jpg", "sub/grey.png"]


def test_one_file_to_a_folder_or_a_name(folder, tmp_path, run, names):
    run(folder / "a.png", tmp_path / "out")
    assert names(tmp_path / "out") == ["a.png"]
    run(folder / "a.png", tmp_path / "one" / "b.webp")
    with Image.open(tmp_path / "one" / "b.webp") as image:
        assert image.format == "WEBP"
    assert [path.name for path in (tmp_path / "one").iterdir()] == ["b.webp"]
    assert "--overwrite" in run(folder / "a.png", tmp_path / "one" / "b.webp")[1].results[0].error


@pytest.mark.parametrize(
    ("source", "output", "reason"),
    [
        ("a.png", "hop.jpgg", "cannot write hop.jpgg; formats: png, jpg"),
        ("a.png", "notes.txt", "cannot write notes.txt"),
        (".", "out.png", "has the name of a file, but the input is a folder"),
        (".", "out.CR2", "has the name of a file, but the input is a folder"),
    ],
)
def test_an_output_that_looks_like_a_file_is_one(folder, tmp_path, source, output, reason):
    with pytest.raises(UsageError, match=reason):
        plan(folder / source, tmp_path / output, "keep")
    (tmp_path / output).mkdir()
    assert plan(folder / source, tmp_path / output, "keep").root == tmp_path / output


@pytest.mark.parametrize("output", ["v1.5", "photos.2024", ".hidden", "out"])
@pytest.mark.parametrize("source", ["a.png", "."])
def test_other_names_are_those_of_folders(folder, tmp_path, source, output):
    assert plan(folder / source, tmp_path / output, "keep").root == tmp_path / output


def formats(*files, output="png"):
    return {Path(file): FORMATS[output] for file in files}


@pytest.mark.parametrize(
    ("files", "outputs"),
    [
        (["a.png", "a.jpg"], ["a.png", "a.jpg.png"]),
        (["a.webp", "a.jpg"], ["a.webp.png", "a.png"]),
        (["a.png", "a.jpg", "a.jpg.png"], ["a.png", "a.jpg-2.png", "a.jpg.png"]),
        (["A.png", "a.png"], ["A.png", "a.png.png"]),
        (["sub/a.png", "Sub/a.png"], ["sub/a.png.png", "Sub/a.png"]),
        (["caf\u00e9.png", "cafe\u0301.png"], ["caf\u00e9.png.png", "cafe\u0301.png"]),
        (["x.jpg", "x.png/a.png"], ["x.jpg.png", "x.png/a.png"]),
    ],
)
def test_one_name_for_each_output_whatever_the_order(files, outputs):
    for order in (files, files[::-1]):
        named = name_outputs(formats(*order))
        assert [str(named[Path(file)]) for file in files] == outputs


_NAMES = st.builds(
    lambda folder, stem, extensions: Path(folder) / (stem + "".join(extensions)),
    st.sampled_from([".", "s", "S", "a.png"]),
    st.sampled_from(["a", "A", "b", "\u00e9", "e\u0301", "\udce9"]),
    st.lists(st.sampled_from([".png", ".jpg", ".JPG", "-2.png", ".jpeg"]), min_size=1),
)


@settings(max_examples=300)
@given(st.sets(_NAMES, max_size=12), st.randoms(), st.sampled_from(["png", "jpg"]))
def test_no_two_inputs_share_an_output_on_any_file_system(files, random, output):
    shuffled = sorted(files)
    random.shuffle(shuffled)
    named = name_outputs(formats(*shuffled, output=output))
    assert named == name_outputs(formats(*sorted(files), output=output))

    def folded(path):
        return unicodedata.normalize("NFC", str(path)).casefold()

    outputs = {folded(name) for name in named.values()}
    assert len(outputs) == len(files)
    assert not outputs & {folded(parent) for name in named.values() for parent in name.parents}
    assert all(name.parent == file.parent for file, name in named.items())


@pytest.mark.parametrize("path", ["../a.png", "/a.png", "s/../../a.png", "a\0.png"])
def test_no_path_leads_out_of_its_folder(path):
    with pytest.raises(UsageError, match="no path below"):
        name_outputs(formats(path))


def test_colliding_names_keep_their_own(folder, tmp_path, photo, run, names):
    Image.fromarray(photo).save(folder / "a.jpg")
    run(folder, tmp_path / "out", format="png")
    assert names(tmp_path / "out") == ["a.jpg.png", "a.png", "b.png", "sub/grey.png"]


def test_a_name_does_not_depend_on_what_is_chosen(folder, tmp_path, photo):
    Image.fromarray(photo).save(folder / "a.jpg")
    for selection in (Selection(exclude=("*.png",)), Selection(include=("a.jpg",))):
        jobs = plan(folder, tmp_path / "out", "png", selection).jobs
        assert tmp_path / "out" / "a.jpg.png" in [job.target for job in jobs]


@pytest.mark.parametrize(
    ("selection", "chosen"),
    [
        (Selection(include=("*.png",)), ["a.png", "sub/grey.png"]),
        (Selection(include=("sub/*",)), ["sub/grey.png"]),
        (Selection(exclude=("sub/*", "b.*")), ["a.png"]),
        (Selection(exclude=("sub/",)), ["a.png", "b.jpg"]),
        (Selection(include=("*.png",), exclude=("a*",)), ["sub/grey.png"]),
        (Selection(include=("none",)), []),
    ],
)
def test_patterns_choose(folder, tmp_path, selection, chosen):
    planned = plan(folder, tmp_path / "out", "keep", selection)
    assert [job.name for job in planned.jobs] == chosen
    assert planned.left_out == 3 - len(chosen)


def test_shards_are_parts_of_the_whole_and_always_the_same(tmp_path):
    files = [Path(f"d{number % 7}/{number}.png") for number in range(1000)]
    parts = [{file for file in files if Shard(i, 4).holds(file)} for i in range(1, 5)]
    assert set().union(*parts) == set(files) and sum(map(len, parts)) == len(files)
    assert all(200 < len(part) < 300 for part in parts)
    assert [i for i in range(1, 5) if Shard(i, 4).holds(Path("d/caf\udce9.png"))] == [1]


def test_a_choice_from_a_single_file_is_refused(folder, tmp_path):
    with pytest.raises(UsageError, match="choose from a folder"):
        plan(folder / "a.png", tmp_path, "keep", Selection(shard=Shard(1, 2)))


def test_an_input_that_is_not_chosen_is_not_replaced_either(folder):
    (folder / "sub" / "sub").mkdir()
    (folder / "sub" / "sub" / "grey.png").write_bytes(b"not chosen")
    with pytest.raises(UsageError, match="would replace the input"):
        plan(folder / "sub", folder, "keep", Selection(exclude=("sub/*",)))


@pytest.mark.parametrize(
    "name",
    [b"two words", b"new\nline", b"\ttab", b"-dash", "\U0001f600".encode(), "\u05e9\u05dc".encode(),
     b"caf\xe9", b"%s {} [b]", b"y" * 251],
    ids=ascii,
)  # fmt: skip
def test_any_name_comes_through(tmp_path, photo, run, names, name):
    (tmp_path / "in").mkdir()
    file = os.fsdecode(name) + ".png"
    Image.fromarray(photo).save(tmp_path / "in" / file)
    assert run(tmp_path / "in", tmp_path / "out")[0].exit_code == 0
    assert names(tmp_path / "out") == [file]
    assert run(tmp_path / "in", tmp_path / "out")[0].counts[Status.SKIPPED] == 1


def test_what_is_no_file_is_named(folder, tmp_path):
    os.mkfifo(folder / "pipe.png")
    (folder / "null.png").symlink_to("/dev/null")
    (folder / "loop").symlink_to(folder, target_is_directory=True)
    planned = plan(folder, tmp_path / "out", "keep")
    assert planned.passed_over == {
        "loop": "a link to a folder",
        "null.png": "a device",
        "pipe.png": "a pipe",
    }
    assert planned.ignored == 4


def test_what_an_earlier_run_made_below_the_input_is_no_input(folder, run, names):
    """Twice and four times as large, both beside the originals."""
    originals = run(folder, folder / "x2", scale=2)[0].planned
    summary, _ = run(folder, folder / "x4", scale=4)
    assert summary.planned == originals
    assert names(folder / "x4") == names(folder / "x2")
    again = plan(folder, folder / "x2", "keep")  # its own folder needs no word
    assert again.passed_over == {"x4": "the output folder of a run"}
    assert run(folder / "x2", folder / "larger")[0].planned == originals  # unless it is meant


def test_an_original_is_never_replaced(folder, photo, run):
    before = (folder / "a.png").read_bytes()
    for source, output in [(folder / "a.png", folder), (folder / "sub", folder)]:
        Image.fromarray(photo).save(folder / "grey.png")
        (folder / "sub" / "sub").mkdir(exist_ok=True)
        Image.fromarray(photo).save(folder / "sub" / "sub" / "grey.png")
        with pytest.raises(UsageError, match="would replace the input"):
            run(source, output, overwrite=True)
    assert (folder / "a.png").read_bytes() == before


def test_input_as_output_is_refused(folder):
    for same in (folder, folder / "sub" / ".."):
        with pytest.raises(UsageError, match="another output"):
            plan(folder, same, "keep")


def test_a_dangling_link_is_a_failure_not_a_gap(folder, tmp_path, run):
    (folder / "lost.png").symlink_to(folder / "nowhere.png")
    summary, notes = run(folder, tmp_path / "out")
    assert summary.exit_code == 1
    assert [r.name for r in notes.results if r.error] == ["lost.png"]


def test_hidden_files_are_ignored_and_links_lead_to_files_only(folder, tmp_path, photo, run, names):
    Image.fromarray(photo).save(folder / ".hidden.png")
    (folder / "link.png").symlink_to(folder / "a.png")
    (folder / "loop").symlink_to(folder, target_is_directory=True)
    run(folder, tmp_path / "out")
    assert names(tmp_path / "out") == ["a.png", "b.jpg", "link.png", "sub/grey.png"]


def test_a_pipe_is_no_image(folder, tmp_path, run):
    os.mkfifo(folder / "pipe.png")
    assert run(folder, tmp_path / "out")[0].ignored == 2


def test_a_name_too_long_fails_alone(folder, tmp_path, photo, run):
    Image.fromarray(photo).save(folder / ("y" * 251 + ".png"))
    summary, notes = run(folder, tmp_path / "out", format="webp")
    assert (summary.counts[Status.DONE], summary.counts[Status.FAILED]) == (3, 1)
    (failed,) = [result for result in notes.results if result.error]
    assert failed.error.endswith("256 bytes, and the file system takes 255")
