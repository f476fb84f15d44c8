"""Whether there is an NVIDIA GPU, asked of its driver: quick, and quiet where there is none."""

import ctypes


def nvidia_driver() -> str | None:
    """Return the newest CUDA that the driver speaks, such as `CUDA 13.0`; None without a GPU."""
    try:
        driver = ctypes.CDLL("libcuda.so.1")
    except OSError:
        return None
    number, count = ctypes.c_int(), ctypes.c_int()
    failed = (
        driver.cuInit(0)
        or driver.cuDriverGetVersion(ctypes.byref(number))
        or driver.cuDeviceGetCount(ctypes.byref(count))
    )
    if failed or not count.value:
        return None
    return f"CUDA {number.value // 1000}.{number.value % 1000 // 10}"
