"""What a person has to know of the packaged models to choose one."""

from dataclasses import dataclass

from upscaler.models.packaged import packaged_models

_PURPOSES = {
    "fast": "clean pictures when time counts: about half the time of balanced",
    "balanced": "clean pictures: what auto, the default, takes for them",
    "quality": "clean pictures when time does not count: about twice the time of balanced",
    "photo": "pictures that JPEG, blur or noise has damaged: what auto takes for them",
}


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
        ModelFacts(spec.name, spec.scale, _PURPOSES[spec.name], spec.quality, spec.parameters)
        for spec in specs
    ]
