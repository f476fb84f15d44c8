"""Models: the packaged ones, custom ones, and what is known of each."""

from upscaler.models.catalogue import DEFAULT_MODEL, DEFAULT_SCALE, FOLDER, find, packaged
from upscaler.models.model import Model, read_model

__all__ = [
    "DEFAULT_MODEL",
    "DEFAULT_SCALE",
    "FOLDER",
    "Model",
    "find",
    "packaged",
    "read_model",
]
