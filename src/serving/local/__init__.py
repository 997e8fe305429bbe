"""A server on this machine that answers as TensorFlow Serving does."""
