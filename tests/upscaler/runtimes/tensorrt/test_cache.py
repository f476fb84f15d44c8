"""Engines are code: they lie in a folder into which nobody else can write."""

import os
import stat
import threading

import pytest

from upscaler.errors import OutputError, StartError
from upscaler.hardware import folders
from upscaler.runtimes.tensorrt import cache as engine_cache
from upscaler.runtimes.tensorrt.cache import Engine, EngineCache, EngineKey

KEY = EngineKey("ab" * 32, "fp16", 532, "tensorrt_rtx 1.7", "none", "any RTX")


@pytest.fixture
def cache(tmp_path):
    return EngineCache(tmp_path / "cache" / "engines")


def test_an_engine_comes_back_as_it_was(cache):
    assert cache.get(KEY) is None
    for proved in (False, True):
        engine = Engine(b"line\nline\x00", proved)
        cache.put(KEY, engine)
        assert EngineCache(cache.folder).get(KEY) == engine
    assert [path.suffix for path in cache.folder.iterdir()] == [".engine"]


@pytest.mark.parametrize("field", ["model", "precision", "builder", "driver", "gpu"])
def test_whatever_an_engine_depends_on_is_in_its_key(field):
    from dataclasses import replace

    assert replace(KEY, **{field: "other"}).digest != KEY.digest
    assert replace(KEY, side=64).digest != KEY.digest


@pytest.mark.parametrize(
    "content", [b"", b"engine", b"\x80\x04K*.\n", b"{}\nengine", b"[]\nengine", b'{"proved\nengine']
)
def test_a_file_without_its_first_line_counts_as_none(cache, content):
    cache.path(KEY).write_bytes(content)
    assert cache.get(KEY) is None
    cache.put(KEY, Engine(b"engine", proved=True))
    assert cache.get(KEY) == Engine(b"engine", proved=True)


def test_the_folder_is_private(cache):
    assert stat.S_IMODE(cache.folder.stat().st_mode) == 0o700
    path = cache.put(KEY, Engine(b"engine", proved=False))
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    cache.folder.chmod(0o777)
    with pytest.raises(StartError, match="others may write into .* chmod go-w"):
        EngineCache(cache.folder)


def test_a_full_disk_leaves_nothing_half_written(cache, monkeypatch):
    def full(number):
        raise OSError(28, "No space left on device")

    before = cache.put(KEY, Engine(b"before", proved=False)).read_bytes()
    monkeypatch.setattr(folders.os, "fsync", full)
    with pytest.raises(OutputError, match="No space left on device"):
        cache.put(KEY, Engine(b"after", proved=False))
    assert cache.path(KEY).read_bytes() == before
    assert not list(cache.folder.glob(".*.tmp"))


def test_a_folder_that_cannot_be_made_is_said(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(OutputError, match="cannot use the folder"):
        EngineCache(tmp_path / "file" / "engines")


def test_one_builds_and_the_others_wait(cache, monkeypatch):
    order, asked = [], threading.Event()
    real = engine_cache.system.lock

    def lock(file):
        asked.set()
        real(file)

    def build():
        with EngineCache(cache.folder).building(KEY):
            order.append("second")

    with cache.building(KEY):
        monkeypatch.setattr(engine_cache.system, "lock", lock)
        waiting = threading.Thread(target=build)
        waiting.start()
        assert asked.wait(60)
        order.append("first")
    waiting.join(60)
    assert order == ["first", "second"]


def test_the_default_folder_is_the_platforms_cache(monkeypatch, tmp_path):
    monkeypatch.setattr(folders.platformdirs, "user_cache_dir", lambda name: tmp_path / name)
    assert EngineCache().folder == tmp_path / "upscaler" / "engines"
    assert os.access(tmp_path / "upscaler" / "engines", os.W_OK)


def test_a_lock_that_cannot_be_is_said(cache, monkeypatch):
    def interrupted(file):
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(engine_cache.system, "lock", interrupted)
    with pytest.raises(OutputError, match="cannot lock .* Input/output error"), cache.building(KEY):
        pass


def test_what_goes_wrong_under_the_lock_is_not_taken_for_the_lock(cache):
    with pytest.raises(OSError, match="of the work"), cache.building(KEY):
        raise OSError("of the work")


def test_what_is_not_worth_building_is_remembered_until_it_is_built_anew(cache):
    assert cache.recorded_failure(KEY) is None
    cache.record_failure(KEY, "TensorRT builds no engine")
    assert EngineCache(cache.folder).recorded_failure(KEY) == "TensorRT builds no engine"
    cache.put(KEY, Engine(b"engine", proved=False))
    assert cache.recorded_failure(KEY) is None
