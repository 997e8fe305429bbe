"""The harness: `from src.train import train`, `from src.runs.run import load_run`. Start reading at src/train.py."""
