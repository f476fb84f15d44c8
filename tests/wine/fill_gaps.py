"""Fill in what wine 8 lacks, out of its own files: `python patch.py FOLDER` writes two into FOLDER.

ucrtbase.dll: complex numbers, which numpy is linked to and our program never uses; most return 0.
bcryptprimitives.dll: ProcessPrng, random bytes for what is written in Rust.
"""

import re
import sys
from pathlib import Path

import pefile

WINE = Path("/usr/lib/x86_64-linux-gnu/wine/x86_64-windows")
MISSING = (
    r"c(abs|acos|acosh|arg|asin|asinh|atan|atanh|cos|cosh|exp|imag|log|log10|pow|proj|real|sin"
    r"|sinh|sqrt|tan|tanh)[fl]?|norm[fl]?|_[FL]?C(build|mulcc|mulcr)"
)
ZERO = b"\x31\xc0\x0f\x57\xc0\xc3"  # xor eax, eax; xorps xmm0, xmm0; ret
CODE = {
    "crealf": b"\x66\x0f\x6e\xc1\xc3",  # movd xmm0, ecx; ret
    "cimagf": b"\x48\xc1\xe9\x20\x66\x0f\x6e\xc1\xc3",  # shr rcx, 32; movd xmm0, ecx; ret
    "creal": b"\xf2\x0f\x10\x01\xc3",  # movsd xmm0, [rcx]; ret
    "cimag": b"\xf2\x0f\x10\x41\x08\xc3",  # movsd xmm0, [rcx+8]; ret
}
BUILT_IN = slice(0x40, 0x60)
"""Where a file says that it is wine's own; without that it comes before it."""


def exports(file: pefile.PE) -> list:
    return [each for each in file.DIRECTORY_ENTRY_EXPORT.symbols if each.name]


def with_complex_numbers() -> bytes:
    file = pefile.PE(WINE / "ucrtbase.dll")
    data = bytearray(file.__data__)
    for each in exports(file):
        name = each.name.decode()
        if re.fullmatch(MISSING, name):
            code = CODE.get(name.rstrip("l"), ZERO)
            place = file.get_offset_from_rva(each.address)
            data[place : place + len(code)] = code
    data[BUILT_IN] = bytes(0x20)
    return bytes(data)


def with_random_bytes() -> bytes:
    """advapi32.dll, of which a name in the right place of the alphabet stands for RtlGenRandom."""
    file = pefile.PE(WINE / "advapi32.dll")
    data = bytearray(file.__data__)
    names = {each.name: each for each in exports(file)}
    taken, random = names[b"ProcessTrace"], names[b"SystemFunction036"]
    for place, content in (
        (taken.name_offset, b"ProcessPrng\0"),
        (taken.ordinal_offset, bytes(data[random.ordinal_offset : random.ordinal_offset + 2])),
        (BUILT_IN.start, bytes(0x20)),
    ):
        data[place : place + len(content)] = content
    return bytes(data)


if __name__ == "__main__":
    folder = Path(sys.argv[1])
    (folder / "ucrtbase.dll").write_bytes(with_complex_numbers())
    (folder / "bcryptprimitives.dll").write_bytes(with_random_bytes())
