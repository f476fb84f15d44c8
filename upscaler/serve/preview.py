"""What models would make of a picture: the part of it with the most detail, before any run."""

import tempfile
import threading
from pathlib import Path
from typing import Any

from upscaler.batch.plan.listing import STATE_FOLDER
from upscaler.images import FORMATS, open_picture, save_picture
from upscaler.page.album import entries_of
from upscaler.page.comparison import Comparison, Row, Version
from upscaler.page.store import Inside
from upscaler.page.tryout import cut, most_detail
from upscaler.upscaler import Upscaler


class Preview:
    """Computes one at a time, and keeps the model for the next one.

    Args:
        output: the folder of the outputs, in whose hidden folder files lie for a moment.
    """

    def __init__(self, output: Path) -> None:
        self._folder = output / STATE_FOLDER
        self._lock = threading.Lock()
        self._upscaler: Upscaler | None = None
        self._opened: tuple[str, float] | None = None

    def entry(self, path: Path, model: str, scale: float) -> dict[str, Any]:
        """Return what the viewer shows: the part as it is, and as a model makes it.

        Raises:
            ImageError: it cannot be read.
            StartError: the model cannot be used.
        """
        self._folder.mkdir(parents=True, exist_ok=True)
        with self._lock, tempfile.TemporaryDirectory(dir=self._folder) as folder:
            picture = open_picture(path)
            part = cut(picture, most_detail(picture))
            large = self._open(model, scale).enlarge(part)
            versions = []
            for name, one in (("original", part), (model, large)):
                file = Path(folder) / f"{name}.png"
                save_picture(one.without_metadata(), file, FORMATS["png"])
                versions.append(Version(file))
            comparison = Comparison("", ("original", model), [Row(path.name, versions)])
            return next(entries_of(comparison, Inside()))

    def close(self) -> None:
        """Free the model."""
        with self._lock:
            if self._upscaler is not None:
                self._upscaler.close()
                self._upscaler = self._opened = None

    def _open(self, model: str, scale: float) -> Upscaler:
        if self._upscaler is None or self._opened != (model, scale):
            if self._upscaler is not None:
                self._upscaler.close()
                self._upscaler = None
            self._upscaler = Upscaler(model, scale=scale)
            self._opened = (model, scale)
        return self._upscaler
