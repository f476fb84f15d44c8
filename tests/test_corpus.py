"""Files that other projects keep to test their readers: valid ones convert, broken ones say why."""

import json

import pytest

from upscaler.images import format_of, kept_format

TOO_LARGE_FOR_THEIR_FORMAT = {"wp_bryce.webp"}
"""11158 pixels wide: twice that is more than WebP holds."""


@pytest.fixture(scope="module")
def corpus(shared):
    folder = shared / "data" / "corpus"
    if not folder.is_dir():
        pytest.skip("needs ../shared/data/corpus")
    return folder


def outcomes(command, folder, tmp_path):
    code, out, _ = command("run", folder, tmp_path / "out", "-s", 2, "--json", "-q")
    lines = [json.loads(line) for line in out.splitlines()]
    files = {line["name"]: line for line in lines if line.get("event") == "file"}
    expected = [path for path in folder.iterdir() if kept_format(path) or format_of(path)]
    assert len(files) == len(expected)
    return code, files


@pytest.mark.slow
@pytest.mark.ci
def test_all_valid_files_convert(command, corpus, tmp_path):
    _, files = outcomes(command, corpus / "valid", tmp_path)
    failed = {name: line["error"] for name, line in files.items() if line["status"] != "done"}
    assert set(failed) <= TOO_LARGE_FOR_THEIR_FORMAT, failed


@pytest.mark.slow
@pytest.mark.ci
@pytest.mark.parametrize("kind", ["odd", "broken"])
def test_the_others_end_in_one_line_each(command, corpus, tmp_path, kind):
    code, files = outcomes(command, corpus / kind, tmp_path)
    assert code == 1
    for name, line in files.items():
        if line["status"] == "failed":
            assert line["error"] and "\n" not in line["error"], name
            assert "unexpected" not in line["error"], line["error"]
        else:
            assert kind == "odd", name
