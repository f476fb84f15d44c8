"""Numbers in EXIF and GeoTIFF that count pixels, for a picture that has become larger."""

from upscaler.images.exif import ExifBlock

_SENSOR = (41486, 41487)
"""Pixels per unit of the sensor, across and down."""
_SUBJECTS = (37396, 41492)
"""Where the subject is in the picture, in one of them also how large it is."""

_PIXEL_SCALE, _TIE_POINTS, _MATRIX, _GEO_KEYS = 33550, 33922, 34264, 34735
"""How large a pixel is on the map, which pixel lies where, or both as a matrix; how it counts."""
_RASTER_TYPE, _CENTRES = 1025, 2


def enlarge_counts(block: ExifBlock, down: float, across: float) -> None:
    """Adapt what counts pixels to a picture so many times as high (`down`) and as wide."""
    if (down, across) == (1, 1):
        return
    for tag, times in zip(_SENSOR, (across, down), strict=True):
        block.set_numbers(tag, [value * times for value in block.numbers(tag)])
    for tag in _SUBJECTS:
        values = block.numbers(tag)
        block.set_numbers(tag, [v * (across, down)[n % 2] for n, v in enumerate(values)])
    _enlarge_map(block, down, across)


def _enlarge_map(block: ExifBlock, down: float, across: float) -> None:
    """Keep every place of the picture where it is on the map (GeoTIFF 1.1, section 7)."""
    keys = block.numbers(_GEO_KEYS)
    shift = 0.5 if _counts_from_centres(keys) else 0.0
    times = (across, down)
    scale = block.numbers(_PIXEL_SCALE)
    if len(scale) == 3:
        block.set_numbers(_PIXEL_SCALE, [scale[0] / across, scale[1] / down, scale[2]])
    points = block.numbers(_TIE_POINTS)
    for number in range(len(points)):
        if (axis := number % 6) < 2:
            points[number] = (points[number] + shift) * times[axis] - shift
    block.set_numbers(_TIE_POINTS, points)
    matrix = block.numbers(_MATRIX)
    if len(matrix) == 16:
        for row in range(0, 16, 4):
            for axis in (0, 1):
                matrix[row + 3] += matrix[row + axis] * (shift / times[axis] - shift)
                matrix[row + axis] /= times[axis]
        block.set_numbers(_MATRIX, matrix)


def _counts_from_centres(keys: list[float]) -> bool:
    """Whether the first pixel's centre is 0, 0, and not its corner; keys stand in fours."""
    fours = [keys[place : place + 4] for place in range(4, len(keys) - 3, 4)]
    return any(key == _RASTER_TYPE and value == _CENTRES for key, _, _, value in fours)
