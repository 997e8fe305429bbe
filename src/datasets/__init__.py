"""One file per data set; its name is the data set's name. It holds code, never data.

A file says INPUTS and OUTPUTS (and DOWNLOAD, where the first use fetches something), and has a function
`load(*, knobs) -> Data`. docs/contracts.md has the whole contract, digits.py is a short example.
"""
