"""The page as people use it, in a real browser; see `browser` for what holds in every test."""

import io
import os

import numpy as np
import pytest
from PIL import Image

from upscaler.page.comparison import Comparison, Row, Version
from upscaler.page.write import page, write_page

RED, BLUE = (255, 0, 0), (0, 0, 255)
HOSTILE = (
    "<img src=x onerror=alert(1)>.png",
    '"><script>alert(1)<\\script>.png',
    "a#b?c%20d&amp;.png",
    "two\nlines.png",
    "</title><b>.png",
    "{{style}}{{data}}.png",
    os.fsdecode(b"no-text-\xff.png"),
)


def save(path, pixels):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.asarray(pixels, np.uint8)).save(path)
    return Version(path)


@pytest.fixture
def versions(tmp_path):
    """A red picture, and a blue one that is four times as wide and high."""
    small, large = np.full((40, 60, 3), RED), np.full((160, 240, 3), BLUE)
    return save(tmp_path / "small.png", small), save(tmp_path / "large.png", large)


@pytest.fixture
def opened(browser, tmp_path):
    """Write a page of some rows and open it."""

    def run(rows, columns=("before", "after"), after="", **options):
        write_page(Comparison("a title", columns, rows), tmp_path / "page.html")
        return browser(f"file://{tmp_path}/page.html{after}", **options)

    return run


def until(page, holds):
    """Wait until a JavaScript expression is true; the page's policy forbids Playwright's way."""
    for _ in range(3000):
        if page.evaluate(holds):
            return
        page.wait_for_timeout(20)
    raise TimeoutError(holds)


def drawn(page):
    """Wait until the pictures are there and drawn; return (H, W, 3) of the stage."""
    until(page, "!document.getElementById('notice').textContent && !asked")
    until(page, "!enlarged.key || !!enlarged.bitmap && !asked")
    image = Image.open(io.BytesIO(page.locator("#stage").screenshot()))
    return np.asarray(image.convert("RGB"))


