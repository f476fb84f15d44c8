"""What the tests of runs share."""

import json
import shutil
import signal
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from upscaler import Upscaler
from upscaler.batch.plan.jobs import plan
from upscaler.batch.plan.listing import EVERYTHING
from upscaler.batch.run.batch import Batch
from upscaler.batch.run.settings import Settings
from upscaler.batch.state.resume import Rules
from upscaler.models import packaged_models
from upscaler.supervisor.line import NOBODY

_SETTINGS = {"model": "fast", "scale": 2, "runtime": "cpu", "streams": 2}
SECONDS = 300
_RULES = ("overwrite", "retry_failed", "verify")


def pytest_itemcollected(item):
    """Mark what notes a line of docs/lab/reliability.md, and what is seen in a browser."""
    fixtures = getattr(item, "fixturenames", ())
    if "held" in fixtures:
        item.add_marker("fault")
    if "browser" in fixtures:  # slow, and CI runs it all the same
        for marker in ("browser", "slow", "ci"):
            item.add_marker(marker)


_MODELS = [
    pytest.param(
        (model.spec.name, model.spec.scale),
        id=model.title,
        marks=() if model.spec.name == "fast" else pytest.mark.slow,
    )
    for model in packaged_models()
]
"""Every scale of the smallest model; the others, which differ in their weights, are slow."""


@pytest.fixture(scope="module", params=_MODELS)
def upscaler(request):
    """Packaged models on the fastest runtime there is; the runtimes agree (test_runtimes.py)."""
    name, scale = request.param
    return Upscaler(name, scale=scale, precision="fp32")


@pytest.fixture(autouse=True)
def pillows_limit():
    """What a command sets for the process ends with the test."""
    before = Image.MAX_IMAGE_PIXELS
    yield
    Image.MAX_IMAGE_PIXELS = before


class Notes:
    """A reporter that keeps what it hears."""

    def __init__(self):
        self.opened_with, self.results, self.notes = None, [], []

    def note(self, text):
        self.notes.append(text)

    def opened(self, upscaler, workload):
        self.opened_with = (upscaler, workload)

    def tick(self):
        pass

    def result(self, result):
        self.results.append(result)


@pytest.fixture
def notes():
    """A reporter that keeps what it hears."""
    return Notes()


@pytest.fixture
def held(record_property):
    """Note a line of docs/lab/reliability.md: what was done to a run, how often, what held always.

    Lines that differ in their number of trials only are added up.
    """

    def note(fault, trials, what):
        record_property("fault", json.dumps({"fault": fault, "trials": trials, "held": what}))

    return note


@pytest.fixture
def tall(rng):
    """A uint8 picture of several rows of tiles, smooth with some texture."""
    y, x = np.mgrid[0:331, 0:90]
    base = np.stack([x * 2, y * 0.7, 255 - x - y * 0.4], axis=2)
    return np.clip(base + rng.integers(-20, 20, base.shape), 0, 255).astype(np.uint8)


@pytest.fixture
def watchdog():
    """End a test that hangs, with where it hung."""

    def bark(number, frame):
        raise TimeoutError(f"still running after {SECONDS} s")

    before = signal.signal(signal.SIGALRM, bark)
    signal.alarm(SECONDS)
    yield
    signal.alarm(0)
    signal.signal(signal.SIGALRM, before)


@pytest.fixture
def run():
    """Run a folder or a file; returns the summary and what the reporter heard.

    Every run must come to one result for each planned file.
    """

    def run(
        source,
        output,
        *,
        format="keep",
        selection=EVERYTHING,
        reporter=None,
        witness=NOBODY,
        **changes,
    ):
        planned = plan(Path(source), Path(output), format, selection)
        notes = reporter or Notes()
        rules = Rules(**{name: changes.pop(name) for name in _RULES if name in changes})
        settings = Settings(**{**_SETTINGS, **changes}, rules=rules)
        summary = Batch(planned, settings, notes, witness).run()
        assert sum(summary.counts.values()) == summary.planned == planned.size
        assert len(notes.results) == planned.size
        return summary, notes

    return run


@pytest.fixture
def names():
    """Return the files of an output folder, its journal apart."""

    def names(folder):
        files = (path for path in Path(folder).rglob("*") if path.is_file())
        shown = (path.relative_to(folder).as_posix() for path in files)
        return sorted(name for name in shown if not name.startswith(".upscaler/"))

    return names


@pytest.fixture(scope="session")
def chromium():
    """A browser without a window."""
    playwright = pytest.importorskip("playwright.sync_api", reason="needs playwright, of [dev]")
    program = shutil.which("chromium")
    if program is None:
        pytest.skip("needs chromium: apt-get install chromium")
    with playwright.sync_playwright() as running:
        started = running.chromium.launch(executable_path=program, args=["--no-sandbox"])
        yield started
        started.close()


@pytest.fixture
def browser(chromium):
    """Opens addresses; at the end there must have been no error, and no request to the network."""
    contexts, said, asked = [], [], []

    def open_page(address, **options):
        context = chromium.new_context(viewport={"width": 1000, "height": 700}, **options)
        context.set_default_timeout(60_000)
        contexts.append(context)
        page = context.new_page()
        page.on("console", lambda message: said.append(message.text))
        page.on("pageerror", lambda error: said.append(str(error)))
        page.on("dialog", lambda dialog: said.append(f"dialog: {dialog.message}"))
        page.on("request", lambda request: asked.append(request.url))
        page.goto(address)
        return page

    yield open_page
    for context in contexts:
        context.close()
    allowed = ("file:", "data:", "http://127.0.0.1:")
    assert not [url for url in asked if not url.startswith(allowed)]
    assert said == []
