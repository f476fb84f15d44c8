"""The page of the server: the viewer of all pages, with what starts and shows a run."""

import html
from collections.abc import Sequence
from importlib.resources import files

from upscaler.page.write import as_data, digest, fill, part
from upscaler.serve.library import Library


def serve_page(
    library: Library, models: Sequence[str], scales: Sequence[str], formats: Sequence[str]
) -> tuple[str, str]:
    """Return the page, and the policy for it: what it may load, and from where."""
    program = part("common.js") + _own("serve.js") + part("viewer.js") + part("input.js")
    style = part("page.css") + _own("serve.css")
    title = f"{library.source.absolute().name} → {library.output.absolute().name}"
    data = {
        "columns": ["before", "after"],
        "models": list(models),
        "scales": list(scales),
        "formats": list(formats),
        "source": str(library.source.absolute()),
        "output": str(library.output.absolute()),
    }
    parts = {
        "title": html.escape(title),
        "style": style,
        "viewer": part("viewer.html"),
        "data": as_data(data),
        "program": program,
    }
    policy = (
        f"default-src 'none'; img-src 'self' data:; connect-src 'self'; style-src '{digest(style)}'"
        f"; script-src '{digest(program)}'; base-uri 'none'; form-action 'none'; "
        f"frame-ancestors 'none'"
    )
    return fill(_own("serve.html"), parts), policy


def _own(name: str) -> str:
    return files("upscaler.serve").joinpath(name).read_text(encoding="utf-8")
