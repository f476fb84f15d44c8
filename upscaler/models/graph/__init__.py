"""What an ONNX file says of itself: its description, its weights, how far its network sees."""
