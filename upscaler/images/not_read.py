"""Pictures that are not read: by the names of their files, with what to do instead."""

_RAW = "camera raw, not yet a picture; develop it first, for example to TIFF"
_VECTORS = "a drawing, which has no pixels yet; export it as PNG in the size you want"
_LAYERS = "layers of another program; export it there as PNG or TIFF"
_LIGHT = "light values without a largest one; convert it to TIFF of 16 bits"
_DOCUMENT = "a document; export its pages as PNG"
_VIDEO = "a video; export its frames as PNG"

RAW_EXTENSIONS = (
    *(".3fr", ".arw", ".cr2", ".cr3", ".crw", ".dcr", ".dng", ".erf", ".fff", ".gpr", ".iiq"),
    *(".kdc", ".mef", ".mos", ".mrw", ".nef", ".nrw", ".orf", ".ori", ".pef", ".raf", ".raw"),
    *(".rw2", ".rwl", ".sr2", ".srf", ".srw", ".x3f"),
)

NOT_READ = {
    **dict.fromkeys(RAW_EXTENSIONS, _RAW),
    **dict.fromkeys((".svg", ".svgz", ".ai", ".eps", ".ps", ".wmf", ".emf"), _VECTORS),
    **dict.fromkeys((".psb", ".xcf", ".kra", ".ora", ".afphoto", ".afdesign", ".clip"), _LAYERS),
    **dict.fromkeys((".exr", ".hdr"), _LIGHT),
    **dict.fromkeys((".pdf", ".djvu"), _DOCUMENT),
    **dict.fromkeys((".mp4", ".mov", ".avi", ".mkv", ".webm", ".m4v"), _VIDEO),
    **dict.fromkeys((".jxr", ".wdp", ".hdp"), "JPEG XR; convert it to PNG or TIFF"),
}
"""Why, and what to do, by extension. What is in none of these is no picture."""
