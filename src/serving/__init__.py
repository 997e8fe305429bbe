"""Serving an export: TensorFlow Serving, or a server on this machine that answers as it does."""
