"""Make folders of small images large and sharp."""
