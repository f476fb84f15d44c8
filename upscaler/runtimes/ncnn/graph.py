"""A model as ncnn reads it: a text with a line a layer, and the weights one after the other.

Only what the networks of this project consist of is translated; of anything else the operation is
named, and the model runs elsewhere. In ncnn a value has one reader, so what several read is split.
"""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import GraphProto, NodeProto, numpy_helper

from upscaler.errors import RuntimeUnavailable

INPUT, OUTPUT = "in0", "out0"

_MAGIC = "7767517"
_FLOAT32 = b"\0\0\0\0"
"""Before the weights of a convolution: how they are stored."""

_ADD, _MULTIPLY = 0, 2
_REPEAT_EDGE = 1
_SHUFFLE = {b"CRD": 0, b"DCR": 1}


@dataclass(frozen=True)
class _Layer:
    kind: str
    inputs: tuple[str, ...]
    output: str
    settings: str = ""


def to_ncnn(model: onnx.ModelProto) -> tuple[str, bytes]:
    """Return ncnn's text and weights for a model of one picture in and one out.

    Raises:
        RuntimeUnavailable: it has something that is not translated.
    """
    translation = _Translation(model.graph)
    return _text(translation.layers), b"".join(translation.weights)


class _Translation:
    def __init__(self, graph: GraphProto) -> None:
        self.layers: list[_Layer] = []
        self.weights: list[bytes] = []
        self._values = {item.name: numpy_helper.to_array(item) for item in graph.initializer}
        self._readers = Counter(name for node in graph.node for name in node.input)
        self._same = {graph.input[0].name: INPUT}
        for node in graph.node:
            self._translate(node)
        if len(graph.output) != 1 or not self.layers:
            raise RuntimeUnavailable("only models with one output are translated to ncnn")
        last = self._name(graph.output[0].name)
        self.layers = [
            replace(layer, output=OUTPUT) if layer.output == last else layer
            for layer in self.layers
        ]

    def _translate(self, node: NodeProto) -> None:
        attributes = {item.name: onnx.helper.get_attribute_value(item) for item in node.attribute}
        match node.op_type:
            case "Cast":
                self._cast(node)
            case "Conv":
                self._convolution(node, attributes)
            case "Relu":
                self._relu(node)
            case "Add":
                self._add(node, "BinaryOp", f"0={_ADD}", *node.input)
            case "Mul" if self._constant(node, 1).size == 1:
                factor = float(self._constant(node, 1).item())
                self._add(node, "BinaryOp", f"0={_MULTIPLY} 1=1 2={factor!r}", node.input[0])
            case "Pad" if attributes.get("mode") == b"edge":
                self._pad(node)
            case "Concat" if attributes["axis"] == 1:
                self._add(node, "Concat", "0=0", *node.input)
            case "DepthToSpace":
                order = _SHUFFLE[attributes.get("mode", b"DCR")]
                size = attributes["blocksize"]
                self._add(node, "PixelShuffle", f"0={size} 1={order}", node.input[0])
            case other:
                raise _unknown(other)

    def _add(self, node: NodeProto, kind: str, settings: str, *inputs: str) -> None:
        names = tuple(self._name(each) for each in inputs)
        if any(each in self._values for each in inputs):
            raise _unknown(f"{node.op_type} with a constant")
        self.layers.append(_Layer(kind, names, node.output[0], settings))

    def _name(self, name: str) -> str:
        return self._same.get(name, name)

    def _constant(self, node: NodeProto, place: int) -> NDArray[Any]:
        if node.input[place] not in self._values:
            raise _unknown(f"{node.op_type} without a constant")
        return self._values[node.input[place]]

    def _cast(self, node: NodeProto) -> None:
        """Weights become float32; of other values ncnn chooses the type itself."""
        if node.input[0] in self._values:
            self._values[node.output[0]] = self._values[node.input[0]].astype(np.float32)
        else:
            self._same[node.output[0]] = self._name(node.input[0])

    def _convolution(self, node: NodeProto, attributes: dict[str, Any]) -> None:
        kernel = self._constant(node, 1).astype(np.float32)
        count, _, height, width = kernel.shape
        one_group = attributes.get("group", 1) == 1
        if not one_group or set(attributes.get("dilations", (1,))) != {1}:
            raise _unknown("Conv with groups or holes")
        if attributes.get("auto_pad", b"NOTSET") != b"NOTSET":
            raise _unknown("Conv that pads by itself")
        top, left, bottom, right = attributes.get("pads", (0, 0, 0, 0))
        down, across = attributes.get("strides", (1, 1))
        bias = len(node.input) > 2
        self.weights += [_FLOAT32, kernel.tobytes()]
        if bias:
            self.weights.append(self._constant(node, 2).astype(np.float32).tobytes())
        settings = (
            f"0={count} 1={width} 11={height} 3={across} 13={down} "
            f"4={left} 14={top} 15={right} 16={bottom} 5={int(bias)} 6={kernel.size}"
        )
        self._add(node, "Convolution", settings, node.input[0])

    def _relu(self, node: NodeProto) -> None:
        """ReLU is a setting of the convolution that nothing else reads."""
        before = self.layers[-1] if self.layers else None
        name, alone = self._name(node.input[0]), self._readers[node.input[0]] == 1
        if before and before.kind == "Convolution" and before.output == name and alone:
            settings = f"{before.settings} 9=1"
            self.layers[-1] = replace(before, output=node.output[0], settings=settings)
        else:
            self._add(node, "ReLU", "", node.input[0])

    def _pad(self, node: NodeProto) -> None:
        pads = [int(each) for each in self._constant(node, 1)]
        if len(pads) != 8 or any(pads[:2] + pads[4:6]):
            raise _unknown("Pad of channels")
        _, _, top, left, _, _, bottom, right = pads
        settings = f"0={top} 1={bottom} 2={left} 3={right} 4={_REPEAT_EDGE}"
        self._add(node, "Padding", settings, node.input[0])


def _unknown(what: str) -> RuntimeUnavailable:
    return RuntimeUnavailable(f"{what} is not translated to ncnn")


def _text(layers: list[_Layer]) -> str:
    readers = Counter(name for layer in layers for name in layer.inputs)
    copies = {
        name: iter([f"{name}.{number}" for number in range(count)])
        for name, count in readers.items()
        if count > 1
    }
    lines = [f"Input {INPUT} 0 1 {INPUT}", *_split(INPUT, readers)]
    for number, layer in enumerate(layers):
        inputs = [next(copies[name]) if name in copies else name for name in layer.inputs]
        counts = f"{len(inputs)} 1"
        words = [layer.kind, f"l{number}", counts, *inputs, layer.output, layer.settings]
        lines += [" ".join(filter(None, words)), *_split(layer.output, readers)]
    blobs = sum(int(line.split()[3]) for line in lines)
    return "\n".join([_MAGIC, f"{len(lines)} {blobs}", *lines, ""])


def _split(name: str, readers: Counter[str]) -> Iterator[str]:
    if readers[name] > 1:
        copies = " ".join(f"{name}.{number}" for number in range(readers[name]))
        yield f"Split split_{name} 1 {readers[name]} {name} {copies}"
