"""One file per architecture; its name is the model's name.

A file says TAKES, GIVES and DATA, and has a pure function `build(inputs, outputs, *, knobs) -> keras.Model` from
features to prediction. docs/contracts.md has the whole contract, mlp.py is a short example.
"""
