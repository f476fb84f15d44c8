"""Networks of other people, from their files of weights (.pth, .safetensors) to ONNX.

What they need, torch and spandrel, is imported in a process of its own (`convert.py`), which
`upscaler.models.conversion` starts.
"""
