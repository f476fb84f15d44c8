"""A runtime that has something to build, without a GPU."""

import pytest

from upscaler.errors import NotReady
from upscaler.runtimes import RUNTIMES, BuiltRuntime, choice
from upscaler.runtimes.table import RuntimeEntry


class Built(BuiltRuntime):
    """The runtime `cpu`, as one that has something to build."""

    name = "built"
    ready = False
    opened_on: list[int]
    calls: dict[int, int]
    reason: str | None = None

    def __init__(self, model, precision, streams, device=0):
        super().__init__(model, precision, streams, device)
        if not self.ready:
            raise NotReady("it has its engine to build first")
        self._real = RUNTIMES["cpu"].load()(model, precision, streams, device)
        self.opened_on.append(device)
        self.calls[device] = 0

    @classmethod
    def precisions(cls):
        return ("fp32",)

    @classmethod
    def make_ready(cls, model, precision, device):
        cls.ready = True

    @classmethod
    def record_failure(cls, model, precision, device, reason):
        cls.reason = reason

    @classmethod
    def recorded_failure(cls, model, precision, device):
        return cls.reason

    def infer(self, batch):
        self.calls[self.device] += 1
        return self._real.infer(batch)


class Known(RuntimeEntry):
    kind: type

    def load(self):
        return self.kind


@pytest.fixture
def built(monkeypatch):
    class Fresh(Built):
        opened_on = []  # noqa: RUF012
        calls = {}  # noqa: RUF012

    class Found(Known):
        kind = Fresh

    known = {"built": Found("", "", "", "", needs_nvidia=True), "cpu": RUNTIMES["cpu"]}
    monkeypatch.setattr(choice, "RUNTIMES", known)
    monkeypatch.setattr("upscaler.runtimes.upgrade.RUNTIMES", known)
    return Fresh