def colours(page, *places):
    """Return the colours at some parts of the stage's width, a little above its middle."""
    seen = drawn(page)
    height, width = seen.shape[:2]
    return [tuple(int(v) for v in seen[height * 2 // 5, int(width * place)]) for place in places]


def test_the_slider_divides_before_and_after(opened, versions):
    page = opened([Row("a.png", versions)])
    assert colours(page, 0.4, 0.6) == [RED, BLUE]
    handle = page.locator("#handle").bounding_box()
    page.mouse.move(handle["x"] + handle["width"] / 2, handle["y"] + 100)
    page.mouse.down()
    page.mouse.move(0.7 * page.locator("#stage").bounding_box()["width"], handle["y"] + 100)
    page.mouse.up()
    assert colours(page, 0.4, 0.6, 0.75) == [RED, RED, BLUE]
    for _ in range(10):
        page.keyboard.press("Shift+ArrowLeft")
    assert colours(page, 0.4, 0.6) == [RED, BLUE]
    page.locator("#divider").fill("30")  # as a screen reader moves it
    assert colours(page, 0.25, 0.4) == [RED, BLUE]
    page.keyboard.down("o")
    assert colours(page, 0.25, 0.6) == [RED, RED]
    page.keyboard.up("o")
    assert colours(page, 0.25, 0.4) == [RED, BLUE]


def mitchell(pixels, axis):
    """Enlarge four times along an axis by the bicubic filter of Mitchell and Netravali (1988)."""
    moved = np.moveaxis(pixels.astype(float), axis, 0)
    centre = (np.arange(4 * len(moved)) + 0.5) / 4 - 0.5
    total = 0.0
    for tap in range(-1, 3):
        place = np.floor(centre).astype(int) + tap
        x = abs(centre - place)
        near = (7 * x**3 - 12 * x**2 + 16 / 3) / 6
        far = (-7 / 3 * x**3 + 12 * x**2 - 20 * x + 32 / 3) / 6
        weight = np.where(x < 1, near, far).reshape(-1, 1, 1)
        total = total + weight * moved[place.clip(0, len(moved) - 1)]
    return np.moveaxis(total, 0, axis)


def test_before_is_bicubic_or_pixels(opened, tmp_path, rng):
    small = rng.integers(0, 255, (40, 60, 3), np.uint8)
    before, after = (
        save(tmp_path / "small.png", small),
        save(tmp_path / "big.png", small.repeat(4, 0).repeat(4, 1)),
    )
    page = opened([Row("a.png", (before, after))])
    page.keyboard.press("1")  # 100 %: a pixel of the large picture is one of the screen
    page.locator("#divider").fill("100")

    def picture():
        seen = drawn(page)
        box = page.evaluate("placed()")
        top, left = round(box["top"]), round(box["left"])
        return seen[top + 8 : top + 70, left + 8 : left + 232].astype(float)

    bicubic = mitchell(mitchell(small, 0), 1)[8:70, 8:232].clip(0, 255)
    nearest = small.repeat(4, 0).repeat(4, 1)[8:70, 8:232].astype(float)
    assert abs(picture() - bicubic).mean() < 2 < abs(picture() - nearest).mean()
    page.keyboard.press("b")
    until(page, "document.getElementById('smooth').textContent === 'pixels'")
    assert abs(picture() - nearest).mean() < 0.1
    page.keyboard.press("b")
    for _ in range(3):  # at 338 % bicubic is shown in the pixels of the large picture
        page.keyboard.press("+")
    seen = drawn(page)[100:300, 300:500].astype(int)
    same = (abs(np.diff(seen, axis=1)).sum(axis=2) == 0).mean()
    assert 0.6 < same < 0.8


def test_keys_lead_through_the_pictures(opened, versions):
    page = opened([Row(f"{name}.png", versions) for name in "abc"], after="#2")
    name = page.locator("#name")
    assert name.inner_text() == "b.png" and page.locator("#place").inner_text() == "2 of 3"
    page.keyboard.press("ArrowRight")
    until(page, "location.hash === '#3'")
    assert name.inner_text() == "c.png"
    page.keyboard.press("ArrowRight")
    until(page, "document.getElementById('name').textContent === 'a.png'")
    assert "left before, right after" in page.locator("#canvas").get_attribute("aria-label")
    page.keyboard.press("Escape")
    assert not page.locator("#viewer").is_visible()
    focused = page.evaluate("document.activeElement.textContent")
    assert focused.startswith("a.png")
    page.keyboard.press("Enter")
    assert page.locator("#viewer").is_visible()


def percent(page):
    drawn(page)
    return int(page.locator("#whole").inner_text().removesuffix(" %"))


def test_wheel_and_pinch_zoom_around_what_is_under_them(opened, versions, tmp_path):
    half = np.full((160, 240, 3), BLUE)
    half[:, 120:] = RED
    sides = (save(tmp_path / "left.png", half[::4, ::4]), save(tmp_path / "right.png", half))
    page = opened([Row("a.png", sides)], has_touch=True)
    fitted = percent(page)
    stage = page.locator("#stage").bounding_box()
    page.mouse.move(stage["x"] + stage["width"] * 0.25, stage["y"] + stage["height"] / 2)
    page.mouse.wheel(0, -500)
    until(page, f"camera.zoom * 100 > {2 * fitted}")
    assert colours(page, 0.25, 0.45) == [BLUE, BLUE]  # the middle has gone to the right
    page.keyboard.press("0")
    assert percent(page) == fitted
    touch = page.context.new_cdp_session(page)
    middle = stage["x"] + stage["width"] / 2, stage["y"] + stage["height"] / 2

    def fingers(kind, apart):
        points = [{"x": middle[0] + side * apart, "y": middle[1]} for side in (-1, 1)]
        touches = [] if kind == "touchEnd" else points
        touch.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": touches})

    fingers("touchStart", 50)
    for apart in (60, 80, 100):
        fingers("touchMove", apart)
    fingers("touchEnd", 0)
    assert fitted * 1.7 < percent(page) < fitted * 2.3


def test_a_zoomed_picture_is_dragged(opened, versions):
    page = opened([Row("a.png", versions)])
    for _ in range(4):
        page.keyboard.press("+")
    before = page.evaluate("camera.x")
    page.mouse.move(300, 300)
    page.mouse.down()
    page.mouse.move(250, 300)
    page.mouse.up()
    assert page.evaluate("camera.x") > before
    assert page.locator("#divider").input_value() == "50"


def test_several_models_are_chosen_by_name(opened, versions, tmp_path):
    green = save(tmp_path / "green.png", np.full((160, 240, 3), (0, 128, 0)))
    page = opened([Row("a.png", (*versions, green))], columns=("before", "photo", "vivid"))
    page.get_by_label("picture on the left").select_option("photo")
    page.get_by_label("picture on the right").select_option("vivid")
    assert colours(page, 0.4, 0.6) == [BLUE, (0, 128, 0)]


@pytest.mark.parametrize("inside", [True, False])
def test_names_are_text_whatever_they_look_like(inside, opened, tmp_path, monkeypatch):
    monkeypatch.setattr("upscaler.page.write._MOST_INSIDE", 10**9 if inside else 0)
    rows = []
    for name in HOSTILE:
        pair = [save(tmp_path / part / name, np.full((40, 60, 3), BLUE)) for part in ("", "out")]
        warned = Version(pair[1].path, (("model", name),), (name,))
        rows.append(Row(name, (pair[0], warned), name))
    page = opened(rows, columns=HOSTILE[:2])
    shown = page.locator(".name").all_inner_texts()
    assert len(shown) == len(HOSTILE) and HOSTILE[0] in shown
    assert page.locator("#grid b, #grid script, #grid img[src=x]").count() == 0
    until(page, "[...document.images].every((one) => one.complete)")
    assert page.evaluate("[...document.images].every((one) => one.naturalWidth > 0)")
    for number in range(len(HOSTILE)):
        page.goto(page.url.partition("#")[0] + f"#{number + 1}")
        assert colours(page, 0.4) == [BLUE]
    assert page.locator("#facts script, #facts img").count() == 0


def test_ten_thousand_pictures_open_in_two_seconds(browser, tmp_path):
    small = save(tmp_path / "small.webp", np.full((9, 9, 3), BLUE)).path.name
    facts = [["size", "1000 x 800, 1.2 MB"], ["model", "auto-x4"], ["time", "0.21 s"]]
    one = {"file": "a.png", "url": "./a.png", "width": 4000, "height": 3200, "facts": facts}
    entries = [
        {"name": f"folder/IMG_{n:05d}.jpg", "versions": [one, one], "thumb": small, "change": n % 7}
        for n in range(10_000)
    ]
    text = page(Comparison("many", ("before", "after"), []), entries)
    (tmp_path / "page.html").write_text(text)
    opened = browser("about:blank")
    metrics = opened.context.new_cdp_session(opened)
    metrics.send("Performance.enable", {"timeDomain": "threadTicks"})
    opened.goto(f"file://{tmp_path}/page.html")
    until(opened, "[...document.images].slice(0, 10).every((one) => one.complete)")
    found = metrics.send("Performance.getMetrics")["metrics"]
    seconds = {each["name"]: each["value"] for each in found}["TaskDuration"]
    assert seconds < 2  # of a core: what else the machine does is not counted
    until(opened, "document.querySelectorAll('#grid li').length === 10000")
    opened.locator("#filter").fill("img_04711")
    assert opened.locator(".name").all_inner_texts() == ["folder/IMG_04711.jpg"]
    assert opened.locator("#count").inner_text() == "1 of 10000 pictures"


def test_nothing_may_leave_the_page(opened, versions):
    opened_page = opened([Row("a.png", versions)])
    policy = opened_page.locator("meta[http-equiv]").get_attribute("content")
    assert "default-src 'none'" in policy and "unsafe" not in policy and "http" not in policy


@pytest.mark.parametrize("width", [390, 800, 1440])
def test_a_reason_is_read_whole_where_no_picture_is(opened, versions, width):
    reason = (
        "not an image that can be read (PNG, JPEG, WebP, TIFF and many others), or damaged " * 2
    )
    page = opened([Row("a.png", versions), Row("z.png", (None, None), reason)])
    page.set_viewport_size({"width": width, "height": 800})
    hidden = page.locator("#grid .problem").evaluate("(it) => it.scrollHeight - it.clientHeight")
    assert hidden == 0


def test_failures_come_first_with_their_reason(opened, versions):
    rows = [Row("a.png", versions), Row("z.png", (None, None), "the file is empty")]
    page = opened(rows)
    first = page.locator("#grid li").first
    assert first.inner_text().split("\n") == ["z.png", "the file is empty"]
    assert first.locator("a").count() == 0  # there is nothing to look at


@pytest.mark.parametrize("width", [390, 800, 1440])
def test_it_fits_every_screen(width, opened, versions):
    page = opened([Row(f"{n}.png", versions) for n in range(5)])
    page.set_viewport_size({"width": width, "height": 800})
    fits = "document.documentElement.scrollWidth <= innerWidth"
    assert page.evaluate(fits)
    page.locator(".card").first.click()
    assert page.evaluate(fits) and colours(page, 0.3, 0.7) == [RED, BLUE]
