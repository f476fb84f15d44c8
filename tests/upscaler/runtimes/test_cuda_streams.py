"""CUDA graphs, as far as they can be tried without a GPU."""

import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import numpy as np
import pytest

pytest.importorskip("torch", reason="needs the [export] extra")


@pytest.fixture
def no_gpu_needed(monkeypatch):
    """What CUDA does for a stream, counted."""
    import torch

    counts = {"recorded": 0, "replayed": 0}

    class Graph:
        def replay(self):
            counts["replayed"] += 1
            type(self).program()

    @contextmanager
    def record(graph, **settings):
        counts["recorded"] += 1
        yield

    monkeypatch.setattr(torch.Tensor, "pin_memory", lambda self: self)
    monkeypatch.setattr(torch.cuda, "CUDAGraph", Graph)
    monkeypatch.setattr(torch.cuda, "graph", record)
    return counts, Graph


class Stream:
    def synchronize(self):
        pass


def test_a_graph_is_recorded_for_a_shape_that_comes_back(no_gpu_needed):
    import torch

    from upscaler.runtimes.cuda_streams import _Shape

    counts, graph = no_gpu_needed

    def prepare(image):
        output = torch.empty_like(image)
        graph.program = staticmethod(lambda: (torch.mul(image, 2, out=output),))
        return graph.program

    tiles = [np.full((1, 3, 4, 4), number, np.float32) for number in range(4)]
    shape = _Shape(tiles[0], prepare, torch.device("cpu"))
    seen = []
    for tile in tiles:
        tile.flags.writeable = False  # as a view of a picture may be
        seen.append((shape.run(tile, Stream())[0].max(), dict(counts)))
    assert [value for value, _ in seen] == [0, 2, 4, 6]
    assert [count["recorded"] for _, count in seen] == [0, 1, 1, 1]
    assert counts["replayed"] == 3


def test_a_thread_computes_before_it_records(no_gpu_needed):
    """cuDNN allocates memory when a thread first uses it; seen to break a recording on an H100."""
    import torch

    from upscaler.runtimes.cuda_streams import _Shape

    counts, graph = no_gpu_needed
    computed = []

    def prepare(image):
        def program():
            computed.append((threading.get_ident(), counts["recorded"]))
            return (image,)

        graph.program = staticmethod(program)
        return program

    tile = np.zeros((1, 3, 4, 4), np.float32)
    shape = _Shape(tile, prepare, torch.device("cpu"))
    with ThreadPoolExecutor(1) as another:
        another.submit(shape.run, tile, Stream()).result()
    shape.run(tile, Stream())
    assert computed[1] == (threading.get_ident(), 0)
