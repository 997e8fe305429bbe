"""Fit and what stands around it: batches, plan, optimiser, callbacks, state."""
