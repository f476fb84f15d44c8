"""What the paths of a command mean."""

import pytest
from PIL import Image

from upscaler.batch.plan.inputs import plan_paths
from upscaler.batch.plan.jobs import plan
from upscaler.batch.plan.listing import Selection
from upscaler.errors import UsageError


def targets(planned, folder):
    return [job.target.relative_to(folder).as_posix() for job in planned.jobs]


def test_a_file_alone_gets_its_output_beside_it(folder):
    planned = plan_paths([folder / "a.png"], "keep", beside="-x4")
    assert (planned.root, targets(planned, folder)) == (None, ["a-x4.png"])
    assert targets(plan_paths([folder / "a.png"], "webp", beside="-x4"), folder) == ["a-x4.webp"]
    named = plan_paths([folder / "a.png"], "keep", suffix=" (large)", beside="-x4")
    assert targets(named, folder) == ["a (large).png"]


def test_several_files_go_into_one_folder(folder, tmp_path, photo):
    Image.fromarray(photo).save(folder / "a.jpg")
    files = [folder / "a.png", folder / "a.jpg", folder / "sub" / "grey.png", folder / "a.png"]
    planned = plan_paths([*files, tmp_path / "out"], "png")
    assert [job.name for job in planned.jobs] == ["a.png", "a.jpg", "grey.png"]
    assert targets(planned, tmp_path / "out") == ["a.png", "a.jpg.png", "grey.png"]
    assert planned.root == tmp_path / "out"


def test_a_suffix_goes_before_the_extension(folder, tmp_path, photo):
    Image.fromarray(photo).save(folder / "a.jpg")
    planned = plan(folder, tmp_path / "out", "png", suffix="-x2")
    assert targets(planned, tmp_path / "out") == [
        "a.jpg-x2.png", "a-x2.png", "b-x2.png", "sub/grey-x2.png",
    ]  # fmt: skip
    one = plan(folder / "a.png", tmp_path / "out", "keep", suffix="-x2")
    assert targets(one, tmp_path / "out") == ["a-x2.png"]


@pytest.mark.parametrize(
    ("paths", "reason"),
    [
        (["."], "is a folder; give an output folder, too"),
        (["none.png"], "does not exist"),
        (["a.png", "b.jpg", "sub/grey.png"], "grey.png is no folder; give an output folder"),
        (["a.png", "b.jpg", "c.png"], "c.png is no folder"),
        (["a.png", "sub", "out"], "sub is a folder; give it alone"),
        (["a.png", "none.png", "out"], "none.png does not exist"),
        (["a.png", "copy/a.png", "out"], "have the same name"),
        (["a.png", "b.jpg", "."], "would replace the input"),
    ],
)
def test_paths_that_do_not_go_together(folder, photo, paths, reason):
    (folder / "copy").mkdir()
    Image.fromarray(photo).save(folder / "copy" / "a.png")
    with pytest.raises(UsageError, match=reason):
        plan_paths([folder / path for path in paths], "keep", beside="-x4")


def test_a_suffix_that_cannot_be(folder, tmp_path):
    with pytest.raises(UsageError, match="is no part of a file's name"):
        plan(folder, tmp_path / "out", "keep", suffix="/../x")
    with pytest.raises(UsageError, match="--suffix is for outputs in a folder"):
        plan(folder / "a.png", tmp_path / "b.png", "keep", suffix="-x2")
    with pytest.raises(UsageError, match="give another output"):
        plan_paths([folder / "a.png"], "keep", suffix="")


def test_files_leave_nothing_to_choose_from(folder, tmp_path):
    files = [folder / "a.png", folder / "b.jpg", tmp_path / "out"]
    with pytest.raises(UsageError, match="choose from a folder"):
        plan_paths(files, "keep", Selection(include=("*.png",)))
