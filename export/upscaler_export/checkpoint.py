"""Reading the network out of a checkpoint of `upscaler train`, or back out of a model file."""

from pathlib import Path

from safetensors import SafetensorError, safe_open

from upscaler.errors import ModelError
from upscaler.models import DEFAULT_SCALE, find_model
from upscaler.models.catalogue import WEIGHTS
from upscaler.models.network import AutoEncoder
from upscaler.models.spec import CHECKPOINT_KEY, Trained
from upscaler.models.weights import network_of

_PREFIX = "ema."


def read_source(source: str) -> tuple[AutoEncoder, Trained]:
    """Return the network of a checkpoint (.safetensors), or of a model by name or path.

    Raises:
        ModelError: there is none such, or it is damaged.
    """
    if Path(source).suffix == ".onnx" or not Path(source).suffix:
        return read_model_file(source)
    return read_checkpoint(Path(source))


def is_foreign(source: str) -> bool:
    """Whether a file holds weights of other people: neither a model nor our checkpoint."""
    path = Path(source)
    if path.suffix.lower() not in WEIGHTS:
        return False
    try:
        with safe_open(path, framework="np") as file:
            return CHECKPOINT_KEY not in (file.metadata() or {})
    except (OSError, SafetensorError):
        return path.suffix.lower() != ".safetensors" or path.is_file()


def read_model_file(name: str) -> tuple[AutoEncoder, Trained]:
    """Return the network of a packaged model (`fast`, `fast-x2`) or of an exported file."""
    scale = next((n for n in (2, 3, 4) if Path(name).stem.endswith(f"-x{n}")), DEFAULT_SCALE)
    model = find_model(name, scale)
    network = network_of(model)
    return network, Trained(model.spec.name, network.architecture, model.spec.training)


def read_checkpoint(path: Path) -> tuple[AutoEncoder, Trained]:
    """Return the network with its averaged weights, ready for inference, and where it came from.

    Raises:
        ModelError: the file is missing, damaged or not a checkpoint of `upscaler train`.
    """
    try:
        with safe_open(path, framework="pt") as file:
            facts = (file.metadata() or {}).get(CHECKPOINT_KEY)
            names = [name for name in file.keys() if name.startswith(_PREFIX)]  # noqa: SIM118
            weights = {name.removeprefix(_PREFIX): file.get_tensor(name) for name in names}
    except (OSError, SafetensorError) as error:
        raise ModelError(f"cannot read the checkpoint {path}: {error}") from None
    if facts is None:
        raise ModelError(f"{path} is not a checkpoint of `upscaler train`")
    trained = Trained.from_json(facts)
    network = AutoEncoder(trained.architecture)
    try:
        network.load_state_dict(weights)
    except RuntimeError as error:
        reason = " ".join(str(error).split())
        raise ModelError(f"the weights in {path} do not fit its network: {reason}") from None
    return network.eval(), trained
