import ctypes

import pytest

from upscaler.hardware import adapters as module
from upscaler.hardware import system
from upscaler.hardware.adapters import Adapter, adapters, gpu_in_sight


class Vulkan:
    """A loader that knows two devices, the first of them a program."""

    names = {1: (b"llvmpipe", 4), 2: (b"A card", 2)}  # noqa: RUF012
    left = 0

    def vkCreateInstance(self, info, allocator, instance):  # noqa: N802
        self.left += 1
        return 0

    def vkEnumeratePhysicalDevices(self, instance, count, devices):  # noqa: N802
        count._obj.value = len(self.names)
        if devices is not None:
            devices[:] = list(self.names)
        return 0

    def vkDestroyInstance(self, instance, allocator):  # noqa: N802
        self.left -= 1

    @property
    def vkGetPhysicalDeviceProperties(self):  # noqa: N802
        def ask(device, properties):
            properties._obj.name, properties._obj.kind = self.names[device]
            properties._obj.driver = 7

        return ask


@pytest.fixture(autouse=True)
def linux(monkeypatch):
    monkeypatch.setattr(system, "VULKAN", "libvulkan.so.1")
    adapters.cache_clear()
    yield
    adapters.cache_clear()


def test_gpus_come_before_programs(monkeypatch):
    vulkan = Vulkan()
    monkeypatch.setattr(ctypes, "CDLL", lambda name: vulkan)
    assert adapters() == (
        Adapter("A card", "7", software=False),
        Adapter("llvmpipe", "7", software=True),
    )
    assert vulkan.left == 0


def test_without_vulkan_or_with_a_broken_one_there_are_none(monkeypatch):
    def missing(name):
        raise OSError(name)

    monkeypatch.setattr(ctypes, "CDLL", missing)
    assert adapters() == ()
    adapters.cache_clear()
    monkeypatch.setattr(ctypes, "CDLL", lambda name: object())
    assert adapters() == ()


def test_a_mac_has_the_gpu_of_its_processor(monkeypatch):
    monkeypatch.setattr(system, "VULKAN", None)
    monkeypatch.setattr(module.platform, "mac_ver", lambda: ("15.1", ("", "", ""), "arm64"))
    monkeypatch.setattr(system, "processor", lambda: "Apple M9")
    assert adapters() == (Adapter("Apple M9", "15.1", software=False),)


def test_linux_shows_a_gpu_by_its_device_file(monkeypatch, tmp_path):
    monkeypatch.setattr(module, "nvidia_driver", lambda: None)
    posix = pytest.importorskip("upscaler.hardware.system.posix")
    monkeypatch.setattr(posix, "_DEVICES", tmp_path)
    monkeypatch.setattr(posix.sys, "platform", "linux")
    assert not gpu_in_sight()
    (tmp_path / "dri").mkdir()
    (tmp_path / "dri" / "card0").touch()  # shows pictures, and computes nothing
    assert not gpu_in_sight()
    (tmp_path / "dri" / "renderD128").touch()
    assert gpu_in_sight()


@pytest.mark.vulkan
def test_the_real_vulkan_lists_what_is_here():
    assert all(adapter.name and adapter.driver.isdecimal() for adapter in adapters())
    assert adapters(), "no Vulkan here: `make vulkan` brings one that is a program"
