"""Write docs/lab/reliability.md from the counts of the tests; see `make faults`.

python docs/lab/reliability.py JUNIT.xml
"""

import json
import sys
from collections import defaultdict
from pathlib import Path
from xml.etree import ElementTree

HEAD = """# What a run survives

Written by `make faults` from the counts of the tests in tests/upscaler/ that are marked `fault`.
Each line is what was done to a run, how often, and what held every time. In every run of these
tests that began, done + already done + failed = planned.

| fault | trials | what held, each time |
|---|---:|---|
"""

REASONS = """
Not tried here:
"""


def main(results: Path) -> None:
    """Write the table; refuse one with failures."""
    suite = ElementTree.parse(results).getroot()
    if suite.findall(".//failure") or suite.findall(".//error"):
        sys.exit("a test failed; the table stays as it is")
    rows: dict[tuple[str, str], int] = defaultdict(int)
    for item in suite.iterfind(".//property[@name='fault']"):
        row = json.loads(item.attrib["value"])
        rows[row["fault"], row["held"]] += row["trials"]
    text = HEAD
    for (fault, held), trials in rows.items():
        text += f"| {fault} | {trials} | {held} |\n"
    skipped = suite.findall(".//testcase[skipped]")
    if skipped:
        text += REASONS
    for case in skipped:
        name = case.attrib["name"].removeprefix("test_").replace("_", " ")
        text += f"- {name}: {case.find('skipped').attrib['message']}\n"
    (Path(__file__).parent / "reliability.md").write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
