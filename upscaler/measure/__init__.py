"""The back rooms of `bench`, `eval` and `doctor`: what is measured, and how."""
