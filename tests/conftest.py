"""What all tests share: small pictures, a model whose answer is known, and the shared data."""

import signal
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from upscaler.cli.main import main
from upscaler.errors import RuntimeUnavailable
from upscaler.runtimes import precisions_of

if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    # as of what a shell started in the background: the runs that tests start would ignore it, too
    signal.signal(signal.SIGINT, signal.default_int_handler)

SHARED = Path(__file__).parents[2] / "shared"


def pytest_addoption(parser):
    parser.addoption(
        "--write-golden", action="store_true", help="write tests/data/golden anew (make golden)"
    )


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """`upscaler run` takes the smallest model unless a test names another."""
    monkeypatch.setenv("UPSCALER_RUN_MODEL", "fast")


@pytest.fixture(autouse=True)
def own_cache(monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> None:
    """What is found out about models in a test is not known in the next, and no test reads the
    defaults of whoever runs it.
    """
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path_factory.mktemp("config")))


@pytest.fixture
def installed() -> Callable[[str], None]:
    """Skips a test where a runtime is not there; one that is there has to work."""

    def check(name: str) -> None:
        try:
            precisions_of(name)
        except RuntimeUnavailable as error:
            pytest.skip(str(error))

    return check


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(7)


@pytest.fixture
def photo(rng: np.random.Generator) -> np.ndarray:
    """A smooth uint8 RGB picture of an odd size, with some texture."""
    y, x = np.mgrid[0:37, 0:53]
    base = np.stack([x * 4, y * 6, 255 - x - y], axis=2)
    return np.clip(base + rng.integers(-20, 20, base.shape), 0, 255).astype(np.uint8)


@pytest.fixture
def folder(tmp_path: Path, photo: np.ndarray) -> Path:
    """A small tree: three pictures in two folders, and a text file."""
    root = tmp_path / "in"
    (root / "sub").mkdir(parents=True)
    Image.fromarray(photo).save(root / "a.png")
    Image.fromarray(photo).save(root / "b.jpg")
    Image.fromarray(photo[:9, :11, 0]).save(root / "sub" / "grey.png")
    (root / "notes.txt").write_text("no picture")
    return root


@pytest.fixture
def onnx_model():
    """Build an ONNX model that makes a picture `y` of a picture `x`, from nodes and weights."""
    from onnx import TensorProto, helper, numpy_helper

    def build(nodes, weights=(), *, shape=("n", 3, "h", "w"), kind=TensorProto.FLOAT, opset=18):
        graph = helper.make_graph(
            nodes,
            "graph",
            [helper.make_tensor_value_info("x", kind, shape)],
            [helper.make_tensor_value_info("y", kind, ["n", "c", "hh", "ww"])],
            [numpy_helper.from_array(values, name) for name, values in dict(weights).items()],
        )
        opsets = [helper.make_opsetid("", opset)]
        return helper.make_model(graph, opset_imports=opsets, ir_version=10)

    return build


@pytest.fixture(scope="session")
def shared() -> Path:
    """The data that does not come with the project."""
    if not (SHARED / "data").is_dir():
        pytest.skip("needs the standard test sets, which may not be redistributed")
    return SHARED


@pytest.fixture
def command(capfd):
    """Run the command line in this process; returns (exit code, stdout, stderr)."""
    handlers = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}

    def run(*arguments):
        with pytest.raises(SystemExit) as ended:
            main([str(argument) for argument in arguments])
        output = capfd.readouterr()
        return ended.value.code, output.out, output.err

    yield run
    for number, handler in handlers.items():
        signal.signal(number, handler)
