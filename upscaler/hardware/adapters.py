"""The GPUs of every maker: as Vulkan lists them, and on a Mac the one that is in its processor."""

import ctypes
import platform
from contextlib import suppress
from ctypes import POINTER, byref, c_char, c_uint32, c_uint64, c_void_p
from dataclasses import dataclass
from functools import cache

from upscaler.hardware import system
from upscaler.hardware.gpu import nvidia_driver

_CPU = 4
"""The type of a device that is a program: SwiftShader, llvmpipe."""

_INSTANCE_CREATE_INFO = 1
_NAME_BYTES = 256
_ALL_BYTES = 1024
"""No less than a device's properties; what follows the name is not read."""


@dataclass(frozen=True)
class Adapter:
    """What offers to compute as a GPU does."""

    name: str
    driver: str
    """The number of its driver's version, which each maker reads in an own way."""
    software: bool
    """Whether it is a program that runs on the CPU."""


class _CreateInfo(ctypes.Structure):
    _fields_ = (
        ("kind", c_uint32),
        ("next", c_void_p),
        ("flags", c_uint32),
        ("application", c_void_p),
        ("layers", c_uint32),
        ("layer_names", c_void_p),
        ("extensions", c_uint32),
        ("extension_names", c_void_p),
    )


class _Properties(ctypes.Structure):
    _fields_ = (
        ("api", c_uint32),
        ("driver", c_uint32),
        ("vendor", c_uint32),
        ("device", c_uint32),
        ("kind", c_uint32),
        ("name", c_char * _NAME_BYTES),
        ("rest", c_uint64 * ((_ALL_BYTES - _NAME_BYTES) // 8)),
    )


def gpu_in_sight() -> bool:
    """Whether it is worth asking for a GPU: quick, and no driver is loaded for it."""
    return system.gpu_may_be_here() or nvidia_driver() is not None


@cache
def adapters() -> tuple[Adapter, ...]:
    """Return the GPUs, those first that are no programs; empty without one or its driver."""
    if system.VULKAN is None:
        return (Adapter(system.processor(), platform.mac_ver()[0], software=False),)
    with suppress(OSError, AttributeError):  # no Vulkan, or none that is whole
        found = _listed(ctypes.CDLL(system.VULKAN))
        return tuple(sorted(found, key=lambda adapter: adapter.software))
    return ()


def _listed(vulkan: ctypes.CDLL) -> list[Adapter]:
    instance, count = c_void_p(), c_uint32()
    if vulkan.vkCreateInstance(
        byref(_CreateInfo(kind=_INSTANCE_CREATE_INFO)), None, byref(instance)
    ):
        return []
    try:
        vulkan.vkEnumeratePhysicalDevices(instance, byref(count), None)
        devices = (c_void_p * count.value)()
        vulkan.vkEnumeratePhysicalDevices(instance, byref(count), devices)
        return [_adapter(vulkan, device) for device in devices if device]
    finally:
        vulkan.vkDestroyInstance(instance, None)


def _adapter(vulkan: ctypes.CDLL, device: int) -> Adapter:
    properties = _Properties()
    ask = vulkan.vkGetPhysicalDeviceProperties
    ask.argtypes, ask.restype = (c_void_p, POINTER(_Properties)), None
    ask(device, byref(properties))
    name = properties.name.decode(errors="replace")
    return Adapter(name, str(properties.driver), software=properties.kind == _CPU)
