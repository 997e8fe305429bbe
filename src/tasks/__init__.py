"""One file per task: what is learnt from the prediction and the target, how it is measured, and what is answered.

A file says SPEC, the kind of output that it serves, and has a function `adapt(outputs, train)` and a class
`Task(outputs, *, knobs)`. docs/contracts.md has the whole contract.
"""
