"""Export of trained networks to files that any machine can run, and the proof of them."""

import upscaler  # noqa: F401 - before onnxruntime, whose telemetry it turns off
