"""`python -m upscaler`."""

from upscaler.cli.main import main

main()
