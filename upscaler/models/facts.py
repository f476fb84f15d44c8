"""What a person has to know of the packaged models to choose one."""

from dataclasses import dataclass

from upscaler.models.packaged import packaged_models

AUTO_PURPOSE = "all images: balanced for clean ones, photo for damaged ones"
PURPOSES = {
    "balanced": "clean images: PNG, TIFF, good JPEG",
    "fast": "very many images, or an old computer: about half the time",
    "quality": "the best result for clean images: about twice the time",
    "photo": "JPEG from phones, the web, old cameras: removes blocks and noise",
}
"""What each packaged model is for."""


@dataclass(frozen=True)
class ModelFacts:
    """A model that comes with the program."""

    name: str
    """What `Upscaler` and `upscale_folder` take as `model`."""
    scale: int
    """How many times larger it makes pictures, per axis."""
    purpose: str
    """What it is for."""
    psnr: dict[str, float]
    """Measured mean PSNR-Y in dB, by test set and what its pictures went through, if anything."""
    parameters: int
    """Trained weights."""


def list_models() -> list[ModelFacts]:
    """Return the models that come with the program, by name and scale."""
    specs = [model.spec for model in packaged_models()]
    return [
        ModelFacts(spec.name, spec.scale, PURPOSES[spec.name], spec.quality, spec.parameters)
        for spec in specs
    ]
