"""The networks of a run, each opened when the first picture needs it."""

from collections.abc import Callable
from threading import Lock

from upscaler.errors import RuntimeUnavailable
from upscaler.images import Picture, Rows
from upscaler.inference.enlargement import Enlargement
from upscaler.inference.enlarger import Enlarger, Options
from upscaler.inference.look import look_at
from upscaler.inference.reduction import Reduction
from upscaler.inference.strips import StripEnlargement
from upscaler.inference.timing import Timer
from upscaler.models import Model
from upscaler.models.auto import Auto
from upscaler.models.restoration import Restoration, restoration_for
from upscaler.quality.damage import Damage
from upscaler.runtimes.gate import Gate

Work = Enlargement | Reduction
"""A picture on its way."""


class Enlargers:
    """One for a network; several where pictures need different ones.

    That is so for `auto`, once a picture has to be restored, and where sides in pixels are asked
    for, which small pictures need a larger scale for.

    Args:
        model: what was asked for.

    Raises:
        UsageError, RuntimeUnavailable: it does not open.
    """

    def __init__(self, model: Model, options: Options) -> None:
        self._model, self._options = model, options
        self._gate, self._opening = Gate(), Lock()
        self._opened: dict[str, Enlarger] = {}
        least = model.for_factor(1)
        self.first = self._open(least.clean if isinstance(least, Auto) else least)
        """The model that was asked for; of several scales the least, of `auto` the one that
        restores nothing."""

    def close(self) -> None:
        """Free all runtimes; to close twice does no harm."""
        for enlarger in self._opened.values():
            enlarger.close()

    def begin(self, picture: Picture, watch: Timer) -> Work:
        """See `Enlarger`."""
        self.first.choice  # noqa: B018 - raises where all is closed
        size = self._options.size
        pages: list[Picture] = [picture, *picture.following]
        found = [size.network(self._model, page.width, page.height) for page in pages]
        if not (networks := [network for network in found if network is not None]):
            return Reduction(self.first.as_meant(picture), size, wrap=self._options.wrap)
        network = max(networks, key=lambda one: one.spec.scale)
        if not isinstance(network, Auto):
            return self._open(network).begin(picture, watch)
        with watch.stage("look"):
            wanted = restoration_for(look_at(picture))
        enlarger, restoration = self._for(network, wanted)
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
        if not isinstance(self._model, Auto):
            return self.first.begin_strips(source, fit, watch)
        enlarger, restoration = self._for(self._model, restoration_for(damage))
        if enlarger.model.spec.scale != self.first.model.spec.scale:
            enlarger = self.first
            restoration = Restoration(0.0, f"too large for that at this size; {restoration.reason}")
        work = enlarger.begin_strips(source, fit, watch)
        work.restoration = restoration
        return work

    def _for(self, auto: Auto, wanted: Restoration) -> tuple[Enlarger, Restoration]:
        """Return what does it; what restores nothing where the restorer does not open here."""
        if not wanted.strength:
            return self._open(auto.clean), wanted
        try:
            return self._open(auto.restorer), wanted
        except RuntimeUnavailable as error:
            reason = f"{wanted.reason}, but what restores does not open here: {error}"
            return self._open(auto.clean), Restoration(0.0, reason)

    def _open(self, network: Model) -> Enlarger:
        with self._opening:
            if network.title not in self._opened:
                self._opened[network.title] = Enlarger(network, self._options, self._gate)
            return self._opened[network.title]
