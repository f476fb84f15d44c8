"""Runtimes that have something to build first: `auto` does not wait for it, a named one does."""

from dataclasses import replace

import pytest

from upscaler.errors import NotReady, OutputError, RuntimeUnavailable
from upscaler.models import find_model
from upscaler.runtimes import RuntimeRequest, open_runtime


def request(**more):
    return RuntimeRequest(find_model("fast", 2), "fp32", **more)


def test_auto_builds_nothing_and_says_what_would_be_faster(built):
    opened = open_runtime(request())
    assert opened.runtime.name == "cpu"
    assert opened.to_build == {"built": "fp32"}
    assert "to build first" in opened.passed_over["built in fp32"]
    built.ready = True
    assert open_runtime(request()).runtime.name == "built"


def test_a_named_runtime_builds_when_it_opens(built):
    assert open_runtime(request(), "built").runtime.name == "built"


def test_what_is_built_and_does_not_load_is_not_built_for_ever(built, monkeypatch):
    monkeypatch.setattr(built, "make_ready", lambda model, precision, device: None)
    with pytest.raises(RuntimeUnavailable, match="does not load what it has just built"):
        open_runtime(request(), "built")


def test_a_precision_without_a_file_does_not_lose_the_others(built, monkeypatch):
    def open_it(self, model, precision, streams, device=0):
        if precision == "fp16":
            raise RuntimeUnavailable("there is no fast-x2.fp16-u8.onnx")
        raise NotReady("it has its engine to build first")

    monkeypatch.setattr(built, "precisions", lambda: ("fp16", "fp32"))
    monkeypatch.setattr(built, "__init__", open_it)
    model = find_model("fast", 2)
    half_as_good = replace(model, spec=replace(model.spec, precision_loss={"fp16": 0, "fp32": 0}))
    opened = open_runtime(RuntimeRequest(half_as_good))
    assert opened.to_build == {"built": "fp32"}
    assert opened.passed_over["built in fp16"] == "there is no fast-x2.fp16-u8.onnx"


@pytest.mark.parametrize("error", [OutputError("others may write into it"), OSError("no luck")])
def test_auto_steps_over_a_cache_that_cannot_be_used(built, monkeypatch, error):
    def refuse(model, precision, device):
        raise error

    monkeypatch.setattr(built, "recorded_failure", refuse)
    opened = open_runtime(request())
    assert opened.runtime.name == "cpu" and not opened.to_build
    assert str(error) in opened.passed_over["built in fp32"]


def test_what_failed_is_not_built_again_but_by_name(built):
    built.reason = "it is 0.90 times as fast as torch here"
    opened = open_runtime(request())
    assert not opened.to_build
    assert opened.passed_over["built in fp32"] == f"{built.reason}; --runtime built tries again"
    assert open_runtime(request(), "built").runtime.name == "built"
