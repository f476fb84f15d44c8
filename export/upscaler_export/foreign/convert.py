"""One step of a conversion, in a process of its own.

`python -m upscaler_export.foreign.convert PATH STEP TARGET MEMORY` writes the ONNX file TARGET,
which says of itself how it was made. If there is nothing to convert in PATH it ends with REFUSED
and one line on stderr; if this step does not convert it, with 1 and one line. On Linux the process
may take MEMORY bytes and no more.
"""

import re
import sys
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from textwrap import shorten

import onnx
import torch

from upscaler.errors import ModelError
from upscaler.hardware import system
from upscaler.hardware.cpu import cores
from upscaler.models.conversion import FACTS_KEY, REFUSED, VERSIONS, Facts
from upscaler_export.foreign.agreement import compare
from upscaler_export.foreign.ladder import STEPS
from upscaler_export.foreign.networks import Network, recognise
from upscaler_export.foreign.precision import losses
from upscaler_export.foreign.reading import read_weights

_COLOURS = re.compile("\x1b\\[[0-9;]*m")
"""With which exporters adorn their errors."""

_LONGEST_REASON = 200
"""Letters of an error that may be a report of a thousand lines."""


def read_network(path: Path) -> Network:
    """Return the network in a file of weights; raises ModelError."""
    return recognise(read_weights(path))


def write(network: Network, step: str, target: Path) -> None:
    """Write a network as ONNX by one step of the ladder, if it comes out right.

    Raises:
        ProofError: it does not.
        Exception: whatever an exporter raises of a network that it cannot write.
    """
    model = STEPS[step](network)
    facts = Facts(
        architecture=network.architecture,
        alignment=network.alignment,
        step=step,
        difference=compare(network, model),
        precision_loss=losses(network),
        versions={name: version(name) for name in VERSIONS},
    )
    onnx.helper.set_model_props(model, {FACTS_KEY: facts.to_json()})
    onnx.save(model, target)


def main(read: Callable[[Path], Network], path: str, step: str, target: str, memory: str) -> None:
    """See the module; `read` finds the network in the file."""
    system.limit_memory(int(memory))
    torch.set_num_threads(cores())
    try:
        write(read(Path(path)), step, Path(target))
    except ModelError as error:
        print(error, file=sys.stderr)
        sys.exit(REFUSED)
    except MemoryError:
        sys.exit("it needs too much memory")
    except Exception as error:  # the parent shows the last line, and wants it alone
        plain = _COLOURS.sub("", f"{type(error).__name__}: {error}")
        sys.exit(shorten(plain, _LONGEST_REASON, placeholder=" ..."))


if __name__ == "__main__":
    main(read_network, *sys.argv[1:])
