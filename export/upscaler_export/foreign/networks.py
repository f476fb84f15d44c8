"""From weights to the network that they belong to, by the library spandrel."""

import importlib
import math
import sys
from dataclasses import dataclass
from types import ModuleType
from typing import Any

from torch import Tensor, nn

from upscaler.errors import ModelError
from upscaler.models.graph.receptive_field import LARGEST_ALIGNMENT

_FIRST = 3
"""Keys that name an unknown network."""

_GRID = ("window_size", "win_size", "ws", "split_size", "stripe_size", "pad_size", "padder_size")
"""What networks call the sides of their windows, and the multiple that they fill their pictures up
to: tiles have to start where windows do, and what is filled up may be frozen on the way to ONNX."""


@dataclass(frozen=True)
class Network:
    """A network of other people, ready for inference."""

    module: nn.Module
    """Maps (1, channels, H, W) in [0, 1], sizes multiples of `alignment`, to `scale` times it."""
    architecture: str
    scale: int
    channels: int
    alignment: int


def recognise(weights: dict[str, Any]) -> Network:
    """Return the network that has these weights.

    Raises:
        ModelError: none that is known has, or it does something else than enlarge pictures.
    """
    library = spandrel()
    state = library.canonicalize_state_dict(weights)
    state = {name: _plain(value) for name, value in state.items()}
    try:
        found = library.MAIN_REGISTRY.load(state)
    except library.UnsupportedModelError:
        first = ", ".join(map(str, list(state)[:_FIRST])) or "none at all"
        raise ModelError(
            f"its weights belong to no upscaling network that is known ({first}, ...)"
        ) from None
    except Exception as error:  # a network that only looks like a known one
        reason = " ".join(f"{type(error).__name__}: {error}".split())[:200]
        raise ModelError(f"its weights do not fit the network that they name: {reason}") from None
    return network_of(found)


def network_of(found: Any) -> Network:
    """Return what spandrel recognised, if it enlarges or restores whole pictures."""
    name = str(found.architecture.name)
    if found.purpose in _OTHER_PURPOSES:
        raise ModelError(f"{name} {_OTHER_PURPOSES[found.purpose]}, and not for whole pictures")
    if found.input_channels not in (1, 3) or found.output_channels != found.input_channels:
        raise ModelError(
            f"{name} takes {found.input_channels} channels and gives {found.output_channels}; "
            f"pictures have 3, or 1"
        )
    if found.size_requirements.square:
        raise ModelError(f"{name} takes square pictures only")
    module = _Form(found).eval().requires_grad_(False)
    return Network(module, name, int(found.scale), found.input_channels, _alignment(found))


_OTHER_PURPOSES = {
    "FaceSR": "is for faces that were cut out",
    "Inpainting": "fills holes by a mask",
}


class _Form(nn.Module):
    """A network as spandrel calls it, on a copy: some write into their input."""

    def __init__(self, found: Any) -> None:
        super().__init__()
        self.network = found.model.float()
        self._call = found._call_fn

    def forward(self, image: Tensor) -> Tensor:
        output: Tensor = self._call(self.network, image.clone())
        return output


def _alignment(found: Any) -> int:
    """Return the smallest step of sizes that the network takes, with windows on one grid.

    A network that wants a smallest size gets pictures that are multiples of one as large; doubled
    until it is, so that it still fits what the network itself divides by.
    """
    needs = found.size_requirements
    step = math.lcm(max(1, int(needs.multiple_of)), *_windows(found.model))
    if step > LARGEST_ALIGNMENT:
        step = max(1, int(needs.multiple_of))
    while step < needs.minimum:
        step *= 2
    return step


def _windows(module: nn.Module) -> set[int]:
    """Return the sides of all windows in a network."""
    sides: set[int] = set()
    for part in module.modules():
        for name in _GRID:
            value = getattr(part, name, None)
            values = value if isinstance(value, list | tuple) else [value]
            sides |= {side for side in values if isinstance(side, int) and side > 0}
    return sides


def _plain(value: Any) -> Any:
    return value.float() if isinstance(value, Tensor) and value.is_floating_point() else value


def spandrel() -> Any:
    """Import spandrel without torchvision: only networks that are refused use it."""
    sys.modules.update(_torchvision())
    library = importlib.import_module("spandrel")
    try:  # with licences of their own; a person who has them has chosen them
        extra = importlib.import_module("spandrel_extra_arches")
    except ModuleNotFoundError:
        return library
    library.MAIN_REGISTRY.add(*extra.EXTRA_REGISTRY, ignore_duplicates=True)
    return library


def _torchvision() -> dict[str, ModuleType]:
    names = "torchvision", "torchvision.transforms", "torchvision.transforms.functional"
    modules = {name: ModuleType(name) for name in names}
    for name in ("normalize", "rotate", "InterpolationMode"):
        setattr(modules[names[-1]], name, None)
    return modules
