"""The examples of docs/reference/python.md."""

import doctest
import re
import shutil
from pathlib import Path

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs" / "reference" / "python.md"


def test_the_examples_print_what_they_say(tmp_path, monkeypatch, capsys):
    shutil.copytree(ROOT / "samples", tmp_path / "photos", ignore=shutil.ignore_patterns("*.md"))
    monkeypatch.chdir(tmp_path)
    text = re.sub("^```.*$", "", PAGE.read_text(encoding="utf-8"), flags=re.MULTILINE)
    page = doctest.DocTestParser().get_doctest(text, {}, PAGE.name, str(PAGE), 0)
    spared = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE
    outcome = doctest.DocTestRunner(optionflags=spared).run(page)
    assert outcome.failed == 0, capsys.readouterr().out
    assert outcome.attempted > 40
