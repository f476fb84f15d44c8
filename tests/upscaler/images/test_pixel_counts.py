"""Numbers that count pixels follow the picture when it becomes larger."""

import struct

import numpy as np
import pytest
import tifffile
from PIL import ExifTags, Image
from PIL.PngImagePlugin import PngInfo

from upscaler.images import FORMATS, open_picture, open_rows, save_picture

SCALE, POINTS, MATRIX, KEYS = 33550, 33922, 34264, 34735


def larger(picture, down, across):
    return picture.with_pixels(picture.colour.repeat(down, 0).repeat(across, 1), None)


def geotiff(path, photo, *tags):
    tifffile.imwrite(path, photo, photometric="rgb", metadata=None, extratags=list(tags))
    return open_picture(path)


def written(picture, path, name="tiff"):
    save_picture(picture, path, FORMATS[name])
    with Image.open(path) as image:
        return image.getexif()


@pytest.mark.parametrize("name", ["tiff", "png", "jpg"])
@pytest.mark.parametrize("order", ["<", ">"])
def test_a_map_stays_where_it_is(tmp_path, photo, name, order):
    scale = (SCALE, 12, 3, (10.0, 20.0, 0.0), True)
    points = (POINTS, 12, 12, (0.0, 0, 0, 5e5, 4.6e6, 0, 10.0, 6, 0, 5e5 + 100, 4.6e6, 0), True)
    keys = (KEYS, 3, 4, (1, 1, 0, 0), True)
    path = tmp_path / "in.tif"
    tifffile.imwrite(
        path, photo, photometric="rgb", byteorder=order, extratags=[scale, points, keys]
    )
    exif = written(larger(open_picture(path), 4, 2), tmp_path / f"out.{name}", name)
    assert exif[SCALE] == (5.0, 5.0, 0.0)
    assert exif[POINTS] == (0, 0, 0, 5e5, 4.6e6, 0, 20, 24, 0, 5e5 + 100, 4.6e6, 0)
    assert exif[KEYS] == (1, 1, 0, 0)


def test_where_the_centre_of_a_pixel_counts_it_moves(tmp_path, photo):
    """The centre of the first pixel is a quarter of the old pixel nearer to the corner."""
    keys = (KEYS, 3, 8, (1, 1, 0, 1, 1025, 0, 1, 2), True)
    points = (POINTS, 12, 6, (0.0, 0, 0, 100, 200, 0), True)
    scale = (SCALE, 12, 3, (10.0, 10.0, 0.0), True)
    picture = geotiff(tmp_path / "in.tif", photo, points, scale, keys)
    exif = written(larger(picture, 2, 2), tmp_path / "out.tif")
    column, _, _, east, *_ = exif[POINTS]
    corner = east - (column + 0.5) * exif[SCALE][0]
    assert (column, corner) == (0.5, 100 - 0.5 * 10)


@pytest.mark.parametrize(("raster", "shift"), [(1, 0.0), (2, 0.5)])
def test_a_matrix_says_the_same_of_every_place(tmp_path, photo, raster, shift):
    matrix = np.array([[3.0, 1, 0, 100], [-1, 4, 0, 200], [0, 0, 0, 0], [0, 0, 0, 1]])
    keys = (KEYS, 3, 8, (1, 1, 0, 1, 1025, 0, 1, raster), True)
    tag = (MATRIX, 12, 16, tuple(matrix.ravel().tolist()), True)
    picture = geotiff(tmp_path / "in.tif", photo, tag, keys)
    exif = written(larger(picture, 3, 2), tmp_path / "out.tif")
    after = np.reshape(exif[MATRIX], (4, 4))
    for x, y in ((0, 0), (5.5, 3), (53, 37)):  # from the corner, in pixels of the original
        before = matrix @ (x - shift, y - shift, 0, 1)
        np.testing.assert_allclose(after @ (2 * x - shift, 3 * y - shift, 0, 1), before)


