"""The metadata of an ONNX file, without the ONNX library.

An ONNX file is a protobuf message (onnx.proto, `ModelProto`); field 14 repeats
`StringStringEntryProto` messages of a key (1) and a value (2). Reading these by hand spares
every start a dependency or a throw-away inference session.
"""

from collections.abc import Iterator

_METADATA_PROPS, _KEY, _VALUE = 14, 1, 2
_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5
_FIXED_SIZE = {_FIXED64: 8, _FIXED32: 4}


def read_metadata(model: bytes) -> dict[str, str]:
    """Return the `metadata_props` of a serialised ModelProto.

    Raises:
        ValueError: the bytes are no protobuf message.
    """
    entries: dict[str, str] = {}
    for number, content in _fields(memoryview(model)):
        if number == _METADATA_PROPS:
            entry = {key: str(text, "utf-8") for key, text in _fields(content)}
            entries[entry.get(_KEY, "")] = entry.get(_VALUE, "")
    return entries


def _fields(message: memoryview) -> Iterator[tuple[int, memoryview]]:
    """Yield (field number, content) of the length-delimited fields, stepping over the others."""
    at = 0
    while at < len(message):
        tag, at = _varint(message, at)
        number, kind = tag >> 3, tag & 7
        if kind == _VARINT:
            _, at = _varint(message, at)
            continue
        if kind == _BYTES:
            size, at = _varint(message, at)
        elif kind in _FIXED_SIZE:
            size = _FIXED_SIZE[kind]
        else:
            raise ValueError(f"unknown wire type {kind} at byte {at}")
        if at + size > len(message):
            raise ValueError(f"field {number} runs past the end, the file is cut off")
        if kind == _BYTES:
            yield number, message[at : at + size]
        at += size


def _varint(message: memoryview, at: int) -> tuple[int, int]:
    value = shift = 0
    while at < len(message) and shift < 64:
        byte = message[at]
        value |= (byte & 0x7F) << shift
        at, shift = at + 1, shift + 7
        if byte < 0x80:
            return value, at
    raise ValueError(f"broken number at byte {at}")
