"""The networks that are trained: the family that is shipped, and those of the seed report."""
