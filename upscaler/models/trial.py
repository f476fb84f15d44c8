"""A model's first run, on small pictures: `python -m upscaler.models.trial PATH ALIGNMENT`.

Writes the enlarged probe to stdout, float32 (1, 3, H, W), raw.
"""

import sys

import onnxruntime as ort

from upscaler.probe import probe_image


def main(path: str, alignment: int) -> None:
    """Run the probe, and a wider one to see that the shape follows."""
    options = ort.SessionOptions()
    options.log_severity_level = 4
    session = ort.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    name = session.get_inputs()[0].name
    image = probe_image(alignment)
    wide = image.repeat(2, axis=3)
    output, wider = (session.run(None, {name: picture})[0] for picture in (image, wide))
    if wider.shape != (*output.shape[:3], 2 * output.shape[3]):
        raise ValueError(f"a picture twice as wide becomes {wider.shape} instead of {output.shape}")
    sys.stdout.buffer.write(output.astype("float32").tobytes())


if __name__ == "__main__":
    try:
        main(sys.argv[1], int(sys.argv[2]))
    except Exception as error:  # the parent shows the last line, and wants it alone
        sys.exit(" ".join(f"{type(error).__name__}: {error}".split()))
