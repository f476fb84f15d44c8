"""What an output folder remembers from one run to the next."""
