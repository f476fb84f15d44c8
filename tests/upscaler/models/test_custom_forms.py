"""Files in other forms than runtimes take: float16, one channel, one size, other scales."""

import numpy as np
import onnx
import pytest
from onnx import TensorProto, numpy_helper

from upscaler import Upscaler
from upscaler.models import find_model
from upscaler.models.graph.prepare import widen


def half(path):
    """Make a model float16 throughout, as converters do."""
    model = onnx.load(path)
    for tensor in model.graph.initializer:
        if tensor.name != "scales":
            values = numpy_helper.to_array(tensor).astype(np.float16)
            tensor.CopyFrom(numpy_helper.from_array(values, tensor.name))
    for value in (*model.graph.input, *model.graph.output):
        value.type.tensor_type.elem_type = TensorProto.FLOAT16
    onnx.save(model, path)
    return path


def test_float16_becomes_float32(enlarger, photo):
    exact = Upscaler(str(enlarger()), scale=2, runtime="cpu")(photo)
    wide = Upscaler(str(half(enlarger())), scale=2, runtime="cpu")
    assert wide.model.spec.form == ("single",)
    assert np.abs(wide(photo).astype(int) - exact).max() <= 1


def test_what_only_keeps_its_weights_in_float16_stays_as_it_is(enlarger):
    from upscaler.models.graph.prepare import computes_in_half

    model = onnx.load(enlarger())
    assert not computes_in_half(model)
    before = model.SerializeToString()
    widen(model)
    assert model.SerializeToString() == before


def test_one_channel_takes_colour(enlarger, photo):
    path = str(enlarger(channels=1, shape=["n", 1, "h", "w"]))
    upscaler = Upscaler(path, scale=2, runtime="cpu")
    assert upscaler.model.spec.form == ("grey",)
    large = upscaler(photo).astype(int)
    assert large.shape == (2 * photo.shape[0], 2 * photo.shape[1], 3)
    assert np.abs(large[::2, ::2] - photo).mean() < 40  # red stays red
    grey = np.repeat(photo[..., :1], 3, axis=2)
    assert np.ptp(upscaler(grey).astype(int), axis=2).max() <= 1  # and grey stays grey


def test_a_size_that_nothing_depends_on_is_let_go(enlarger, photo):
    path = enlarger(shape=[1, 3, 64, 64])
    spec = find_model(str(path), 2).spec
    assert (spec.form, spec.tiling.size, spec.tiling.kind) == (("freed",), None, "exact")
    whole = Upscaler(str(path), scale=2, runtime="cpu", tile=None)(photo)
    np.testing.assert_array_equal(whole, Upscaler(str(enlarger()), scale=2, runtime="cpu")(photo))


@pytest.mark.parametrize("scale", [1, 8])
def test_other_scales(enlarger, scale, photo):
    large = Upscaler(str(enlarger(scale=scale)), scale=scale, runtime="cpu", tile=16)(photo)
    assert large.shape[:2] == (scale * photo.shape[0], scale * photo.shape[1])
