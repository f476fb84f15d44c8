"""The program: `upscaler` and `python -m upscaler`."""

import os
import sys

from upscaler.supervisor import VARIABLE


def main() -> None:
    """Run the command line and exit; a run over files goes into a process of its own."""
    if sys.argv[1:2] == ["run"] and VARIABLE not in os.environ:
        from upscaler.supervisor.supervise import supervise

        sys.exit(supervise([sys.executable, *sys.orig_argv[1:]]))
    from upscaler.cli.main import main as command_line

    command_line()


if __name__ == "__main__":
    main()
