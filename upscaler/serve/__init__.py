"""A page on this machine to start, watch and compare runs; needs the extra `web`."""
