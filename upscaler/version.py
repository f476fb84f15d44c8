"""The version of the program, alone, so that any room may say it."""

__version__ = "0.2.0"
