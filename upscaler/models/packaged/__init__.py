"""The models that come with the program: an ONNX file and a card for each."""

from pathlib import Path

from upscaler.errors import ModelError
from upscaler.models.model import Model, read_model

FOLDER = Path(__file__).parent


def packaged_models() -> list[Model]:
    """Return the models that come with the program, by name and scale."""
    models = [read_model(path) for path in FOLDER.glob("*-x?.onnx")]
    return sorted(models, key=lambda model: (model.spec.name, model.spec.scale))


def packaged_model(name: str, scale: float) -> Model:
    """Return a packaged model by its name, `fast`, or its title, `fast-x4`.

    Args:
        scale: how many times larger it shall make pictures at least; of several, the smallest
            is taken.

    Raises:
        ModelError: there is none of that name, or only for smaller scales.
    """
    models = packaged_models()
    for model in models:
        if name in (model.spec.name, model.spec.title) and model.spec.scale >= scale:
            return model
    known = ", ".join(model.spec.title for model in models) or "none"
    too_small = any(name in (model.spec.name, model.spec.title) for model in models)
    raise ModelError(
        f"no model {name}{f' for scale {scale:g}' if too_small else ''}; there are: auto, {known}, "
        f"or give the path of a file: .onnx, .pth or .safetensors"
    )
