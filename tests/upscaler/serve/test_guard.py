"""Who is answered, and which files can be had."""

import json
import os
from itertools import product
from pathlib import Path

import pytest
from PIL import Image

from upscaler.serve.library import id_of


@pytest.fixture
def server(serve, folder, tmp_path):
    (tmp_path / "secret.png").write_bytes((folder / "a.png").read_bytes())
    (folder / "notes.png.txt").write_text("secret")
    (folder / ".hidden.png").write_bytes((folder / "a.png").read_bytes())
    return serve(folder, tmp_path / "out")


def test_only_who_knows_the_token_is_answered(server):
    assert server.ask("")[0] == 200
    for root in ("/", "/x/", server.root[:-2] + "/", server.root.upper(), "//", f"/x{server.root}"):
        assert server.ask("", root=root) == (403, b"not allowed"), root
        assert server.ask("state", root=root)[0] == 403


def test_only_the_page_itself_is_answered(server):
    assert server.ask("", host=f"127.0.0.1:{server.port}")[0] == 200
    assert server.ask("", host=f"localhost:{server.port}")[0] == 200
    for host in ("evil.example", f"evil.example:{server.port}", "127.0.0.1", "127.0.0.1:1", ""):
        assert server.ask("", host=host)[0] == 403, host
    for origin in (
        "http://evil.example",
        "null",
        "http://127.0.0.1:1",
        f"https{server.origin[4:]}",
    ):
        assert server.ask("state", origin=origin)[0] == 403, origin
    assert server.ask("pause", "POST", b"{}")[0] == 403  # without an Origin
    assert server.ask("pause", "POST", b"{}", origin="http://evil.example")[0] == 403
    assert server.tell("pause", {})[0] == 200


OUTSIDE = ("../secret.png", "/etc/passwd", "sub/../../secret.png", ".hidden.png", "notes.png.txt")


def test_nothing_outside_can_be_had(server):
    for kind, name in product(("picture/before", "picture/after", "small/before"), OUTSIDE):
        assert server.ask(f"{kind}/{id_of(name)}")[0] == 404
        assert server.ask(f"entry/{id_of(name)}")[0] == 404
        for path in (f"{kind}/{name}", f"{kind}/{name.replace('.', '%2e').replace('/', '%2f')}"):
            status, content = server.ask(path)
            assert status in (400, 403, 404) and b"PNG" not in content


def test_a_link_does_not_lead_outside(server, folder, tmp_path):
    (folder / "link.png").symlink_to(tmp_path / "secret.png")
    assert server.ask(f"picture/before/{id_of('link.png')}")[0] == 404


def test_a_picture_can_be_had(server, folder):
    status, content = server.ask(f"picture/before/{id_of('a.png')}")
    assert status == 200 and content == (folder / "a.png").read_bytes()


def test_what_is_dropped_replaces_nothing(server, folder):
    before = (folder / "a.png").read_bytes()
    other = (folder / "b.jpg").read_bytes()

    def drop(name):
        return server.ask(f"drop?name={name}", "POST", other, origin=server.origin)

    assert json.loads(drop("a.png")[1]) == {"name": "a-2.png"}
    assert json.loads(drop("a.png")[1]) == {"name": "a-3.png"}
    assert (folder / "a.png").read_bytes() == before
    assert (folder / "a-3.png").read_bytes() == other
    umask = os.umask(0)
    os.umask(umask)
    assert (folder / "a-3.png").stat().st_mode & 0o777 == 0o666 & ~umask
    for name in ("..%2Fx.png", "sub%2Fx.png", ".x.png", "x.sh", "", "%00.png", "%2Ftmp%2Fx.png"):
        assert drop(name)[0] == 400, name
    assert sorted(path.name for path in folder.iterdir() if "drop" in path.name) == []


def test_only_what_is_offered_can_be_asked_for(server, tmp_path):
    good = {"model": "fast", "scale": "2", "format": "keep"}
    for wrong in ({"model": "/tmp/x.pth"}, {"scale": "99"}, {"format": "--help"}, {"model": "-o"}):
        assert server.tell("start", good | wrong)[0] == 400
    assert server.tell("start", "text")[0] in (400, 500)
    assert server.tell("preview", {**good, "id": id_of("../secret.png")})[0] == 404
    assert server.json("state")["run"] == 0 and not (tmp_path / "out").exists()


def test_names_need_not_be_text(serve, tmp_path):
    source = Path(os.fsdecode(bytes(tmp_path) + b"/odd\xff"))
    source.mkdir()
    path = bytes(source) + b"/\xff#?<b>.png"
    with open(path, "wb") as file:  # noqa: PTH123 - the name is no text
        Image.new("RGB", (5, 4)).save(file, "PNG")
    server = serve(source, tmp_path / "out")
    status, page = server.ask("")
    assert status == 200 and "odd? → out".encode() in page
    (found,) = server.json("files")
    assert server.ask(f"small/before/{found['id']}")[0] == 200


def test_what_is_missing_is_said(command, folder, tmp_path, monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    code, _, err = command("serve", folder, tmp_path / "out")
    assert code == 3 and "pip install '.[web]'" in err


def test_wrong_use_is_said(web, command, folder, tmp_path):
    for paths, words in (
        ((folder / "a.png", tmp_path / "out"), "is not a folder"),
        ((folder, folder), "cannot be the output folder"),
        ((folder, folder / "a.png"), "cannot be the output folder"),
    ):
        code, _, err = command("serve", *paths, "--no-browser")
        assert code == 2 and words in err
