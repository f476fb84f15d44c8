"""The tree of errors, as it is written down and as it is."""

import re

import pytest

import upscaler
from upscaler import errors

CLASSES = {
    name: kind
    for name, kind in vars(errors).items()
    if isinstance(kind, type) and issubclass(kind, Exception)
}
LINE = re.compile(r"^    ((?:[│ ]   )*(?:[├└]── )?)(\w+) +(?:\((\d)\))? ", re.MULTILINE)


def drawn():
    """Yield name, parent and exit code of each line of the tree in the docstring."""
    above = [Exception.__name__]
    for indent, name, code in LINE.findall(errors.__doc__):
        depth = len(indent) // 4
        del above[depth + 1 :]
        yield name, above[depth], int(code) if code else None
        above.append(name)


def test_the_tree_in_the_docstring_is_that_of_the_classes():
    tree = list(drawn())
    assert [(name, parent) for name, parent, _ in tree] == [
        (name, CLASSES[name].__base__.__name__) for name, _, _ in tree
    ]
    assert {name for name, _, _ in tree} == set(CLASSES)
    for name, _, code in tree:
        assert code in (None, CLASSES[name].exit_code), name


@pytest.mark.parametrize("name", CLASSES)
def test_every_error_is_exported_and_has_the_one_root(name):
    assert getattr(upscaler, name) is CLASSES[name]
    assert name in upscaler.__all__
    assert issubclass(CLASSES[name], upscaler.UpscalerError)


def test_a_picture_that_fails_ends_a_command_with_1():
    """As it does a run of which some files failed."""
    assert errors.ImageError.exit_code == errors.PassingError.exit_code == 1
