"""What a training runs on: one CPU or GPU, or as many processes as torchrun has started.

upscaler train fast-x2
torchrun --nproc-per-node 2 -m upscaler train fast-x2
"""

import os

import torch
from lightning_fabric import Fabric

from upscaler.hardware.cpu import cores
from upscaler.hardware.system import processor

_BF16_INSTRUCTIONS = ("avx512_bf16", "amx_bf16")
"""Of CPUs, as torch names them."""


def connect() -> Fabric:
    """Join the processes of this training; alone, it is one on the GPU, or else on the CPU."""
    local = int(os.environ.get("LOCAL_WORLD_SIZE", "1"))
    everywhere = int(os.environ.get("WORLD_SIZE", "1"))
    fabric = Fabric(
        devices=local, num_nodes=everywhere // local, strategy="ddp" if everywhere > 1 else "auto"
    )
    fabric.launch()
    if fabric.device.type == "cuda":
        torch.backends.cudnn.benchmark = True  # every step has the same shapes
        torch.backends.cudnn.allow_tf32 = False  # the bicubic base and the scores are float32
    return fabric


def machine_of(fabric: Fabric) -> str:
    """Return the hardware in words, for the model's card."""
    name = f"{torch.get_num_threads()} of {cores()} cores of an {processor()}"
    if fabric.device.type == "cuda":
        name = torch.cuda.get_device_name(fabric.device)
    return f"{fabric.world_size} x {name}" if fabric.world_size > 1 else name


def computes_bf16(device: torch.device) -> bool:
    """Whether the hardware itself multiplies bfloat16.

    torch does so on any device: where it has to emulate it, a training step takes many times as
    long as in float32.
    """
    if device.type == "cuda":
        with torch.cuda.device(device):
            able: bool = torch.cuda.is_bf16_supported(including_emulation=False)
        return able
    if device.type == "cpu":
        has = torch.cpu.get_capabilities()
        return any(has.get(name, False) for name in _BF16_INSTRUCTIONS)
    return False
