"""Examples and their order: in memory, in files, as windows; their splits, digests and caches."""
