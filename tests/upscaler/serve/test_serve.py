"""Runs from the page: they are those of the command, and go on whatever becomes of the page."""

import asyncio
import os
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from upscaler.batch.state.entries import State
from upscaler.batch.state.journal import read_journal

SMALL = {"model": "fast", "scale": "2", "format": "keep"}


def until(server, holds):
    """Wait until the state of a server is so."""
    deadline = time.monotonic() + 300
    while time.monotonic() < deadline:
        state = server.json("state")
        if holds(state):
            return state
        time.sleep(0.05)
    raise TimeoutError(state)


def test_a_run_is_that_of_the_command(serve, folder, tmp_path):
    (folder / "bad.png").write_bytes(b"no picture")
    server, out = serve(folder, tmp_path / "out"), tmp_path / "out"
    server.tell("start", SMALL)
    state = until(server, lambda state: not state["running"])
    statuses = {event["name"]: event["status"] for event in state["events"]}
    done = dict.fromkeys(["a.png", "b.jpg", "sub/grey.png"], "done")
    assert statuses == done | {"bad.png": "failed"}
    assert Image.open(out / "sub" / "grey.png").size == (22, 18)
    with read_journal(out) as journal:
        assert journal.totals()[State.DONE].files == 3
    server.tell("start", SMALL | {"scale": "3"})  # made with other settings: it says so
    state = until(server, lambda state: state["run"] == 2 and not state["running"])
    assert any("--overwrite" in line for line in state["said"]) and not state["events"]
    server.tell("start", SMALL | {"scale": "3", "again": True})
    until(server, lambda state: state["run"] == 3 and not state["running"])
    assert Image.open(out / "a.png").size == (159, 111)
    assert server.close() == 0


@pytest.fixture
def many(tmp_path, rng):
    source = tmp_path / "many"
    source.mkdir()
    for number in range(60):
        pixels = rng.integers(0, 255, (180, 200, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(source / f"{number:02d}.png")
    return source


def test_a_run_is_paused_and_goes_on(serve, many, tmp_path):
    server, out = serve(many, tmp_path / "out"), tmp_path / "out"
    server.tell("start", SMALL)
    until(server, lambda state: state["events"])
    server.tell("pause", {})
    state = until(server, lambda state: not state["running"])
    paused = {event["name"] for event in state["events"]}
    assert 0 < len(paused) < 60
    stamps = {path: path.stat().st_mtime_ns for path in out.glob("*.png")}
    server.tell("start", SMALL)
    until(server, lambda state: state["run"] == 2 and not state["running"])
    assert len(list(out.glob("*.png"))) == 60
    assert all(path.stat().st_mtime_ns == stamp for path, stamp in stamps.items())


def test_two_starts_at_once_are_one_run(web, folder, tmp_path):
    from upscaler.serve.runner import Runner

    async def start_twice():
        runner = Runner(folder, tmp_path / "out")
        options = ["-m", "fast", "-s", "2"]
        await asyncio.gather(runner.start(options), runner.start(options))
        number = runner.number
        await runner.close()
        return number

    assert asyncio.run(start_twice()) == 1


@pytest.mark.skipif(sys.platform == "win32", reason="has no groups of processes as these are")
def test_ctrl_c_in_a_terminal_reaches_a_run_by_the_server_alone(web, folder, tmp_path):
    from upscaler.serve.runner import Runner

    async def group_of_a_run():
        runner = Runner(folder, tmp_path / "out")
        await runner.start(["-m", "fast", "-s", "2"])
        group = os.getpgid(runner._process.pid)
        await runner.close()
        return group

    assert asyncio.run(group_of_a_run()) != os.getpgid(0)


def test_the_end_of_the_server_stops_the_run_in_order(serve, many, tmp_path):
    server, out = serve(many, tmp_path / "out"), tmp_path / "out"
    server.tell("start", SMALL)
    until(server, lambda state: state["events"])
    assert server.close() == 0
    made = list(out.glob("*.png"))
    assert 0 < len(made) < 60 and not list(out.glob(".upscaler-*"))
    with read_journal(out) as journal:  # nobody holds it any more
        assert journal.totals()[State.DONE].files == len(made)


def test_all_of_it_in_two_browsers(serve, folder, tmp_path, browser):
    red = np.full((40, 60, 3), (255, 0, 0), np.uint8)
    Image.fromarray(red).save(folder / "red <b>.png")
    server = serve(folder, tmp_path / "out")
    page, other = browser(server.address), browser(server.address)
    page.get_by_text("4 pictures").wait_for()
    page.locator("#model").select_option("fast")
    page.locator("#scale").select_option("2")
    page.get_by_text("red <b>.png").click()  # not done yet: a preview
    page.locator("#facts").get_by_text("120 x 80").wait_for()
    assert not list(Path(tmp_path / "out").glob("*.png"))
    page.get_by_label("picture on the right").select_option("preview: balanced")
    page.locator("#facts h3").get_by_text("preview: balanced").wait_for()
    page.keyboard.press("Escape")
    page.locator("#start").click()
    other.get_by_text("finished in").wait_for()
    page.reload()
    page.get_by_text("finished in").wait_for()
    assert page.locator(".note.ok").count() == 4
    page.get_by_text("red <b>.png").click()
    page.locator("#facts").get_by_text("fast-x2").wait_for()
    made = np.asarray(Image.open(tmp_path / "out" / "red <b>.png"))
    assert made.shape == (80, 120, 3) and abs(made.astype(int) - (255, 0, 0)).max() < 8


def test_a_picture_is_added(serve, folder, tmp_path, browser):
    server = serve(folder, tmp_path / "out")
    page = browser(server.address)
    new = tmp_path / "new one.png"
    Image.new("RGB", (9, 7)).save(new)
    page.locator("#choose").set_input_files(new)
    page.get_by_text("new one.png", exact=True).wait_for()
    assert (folder / "new one.png").read_bytes() == new.read_bytes()


def test_no_page_is_needed(serve, folder, tmp_path, browser):
    """A page that is closed while it runs changes nothing."""
    server = serve(folder, tmp_path / "out")
    page = browser(server.address)
    page.locator("#scale").select_option("2")
    page.locator("#model").select_option("fast")
    page.locator("#start").click()
    page.locator("#pause:enabled").wait_for()
    page.close()
    until(server, lambda state: state["run"] == 1 and not state["running"])
    assert len(list((tmp_path / "out").rglob("*.png"))) == 2
