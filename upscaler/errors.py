"""The error tree. Every message says what happened, with the value, and what to do.

    UpscalerError                  anything a user can act on; shown as one line
    ├── UsageError          (2)    a wrong value was given
    ├── StartError          (3)    the work could not begin
    │   ├── ModelError             a model is missing, unreadable or not an upscaler
    │   ├── RuntimeUnavailable     an inference runtime does not open here
    │   │   ├── HardwareMissing    nor could it: the machine lacks what it runs on
    │   │   └── NotReady           it has something to build first
    │   ├── OutputError            the output folder cannot be used
    │   └── ProofError             an exported model does not agree with its source
    └── ImageError          (1)    one image failed; in a folder, the others go on
        └── PassingError           not by its own fault: worth another try

The number is the exit code of the command line. All of them are to be had from `upscaler`.
"""


class UpscalerError(Exception):
    """Something a user can act on; `str()` of it is the whole message, in one line."""

    exit_code = 1


class UsageError(UpscalerError):
    """A value that cannot be right: a scale of 0, an output that is the input."""

    exit_code = 2


class StartError(UpscalerError):
    """The work could not begin."""

    exit_code = 3


class ModelError(StartError):
    """A model is missing, unreadable or not an upscaler."""


class RuntimeUnavailable(StartError):
    """An inference runtime does not open on this machine."""


class HardwareMissing(RuntimeUnavailable):
    """The machine lacks what the runtime runs on; nothing to install would help."""


class NotReady(RuntimeUnavailable):
    """An inference runtime has something to build before it opens, which may take minutes."""


class OutputError(StartError):
    """The output folder cannot be created, written or locked."""


class ProofError(StartError):
    """An exported model does not agree with the network it came from."""


class ImageError(UpscalerError):
    """One image cannot be read, upscaled or written; the batch goes on without it."""


class PassingError(ImageError):
    """The machine was in the way, not the image: a permission, a full disk, too little memory."""
