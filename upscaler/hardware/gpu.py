"""The NVIDIA GPUs, asked of their driver: quick, and quiet where there are none."""

import ctypes
from functools import cache

from upscaler.hardware import system

_NAME_BYTES, _VERSION_BYTES = 256, 80


@cache
def _driver() -> ctypes.CDLL | None:
    try:
        driver = ctypes.CDLL(system.CUDA)
    except OSError:
        return None
    return None if driver.cuInit(0) else driver


def nvidia_driver() -> str | None:
    """Return the newest CUDA that the driver speaks, such as `CUDA 13.0`; None without a GPU."""
    driver, number = _driver(), ctypes.c_int()
    if driver is None or not gpus() or driver.cuDriverGetVersion(ctypes.byref(number)):
        return None
    return f"CUDA {number.value // 1000}.{number.value % 1000 // 10}"


def driver_version() -> str | None:
    """Return the driver's own version, such as `580.65.06`; None if nothing here knows it."""
    try:
        management = ctypes.CDLL(system.NVML)
    except OSError:
        return None
    version = ctypes.create_string_buffer(_VERSION_BYTES)
    if management.nvmlInit_v2() or management.nvmlSystemGetDriverVersion(version, _VERSION_BYTES):
        return None
    return version.value.decode(errors="replace")


def gpus() -> list[str]:
    """Return the names of the GPUs, in the order of their numbers."""
    driver, count = _driver(), ctypes.c_int()
    if driver is None or driver.cuDeviceGetCount(ctypes.byref(count)):
        return []
    names = []
    for number in range(count.value):
        name = ctypes.create_string_buffer(_NAME_BYTES)
        driver.cuDeviceGetName(name, _NAME_BYTES, number)
        names.append(name.value.decode(errors="replace"))
    return names
