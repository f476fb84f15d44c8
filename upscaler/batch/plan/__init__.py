"""From an input folder to a list of jobs."""
