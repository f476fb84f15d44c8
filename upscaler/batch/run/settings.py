"""What a person asks of a run, beside the input and the output."""

import hashlib
import json
from dataclasses import dataclass, field

from upscaler.batch.plan.jobs import Job
from upscaler.batch.state.resume import Rules
from upscaler.batch.state.settings_key import SettingsKey
from upscaler.errors import ImageError
from upscaler.hardware.cpu import MEMORY_SHARE, memory_bytes
from upscaler.images import MAX_PIXELS, Encoding, Format, upright_size
from upscaler.inference.size import Size
from upscaler.models import Model, find_models
from upscaler.models.spec import FEATHERED
from upscaler.upscaler import Upscaler


@dataclass(frozen=True)
class Settings:
    """What a person asked for, beside the input and the output."""

    model: str | tuple[str, ...]
    """A name or a path; several for a chain."""
    scale: float
    size: Size | None = None
    """What pictures shall become, if not `scale` times as large."""
    restore: float | None = None
    """Where between a clean model and the one that also repairs damage; None for the one named."""
    alpha: str = "picture"
    """What a fourth channel is, see `Upscaler`."""
    wrap: bool = False
    """Whether pictures go on at their edges with what is at the opposite ones."""
    runtime: str = "auto"
    precision: str = "auto"
    tile: int | str | None = "auto"
    streams: int | None = None
    devices: tuple[int, ...] = ()
    memory: int | None = None
    """Bytes that the pictures being worked on may fill; None for a share of the memory."""
    encoding: Encoding = field(default_factory=Encoding)
    max_pixels: int = MAX_PIXELS
    """Of an input, all frames together; larger ones fail."""
    timeout: float | None = None
    """Seconds of work after which a file fails; None for no limit."""
    rules: Rules = field(default_factory=Rules)
    shrink: bool = False
    """Whether a picture that is larger than `size` is made smaller, instead of left out."""
    exact: bool = False
    """Whether a model is refused if its tiles are not proved to give the whole picture."""

    @property
    def wanted(self) -> Size:
        """What pictures shall become."""
        return self.size or Size(self.scale)

    def find_model(self) -> Model:
        """Return the model; raises as `models.find_models` does."""
        return find_models(self.model, self.scale, self.restore, sided=self.wanted.sided)

    def open(self) -> Upscaler:
        """Return the model on its runtime."""
        return Upscaler(
            self.model,
            scale=self.scale,
            size=self.size,
            restore=self.restore,
            alpha=self.alpha,
            wrap=self.wrap,
            runtime=self.runtime,
            precision=self.precision,
            tile=self.tile,
            streams=self.streams,
            devices=self.devices,
            memory=self.memory,
            exact=self.exact,
        )

    def leaves_out(self, job: Job) -> bool:
        """Whether a picture is as large as asked already; its header is read."""
        if self.shrink or self.size is None or not self.size.sided:
            return False
        try:
            found = upright_size(job.source, self.max_pixels)
        except ImageError:  # whoever reads its pixels will say why
            return False
        return not self.size.enlarges(found.width, found.height)

    @property
    def memory_limit(self) -> int:
        """Bytes that the pictures being worked on may fill."""
        return self.memory or int(memory_bytes() * MEMORY_SHARE)

    def key(self, model: Model, kind: Format) -> SettingsKey:
        """Return what decides how an output looks.

        Threads, the timeout and the runtime are not in it: they do not change the picture by more
        than rounding. Tiles do not, either, unless they are blended.
        """
        facts = {
            "model": model.sha256,
            "size": str(self.wanted),
            "precision": self.precision,
            "quality": self.encoding.quality if kind.lossy else None,
            "strip": self.encoding.strip,
        }
        if self.alpha != "picture":  # only then, so that what was made before stays done
            facts["alpha"] = self.alpha
        if self.wrap:
            facts["wrap"] = True
        if model.spec.tiling.kind == FEATHERED:
            facts |= {"tile": self.tile, "memory": self.memory}
        as_before = json.dumps({**facts, "runtime": self.runtime}, sort_keys=True)
        earlier = hashlib.sha256(as_before.encode()).hexdigest()
        return SettingsKey.of(model.title, facts, earlier)
