"""What the tests of image files share."""

import pytest
from PIL import ImageCms


@pytest.fixture(scope="session")
def srgb():
    """An ICC profile."""
    return ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
