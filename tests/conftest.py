"""Shared by all tests: TensorFlow starts once, quietly."""

from src.quiet import import_tensorflow

import_tensorflow()
