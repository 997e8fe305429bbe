"""The machine: processes, files, locks, signals and the device."""
