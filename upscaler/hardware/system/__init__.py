"""What differs between systems, under the same names: `posix` for Linux and macOS, and `windows`.

No other file asks which system it is. What a name means stands in `posix`; in `windows` stands how
it is different there.
"""

import sys

if sys.platform == "win32":
    from upscaler.hardware.system.windows import *  # noqa: F403
else:
    from upscaler.hardware.system.posix import *  # noqa: F403
