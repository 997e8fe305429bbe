"""What a piece of work costs: time, time of all processors together, and memory."""

import sys
import time

import psutil


class Meter:
    """Measures from when it is made."""

    def __init__(self):
        self._began = time.monotonic(), time.process_time()

    def read(self) -> dict[str, float]:
        """Seconds, processor seconds, and the most bytes of memory that this process has ever had."""
        seconds, processor = time.monotonic() - self._began[0], time.process_time() - self._began[1]
        return {"seconds": seconds, "processor_seconds": processor, "peak_bytes": _peak_bytes()}


def _peak_bytes() -> int:
    if sys.platform == "win32":
        return psutil.Process().memory_info().peak_wset
    import resource  # which Windows lacks

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024
