"""Reading the network out of a checkpoint of `upscaler train`."""

from pathlib import Path

from safetensors import SafetensorError, safe_open

from upscaler.errors import ModelError
from upscaler.network import AutoEncoder
from upscaler.spec import CHECKPOINT_KEY, Trained

_PREFIX = "ema."


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
        raise ModelError(f"the weights in {path} do not fit its network: {error}") from None
    return network.eval(), trained
