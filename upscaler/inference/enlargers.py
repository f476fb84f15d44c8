"""The models of a run, each opened when the first picture needs it."""

from collections.abc import Callable
from threading import Lock

from upscaler.errors import RuntimeUnavailable
from upscaler.images import Picture, Rows
from upscaler.inference.enlargement import Enlargement
from upscaler.inference.enlarger import Enlarger, Options
from upscaler.inference.look import look_at
from upscaler.inference.strips import StripEnlargement
from upscaler.inference.timing import Timer
from upscaler.models import Model
from upscaler.models.auto import Auto
from upscaler.models.restoration import Restoration, restoration_for
from upscaler.quality.damage import Damage
from upscaler.runtimes.gate import Gate


class Enlargers:
    """One for a model; for `auto`, a second one once a picture has to be restored.

    Args:
        model: what was asked for.

    Raises:
        UsageError, RuntimeUnavailable: it does not open.
    """

    def __init__(self, model: Model, options: Options) -> None:
        self._auto = model if isinstance(model, Auto) else None
        self._options, self._gate, self._opening = options, Gate(), Lock()
        self.first = self._open(self._auto.clean if self._auto else model)
        """The model that was asked for; of `auto`, the one that restores nothing."""
        self._restorer: Enlarger | None = None

    def close(self) -> None:
        """Free all runtimes; to close twice does no harm."""
        self.first.close()
        if self._restorer is not None:
            self._restorer.close()

    def begin(self, picture: Picture, watch: Timer) -> Enlargement:
        """See `Enlarger`."""
        if self._auto is None:
            return self.first.begin(picture, watch)
        with watch.stage("look"):
            wanted = restoration_for(look_at(picture))
        enlarger, restoration = self._for(wanted)
        work = enlarger.begin(picture, watch)
        work.restoration = restoration
        return work

    def begin_strips(
        self,
        source: Rows,
        fit: Callable[[Picture], Picture],
        watch: Timer,
        damage: Damage,
    ) -> StripEnlargement:
        """See `Enlarger`.

        Args:
            damage: what the picture has been through.
        """
        if self._auto is None:
            return self.first.begin_strips(source, fit, watch)
        enlarger, restoration = self._for(restoration_for(damage))
        if enlarger.model.spec.scale != self.first.model.spec.scale:
            enlarger = self.first
            restoration = Restoration(0.0, f"too large for that at this size; {restoration.reason}")
        work = enlarger.begin_strips(source, fit, watch)
        work.restoration = restoration
        return work

    def _for(self, wanted: Restoration) -> tuple[Enlarger, Restoration]:
        """Return what does it; what restores nothing where the restorer does not open here."""
        assert self._auto is not None
        if not wanted.strength:
            return self.first, wanted
        try:
            with self._opening:
                self._restorer = self._restorer or self._open(self._auto.restorer)
        except RuntimeUnavailable as error:
            reason = f"{wanted.reason}, but what restores does not open here: {error}"
            return self.first, Restoration(0.0, reason)
        return self._restorer, wanted

    def _open(self, model: Model) -> Enlarger:
        return Enlarger(model, self._options, self._gate)
