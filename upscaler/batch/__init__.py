"""Folders of images: what to do, doing it side by side, and remembering what is done."""
