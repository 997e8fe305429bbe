"""From names, files and flags to values: what is trained, and every knob's value."""