PANORAMA = {
    "CroppedAreaImageWidthPixels": (53, 106),
    "CroppedAreaImageHeightPixels": (37, 111),
    "FullPanoWidthPixels": (96, 192),
    "FullPanoHeightPixels": (50, 150),
    "CroppedAreaLeftPixels": (24, 48),
    "CroppedAreaTopPixels": (0, 0),
    "LargestValidInteriorRectWidth": (50, 100),
    "InitialViewHeadingDegrees": (90, 90),
}


@pytest.mark.parametrize("form", [" GPano:{}='{}'", '\nGPano:{} = "{}"', "<GPano:{}>{}</GPano:{}>"])
def test_the_parts_of_a_panorama(tmp_path, photo, form):
    def xmp(column):
        parts = [form.format(name, sizes[column], name) for name, sizes in PANORAMA.items()]
        return "<x:xmpmeta xmlns:x='adobe:ns:meta/'>" + "".join(parts) + "</x:xmpmeta>"

    Image.fromarray(photo).save(tmp_path / "in.jpg", xmp=xmp(0).encode())
    picture = larger(open_picture(tmp_path / "in.jpg"), 3, 2)
    save_picture(picture, tmp_path / "out.jpg", FORMATS["jpg"])
    assert open_picture(tmp_path / "out.jpg").xmp == xmp(1).encode()


def test_the_size_that_faces_are_marked_in(tmp_path, photo):
    info = PngInfo()
    info.add_itxt("XML:com.adobe.xmp", "<a stDim:w='53' stDim:h='37' stArea:w='0.25'/>")
    Image.fromarray(photo).save(tmp_path / "in.png", pnginfo=info)
    save_picture(
        larger(open_picture(tmp_path / "in.png"), 2, 2), tmp_path / "o.png", FORMATS["png"]
    )
    xmp = open_picture(tmp_path / "o.png").xmp
    assert xmp == b"<a stDim:w='106' stDim:h='74' stArea:w='0.25'/>"


def test_rows_know_the_size_that_was_read(tmp_path, photo):
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = 6
    Image.fromarray(photo).save(tmp_path / "in.jpg", exif=exif)
    with open_rows(tmp_path / "in.jpg") as rows:
        assert rows.facts.as_frame(4 * 53, 2 * 37).enlarged == (4, 2)


def test_the_sensor_and_the_subject(tmp_path, photo):
    exif = Image.Exif()
    details = exif.get_ifd(ExifTags.IFD.Exif)
    details[37396] = (20, 10, 8, 6)
    details[ExifTags.Base.SubjectLocation] = (20, 10)
    details[ExifTags.Base.FocalPlaneXResolution] = 4000.0
    details[ExifTags.Base.FocalPlaneYResolution] = 3999.5
    Image.fromarray(photo).save(tmp_path / "in.jpg", exif=exif)
    picture = larger(open_picture(tmp_path / "in.jpg"), 3, 2)
    after = written(picture, tmp_path / "out.jpg", "jpg").get_ifd(ExifTags.IFD.Exif)
    assert after[37396] == (40, 30, 16, 18)
    assert after[ExifTags.Base.SubjectLocation] == (40, 30)
    assert after[ExifTags.Base.FocalPlaneXResolution] == 8000
    assert after[ExifTags.Base.FocalPlaneYResolution] == pytest.approx(11998.5)


@pytest.mark.parametrize("count", [0, 5, 1 << 30])
def test_odd_counts_damage_nothing(tmp_path, photo, count):
    entry = struct.pack("<HHHII", 1, SCALE, 12, count, 8) + bytes(4)
    Image.fromarray(photo).save(tmp_path / "in.jpg", exif=b"Exif\0\0II*\0\x08\0\0\0" + entry)
    picture = larger(open_picture(tmp_path / "in.jpg"), 2, 2)
    save_picture(picture, tmp_path / "out.jpg", FORMATS["jpg"])
    assert open_picture(tmp_path / "out.jpg").width == 106
