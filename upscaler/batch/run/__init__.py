"""The work itself: reading, inference and writing, side by side."""
