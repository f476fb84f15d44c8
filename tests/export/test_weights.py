"""From a network to its file and back."""

import pytest

torch = pytest.importorskip("torch", reason="needs the [export] extra")
onnx = pytest.importorskip("onnx", reason="needs the [export] extra")

from upscaler.errors import ModelError
from upscaler.models import read_model
from upscaler.models.network import AutoEncoder
from upscaler.models.spec import Architecture, Trained, Training
from upscaler.models.weights import network_of
from upscaler_export.export import export_network, rounded, weights_sha256

TRAINED = Trained("tiny", Architecture(scale=2, widths=(8, 8)), Training(data="noise", steps=1))


@pytest.fixture(scope="module")
def exported(tmp_path_factory):
    torch.manual_seed(1)
    network = rounded(AutoEncoder(TRAINED.architecture).eval())
    return network, export_network(network, TRAINED, tmp_path_factory.mktemp("out"), []).path


def _read(exported, tmp_path, change):
    """Return the weights of the exported file after a change to it."""
    model = onnx.load(exported[1])
    change(model.graph, next(node for node in model.graph.node if node.op_type == "Mul"))
    path = tmp_path / "tiny-x2.onnx"
    onnx.save(model, path)
    return network_of(read_model(path))


def _initializer(graph, name):
    return next(item for item in graph.initializer if item.name == name)


def test_the_weights_come_back_out_of_the_file(exported):
    network, path = exported
    assert weights_sha256(rounded(network_of(read_model(path)))) == weights_sha256(network)


def test_an_older_file_has_its_weights_as_they_are(exported, tmp_path):
    def without(graph, node):
        graph.node.remove(node)
        for other in graph.node:
            for place, name in enumerate(other.input):
                if name == node.output[0]:
                    other.input[place] = graph.input[0].name

    stored = onnx.numpy_helper.to_array(
        _initializer(onnx.load(exported[1]).graph, "network.head.weight")
    )
    assert (_read(exported, tmp_path, without).head.weight.detach().numpy() == stored).all()


def test_the_order_of_the_factors_does_not_matter(exported, tmp_path):
    def turned(graph, node):
        node.input[:] = reversed(node.input)

    network = _read(exported, tmp_path, turned)
    assert weights_sha256(rounded(network)) == weights_sha256(exported[0])


def _squared(graph, node):
    node.input[1] = node.input[0]


def _coloured(graph, node):
    factors = onnx.numpy_helper.from_array(torch.ones(1, 3, 1, 1).numpy(), node.input[1])
    _initializer(graph, node.input[1]).CopyFrom(factors)


def _from_a_node(graph, node):
    stored = _initializer(graph, node.input[1])
    node.input[1] = "elsewhere"
    graph.node.insert(0, onnx.helper.make_node("Cast", [stored.name], ["elsewhere"], to=1))


def _behind_another(graph, node):
    graph.node.insert(0, onnx.helper.make_node("Identity", [graph.input[0].name], ["same"]))
    node.input[0] = "same"


@pytest.mark.parametrize("change", [_squared, _coloured, _from_a_node, _behind_another])
def test_what_else_a_graph_does_to_its_image_is_refused(exported, tmp_path, change):
    with pytest.raises(ModelError, match="does to its image what no network of this project does"):
        _read(exported, tmp_path, change)
