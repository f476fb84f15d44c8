"""Keeping a run alive when its process dies: light, so that a command loses no time to it.

`supervise` runs a command in a child process and starts it again when it crashes. `line` is the
child's end of the connection. `suspects` finds out which job ended a process, however it was
started.
"""

VARIABLE = "UPSCALER_LINE"
"""Of the environment: the two pipes of a child, to read from and to write into."""
