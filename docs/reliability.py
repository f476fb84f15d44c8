"""Write docs/reliability.md from the counts of tests/upscaler/test_faults.py; see `make faults`.

python docs/reliability.py JUNIT.xml
"""

import json
import sys
from pathlib import Path
from xml.etree import ElementTree

HEAD = """# What a run survives

Written by `make faults` from the tests' own counts (tests/upscaler/test_faults.py). Each line is
what was done to a run, how often, and what held every time. In every run of the tests,
done + already done + failed = planned.

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
    rows = [
        json.loads(item.attrib["value"]) for item in suite.iterfind(".//property[@name='fault']")
    ]
    text = HEAD + "".join(f"| {row['fault']} | {row['trials']} | {row['held']} |\n" for row in rows)
    skipped = suite.findall(".//testcase[skipped]")
    if skipped:
        text += REASONS
    for case in skipped:
        name = case.attrib["name"].removeprefix("test_").replace("_", " ")
        text += f"- {name}: {case.find('skipped').attrib['message']}\n"
    (Path(__file__).parent / "reliability.md").write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
