"""Runs a server that ends with whoever started it, however that one ends.

    python -I src/serving/guard.py COMMAND …

Its standard input is a pipe, whose other end the starter holds and never writes to: the system closes it when the
starter ends, also by kill -9. It imports nothing of the project, as it stays beside the server.
"""

import os
import signal
import subprocess
import sys
import threading

PATIENCE_S = 10


def main() -> int:
    """Runs the command; returns its exit code."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the starter's, which closes the pipe then
    server = subprocess.Popen(sys.argv[1:], stdin=subprocess.DEVNULL)
    threading.Thread(target=_end_with_pipe, args=[server], daemon=True).start()
    return server.wait()


def _end_with_pipe(server: subprocess.Popen) -> None:
    os.read(sys.stdin.fileno(), 1)  # not by a file object, whose lock would be held when the interpreter ends
    server.terminate()
    try:
        server.wait(PATIENCE_S)
    except subprocess.TimeoutExpired:
        server.kill()


if __name__ == "__main__":
    sys.exit(main())
