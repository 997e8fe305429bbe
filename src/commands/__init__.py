"""The verbs of the command line that aren't files of their own beside train.py."""
