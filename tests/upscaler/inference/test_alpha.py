"""Transparency: hard edges, thin lines, and a fourth channel that is data."""

import numpy as np
import pytest

from upscaler import Upscaler
from upscaler.images.alpha import keep_flat


def shapes():
    """(40, 40, 4): a square with hard edges, and a line that is one pixel wide."""
    pixels = np.zeros((40, 40, 4), np.uint8)
    pixels[6:22, 6:22] = 200, 60, 60, 255
    pixels[5:35, 30] = 20, 20, 20, 255
    return pixels


def most_around(alpha):
    """The largest value of each pixel's neighbourhood of 3 x 3."""
    padded = np.pad(alpha, 1, mode="edge")
    return np.lib.stride_tricks.sliding_window_view(padded, (3, 3)).max(axis=(2, 3))


def large(mask, scale):
    return mask.repeat(scale, axis=0).repeat(scale, axis=1)


def test_a_hard_edge_has_no_veil_outside_and_no_hole_inside(upscaler):
    pixels, scale = shapes(), upscaler.scale
    made = upscaler(pixels)[..., 3]
    outside = most_around(pixels[..., 3]) == 0
    within = most_around(255 - pixels[..., 3]) == 0
    assert within.any()
    assert made[large(outside, scale)].max() == 0
    assert made[large(within, scale)].min() == 255


def test_values_between_and_beside_an_edge_are_the_networks():
    small = np.full((6, 6, 1), 128, np.uint8)
    small[:, 3:] = 255
    made = np.full((12, 12, 1), 77, np.uint8)
    keep_flat(made, small)
    assert (made[:, :8] == 77).all() and (made[:, 8:] == 255).all()
