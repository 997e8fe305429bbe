"""A run as SavedModel, ONNX or LiteRT, and the proof that it answers as the trained model does."""
