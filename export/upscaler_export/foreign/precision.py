"""What a network loses in float16 and in bfloat16, on any CPU.

Every operation of the network is computed in float32 and its result rounded, as on a GPU, which
also sums in float32. A value too large for float16 becomes infinite there, and shows here.
"""

from collections.abc import Iterator
from contextlib import nullcontext
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_map_only

from upscaler.inference.tiling import align
from upscaler.models.trial.edges import photographs
from upscaler.quality.metrics import bicubic, modcrop, psnr_y
from upscaler_export.foreign.networks import Network

KINDS = {"fp16": torch.float16, "bf16": torch.bfloat16}

_SIDE = 96
"""Of the part of each photograph that is enlarged to."""

Pixels = NDArray[np.uint8]


class Rounding(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Inside it, what an operation makes in float32 is rounded to another type."""

    def __init__(self, kind: torch.dtype) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self._kind = kind

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        """See `TorchDispatchMode`."""
        output = func(*args, **(kwargs or {}))
        aliases = [item.alias_info for item in func._schema.returns]
        if any(info is not None and not info.is_write for info in aliases):
            return output  # a view of what is rounded already
        in_place = any(info is not None for info in aliases)
        return tree_map_only(Tensor, self._in_place if in_place else self._rounded, output)

    def _rounded(self, tensor: Tensor) -> Tensor:
        return tensor.to(self._kind).float() if tensor.dtype == torch.float32 else tensor

    def _in_place(self, tensor: Tensor) -> Tensor:
        return tensor.copy_(self._rounded(tensor)) if tensor.dtype == torch.float32 else tensor


def losses(network: Network) -> dict[str, float]:
    """Return the loss of PSNR-Y in dB by precision, the worst of the pictures.

    A precision in which the network makes what are no numbers is left out.
    """
    found = {"fp32": 0.0, **dict.fromkeys(KINDS, 0.0)}
    for truth in _truths():
        for name, loss in _losses(network, modcrop(truth, network.scale)).items():
            found[name] = max(found[name], loss)
    return {name: round(loss, 4) for name, loss in found.items() if np.isfinite(loss)}


def _losses(network: Network, truth: Pixels) -> dict[str, float]:
    """Return the loss on a picture that is a multiple of the scale, infinite for no numbers."""
    scale = network.scale
    low = align(bicubic(truth, 1 / scale), network.alignment)
    height, width = truth.shape[:2]

    def score(kind: torch.dtype | None) -> float:
        output = _enlarged(network, low, kind)[:height, :width]
        return psnr_y(_pixels(output), truth, scale) if np.isfinite(output).all() else -np.inf

    exact = score(None)
    return {
        name: exact - score(kind) if np.isfinite(exact) else 0.0 for name, kind in KINDS.items()
    }


def _enlarged(network: Network, low: Pixels, kind: torch.dtype | None) -> NDArray[np.float32]:
    """Return what the network makes of a picture, float32 (H, W, 3); of each channel, if grey."""
    planes = np.ascontiguousarray(low.transpose(2, 0, 1)[None], np.float32) / np.float32(255)
    batch = torch.from_numpy(planes).reshape(-1, network.channels, *low.shape[:2])
    with torch.inference_mode(), Rounding(kind) if kind else nullcontext():
        output = torch.cat([network.module(part[None]) for part in batch], 1)
    return output[0].permute(1, 2, 0).numpy()


def _truths() -> Iterator[Pixels]:
    """Yield the middle of each photograph."""
    for photograph in photographs():
        rows = photograph[0].transpose(1, 2, 0)
        edge = (rows.shape[0] - _SIDE) // 2
        yield _pixels(rows[edge : edge + _SIDE, edge : edge + _SIDE])


def _pixels(output: NDArray[np.float32]) -> Pixels:
    pixels: Pixels = np.rint(output.clip(0, 1) * 255).astype(np.uint8)
    return pixels
