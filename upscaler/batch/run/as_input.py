"""What an output takes over from its input beside the picture: permissions, and time on request."""

import stat
from contextlib import suppress

from upscaler.batch.plan.jobs import Job
from upscaler.batch.state.file_stamp import FileStamp
from upscaler.images import Surroundings

_PERMISSIONS = 0o777
_OWN_FOLDER = stat.S_IWUSR | stat.S_IXUSR
"""What a folder needs, so that something can be written into it."""


def stamp_input(job: Job, output: Surroundings, *, keep_times: bool) -> FileStamp | None:
    """Return the input's stamp before it is read, and let the output become as it, as `cp` does.

    Args:
        keep_times: whether the output gets its times, too.
    """
    try:
        found = job.source.stat()
    except OSError:  # whoever reads it for its pixels will say why
        return None
    output.mode = found.st_mode & _PERMISSIONS
    if keep_times:
        output.times = found.st_atime_ns, found.st_mtime_ns
    return FileStamp(found.st_size, found.st_mtime_ns)


def make_folders(job: Job) -> None:
    """Make the folders of an output, each with the permissions of the input's."""
    for level in reversed(range(job.name.count("/"))):
        with suppress(OSError):  # whoever writes into it will say why
            mode = job.source.parents[level].stat().st_mode & _PERMISSIONS
            job.target.parents[level].mkdir(mode | _OWN_FOLDER, exist_ok=True)
