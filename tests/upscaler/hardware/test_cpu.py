"""What is read of the processor."""

import pytest

from upscaler.hardware import cpu

LAPTOP = "fpu sse4_2 avx2 avx_vnni"
SERVER = "fpu avx2 avx512f avx512_vnni avx512_bf16 amx_bf16 amx_tile amx_int8"


@pytest.mark.parametrize(
    ("flags", "found"),
    [("fpu sse4_2", []), ("avx2 fma", ["AVX2"]), (LAPTOP, ["AVX2", "VNNI"]),
     (SERVER, ["AVX2", "AVX-512", "VNNI", "BF16", "AMX"])],
)  # fmt: skip
def test_instructions_by_what_linux_calls_them(tmp_path, monkeypatch, flags, found):
    (tmp_path / "cpuinfo").write_text(f"model name\t: Some CPU\nflags\t\t: {flags}\n" * 2)
    monkeypatch.setattr(cpu, "_CPUINFO", tmp_path / "cpuinfo")
    assert cpu.instructions() == found


def test_a_system_that_says_nothing(tmp_path, monkeypatch):
    monkeypatch.setattr(cpu, "_CPUINFO", tmp_path / "nothing")
    assert cpu.instructions() == []
