import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="needs the [train] extra")

from upscaler_train.data.pairs import Pair
from upscaler_train.training.evaluation import score


class Doubled(torch.nn.Upsample):
    """Notes how cuDNN is set when it computes."""

    def forward(self, low):
        cudnn = torch.backends.cudnn
        self.seen = cudnn.enabled, cudnn.benchmark, cudnn.allow_tf32
        return super().forward(low)


def test_scoring_uses_cudnn_in_float32_and_tries_no_algorithms(rng, monkeypatch):
    monkeypatch.setattr(torch.backends.cudnn, "benchmark", True)
    low = rng.integers(0, 256, (20, 24, 3), np.uint8)
    pairs = [Pair(low, low.repeat(2, axis=0).repeat(2, axis=1))]
    network = Doubled(scale_factor=2)
    assert score(network, pairs, 2, torch.device("cpu")).mse == 0
    assert network.seen == (True, False, False)
    assert torch.backends.cudnn.benchmark
