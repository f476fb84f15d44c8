"""Models: the packaged ones, custom ones, and what is known of each."""

from upscaler.models.catalogue import (
    AUTO,
    CLEAN_MODEL,
    DEFAULT_MODEL,
    DEFAULT_SCALE,
    default_scale,
    find_model,
    find_models,
)
from upscaler.models.model import Model, read_model
from upscaler.models.packaged import FOLDER, packaged_models

__all__ = [
    "AUTO",
    "CLEAN_MODEL",
    "DEFAULT_MODEL",
    "DEFAULT_SCALE",
    "FOLDER",
    "Model",
    "default_scale",
    "find_model",
    "find_models",
    "packaged_models",
    "read_model",
]
