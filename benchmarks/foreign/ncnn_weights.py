"""Weights out of ncnn's files, under the names that the networks gave them in torch."""

from dataclasses import dataclass

import numpy as np
import torch

_HALF = 0x01306B47
"""What stands before weights in float16."""

_COUNTS = {"Convolution": 6, "Deconvolution": 6, "InnerProduct": 2}
"""Which of a layer's numbers says how many weights it has."""


@dataclass(frozen=True)
class Layer:
    """What ncnn keeps of a layer: its type, and its weights as they lie there."""

    kind: str
    tensors: list[np.ndarray]


def layers(path):
    """Read `NAME.param` and the `NAME.bin` beside it; yield the layers that have weights."""
    content = memoryview(path.with_suffix(".bin").read_bytes())
    at = 0

    def take(count, *, tagged):
        nonlocal at
        half = False
        if tagged:
            half = int.from_bytes(content[at : at + 4], "little") == _HALF
            at += 4
        kind, size = (np.float16, 2) if half else (np.float32, 4)
        values = np.frombuffer(content[at : at + size * count], kind).astype(np.float32)
        at += -(-size * count // 4) * 4
        return values

    for line in path.read_text().splitlines()[2:]:
        kind, _, inputs, outputs, *rest = line.split()
        facts = rest[int(inputs) + int(outputs) :]
        numbers = {int(key): value for key, value in (fact.split("=") for fact in facts)}
        out = int(numbers.get(0, 0))
        if kind in _COUNTS:
            count = int(numbers[_COUNTS[kind]])
            yield Layer(kind, [take(count, tagged=True), take(out, tagged=False)])
        elif kind == "PReLU":
            yield Layer(kind, [take(out, tagged=False)])
    assert at == len(content), f"{len(content) - at} bytes of {path} are left over"


def state_dict(path, network):
    """Return the weights of an ncnn file in the order in which a network runs its layers.

    Args:
        network: called with a small picture; what has weights tells when it ran.
    """
    ran = []
    hooks = [
        module.register_forward_hook(lambda module, *_, name=name: ran.append((name, module)))
        for name, module in network.named_modules()
        if not list(module.children()) and list(module.parameters(recurse=False))
    ]
    with torch.inference_mode():
        network(torch.rand(1, 3, 40, 40))
    for hook in hooks:
        hook.remove()
    found = dict(network.state_dict())
    read = list(layers(path))
    assert len(ran) == len(read), f"{len(ran)} layers in torch, {len(read)} in ncnn"
    for (name, module), layer in zip(ran, read, strict=True):
        shape = module.weight.shape
        values = torch.from_numpy(layer.tensors[0].copy())
        if layer.kind == "Deconvolution":  # ncnn has the outputs first
            found[f"{name}.weight"] = values.reshape(shape[1], shape[0], *shape[2:]).transpose(0, 1)
        else:
            found[f"{name}.weight"] = values.reshape(shape)
        if len(layer.tensors) > 1:
            found[f"{name}.bias"] = torch.from_numpy(layer.tensors[1].copy())
    return {name: value.contiguous() for name, value in found.items()}
