"""What the tests of pages share."""

import json
import re

import pytest


@pytest.fixture
def data_of():
    """Return the data in a page."""

    def read(path):
        text = path.read_text(encoding="utf-8")
        return json.loads(re.search(r'id="data">(.*?)</script>', text, re.DOTALL)[1])

    return read
