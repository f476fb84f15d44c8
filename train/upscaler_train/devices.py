"""What a training runs on: one CPU or GPU, or as many processes as torchrun has started.

upscaler train fast-x2
torchrun --nproc-per-node 2 -m upscaler train fast-x2
"""

import os

import torch
from lightning_fabric import Fabric

from upscaler.machine import cores, processor


def connect() -> Fabric:
    """Join the processes of this training; alone, it is one on the GPU, or else on the CPU."""
    local = int(os.environ.get("LOCAL_WORLD_SIZE", "1"))
    everywhere = int(os.environ.get("WORLD_SIZE", "1"))
    fabric = Fabric(
        devices=local, num_nodes=everywhere // local, strategy="ddp" if everywhere > 1 else "auto"
    )
    fabric.launch()
    return fabric


def describe(fabric: Fabric) -> str:
    """Return the hardware in words, for the model's card."""
    name = f"{torch.get_num_threads()} of {cores()} cores of an {processor()}"
    if fabric.device.type == "cuda":
        name = torch.cuda.get_device_name(fabric.device)
    return f"{fabric.world_size} x {name}" if fabric.world_size > 1 else name
