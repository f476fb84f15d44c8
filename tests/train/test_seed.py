"""The seed report's networks: the sizes that the report gives, and shapes that cannot be."""

import pytest

torch = pytest.importorskip("torch", reason="needs the [train] extra")

from upscaler.errors import UsageError
from upscaler_train.networks.build import cost, parameters
from upscaler_train.networks.seed import (
    ACTIVATIONS,
    NORMALISATIONS,
    POOLINGS,
    SeedArchitecture,
    SeedAutoEncoder,
)
from upscaler_train.recipe_file import find_recipe, load_recipe


def network(channels=3, **sizes):
    settings = {"size": 32, "widths": (8, 12), "decoder": ("relu", "tanh")} | sizes
    return SeedAutoEncoder(SeedArchitecture(**settings), channels)


@pytest.mark.parametrize(
    "settings",
    [
        *({"activation": name, "decoder": (name, "tanh")} for name in ACTIVATIONS),
        *({"normalisation": name} for name in NORMALISATIONS),
        *({"pooling": name, "bottleneck": 5} for name in POOLINGS),
        {"kernel": 6, "stride": 3, "size": 40},
        {"widths": (8, 12, 16), "decoder": ("relu", "elu", "identity")},
        {"channels": 1, "bottleneck": 4},
    ],
    ids=lambda settings: "-".join(map(str, settings.values())),
)
def test_every_layer_gives_back_the_size_and_trains(settings):
    net = network(**settings)
    size = net.architecture.size
    x = torch.rand(2, settings.get("channels", 3), size, size)
    output = net(x)
    assert output.shape == x.shape
    (output - 0.3).square().mean().backward()
    steps = settings.get("activation") == "binary-step"  # flat: nothing below it can learn
    for name, parameter in net.named_parameters():
        learns = parameter.grad is not None and parameter.grad.abs().sum() > 0
        assert learns or steps or "PReLU" in name, name


def test_the_activations_are_what_their_names_say():
    x = torch.tensor([-2.0, 0.5, 3.0]).reshape(1, 3, 1, 1)
    found = {name: make()(x).flatten().tolist() for name, make in ACTIVATIONS.items()}
    assert found["binary-step"] == [0, 1, 1]
    assert found["saturating-linear"] == [0, 0.5, 1]
    assert found["arctan"] == pytest.approx([-1.1071, 0.4636, 1.2490], abs=1e-4)
    assert sum(found["softmax"]) == pytest.approx(1)  # over the channels


def test_the_skips_reach_the_output():
    """Without the bottleneck's path the input must still show in the output."""
    net = network(bottleneck=4)
    with torch.no_grad():
        for weights in net.spread.parameters():
            weights.zero_()
    x = torch.rand(1, 3, 32, 32)
    assert (net(x) - net(1 - x)).abs().max() > 1e-4


@pytest.mark.parametrize(
    ("name", "sizes", "million"),
    [
        ("2-layer", (256, 128, 64), 269.36),
        ("3-layer", (256, 128, 64, 32), 270.67),
        ("4-layer", (256, 128, 64, 32, 16), 276.84),
        ("4-layer-pool", (256, 128, 64, 32, 16), 79.61),
        ("kernel-6", (256, 85, 28, 9), 25.70),
        ("kernel-6-stride-4", (256, 64, 16, 4), 8.64),
    ],
)
def test_the_sizes_of_the_report(name, sizes, million):
    recipe = load_recipe(find_recipe(f"experiments/{name}"))
    assert recipe.network.sizes == sizes
    assert parameters(recipe) / 1e6 == pytest.approx(million, abs=0.005)


def test_macs_are_counted():
    recipe = load_recipe(
        find_recipe("experiments/2-layer"),
        ("network.widths=[4, 8]", "network.bottleneck=2", "network.size=8"),
    )
    convolutions = (
        3 * 4 * 16 * 4 * 4 + 4 * 8 * 16 * 2 * 2 + 16 * 4 * 16 * 2 * 2 + 8 * 3 * 16 * 4 * 4
    )
    linear = 2 * (8 * 2 * 2) * 2
    assert cost(recipe, 8) == (convolutions + linear) / 64


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"stride": 40}, "leaves nothing of 32 pixels: 32 -> 1 -> 0"),
        ({"kernel": 64}, "leaves nothing of 32 pixels"),
        ({"kernel": 2}, "padding 1 is too much for kernel 2"),
        ({"widths": (8,)}, "1 encoder layers and 2 activations"),
        ({"activation": "gelu"}, "no layer 'gelu' .* relu"),
        ({"normalisation": "layer"}, "no layer 'layer'"),
        ({"pooling": "min"}, "no layer 'min'"),
        ({"stride": 0}, "every size must be 1 or more"),
        ({"bottleneck": -1}, "start at 0"),
        (
            {"size": 4, "pooling": "max", "bottleneck": 3},
            "pooling by 2 leaves nothing of 4 -> 2 -> 1",
        ),
    ],
)
def test_impossible_shapes_are_said_in_one_line(settings, message):
    with pytest.raises(UsageError, match=message) as error:
        network(**settings)
    assert "\n" not in str(error.value)
