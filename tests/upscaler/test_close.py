"""An Upscaler that is closed."""

import weakref

import numpy as np
import pytest

from upscaler import Upscaler, UsageError


def test_it_is_closed_at_the_end_of_its_context(photo):
    with Upscaler("fast", scale=2, runtime="cpu") as upscaler:
        assert upscaler(photo).shape == (74, 106, 3)
    with pytest.raises(UsageError, match="this Upscaler is closed"):
        upscaler(photo)
    assert repr(upscaler) == "fast-x2, closed"


def test_closing_twice_does_no_harm():
    upscaler = Upscaler("fast", scale=2, runtime="cpu")
    upscaler.close()
    upscaler.close()


@pytest.mark.parametrize("runtime", ["cpu", "openvino"])
def test_the_runtimes_are_freed_at_once(photo, installed, runtime):
    installed(runtime)
    upscaler = Upscaler("fast", scale=2, runtime=runtime)
    upscaler(photo.astype(np.uint16))  # which may open another one, in fp32
    alive = [
        weakref.ref(each) for each in (upscaler.choice.runtime, upscaler._enlargers.first.exact())
    ]
    upscaler.close()
    assert [each() for each in alive] == [None, None]
