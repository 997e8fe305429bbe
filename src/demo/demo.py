"""Demo: a trained model in the browser of this machine, asked by its export's own signatures."""

import os
import sys
import tempfile
import time
import webbrowser
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path

from starlette.middleware import Middleware
from starlette.middleware.trustedhost import TrustedHostMiddleware

from src.errors import UserError
from src.serving.serve import ALL, check_free, chosen, newest
from src.system import screen
from src.system.program import PYTHON

HOST = "127.0.0.1"  # nobody else's: there is no password
CLOSED = {  # what Gradio would tell others, or ask them
    "GRADIO_ANALYTICS_ENABLED": "False",
    "GRADIO_SHARE": "False",
    "HF_HUB_DISABLE_TELEMETRY": "1",
    "HF_HUB_OFFLINE": "1",
}
# A page may not load anything from elsewhere, whatever it holds.
POLICY = (
    '<meta http-equiv="Content-Security-Policy" '
    "content=\"default-src 'self' 'unsafe-inline' 'unsafe-eval' data: blob:\">"
)


def demo(*, model: str = "", port: int = 7860, exports_dir: str = "saved_models") -> None:
    """Shows a page to try an export, until Ctrl-C.

    Args:
        model: name of an export, or of a model to show its newest export.
        port: of the page's address.
        exports_dir: folder of the SavedModels.

    Raises:
        UserError: where there is no such export, or no Gradio.
    """
    if not find_spec("gradio"):
        install = f"{PYTHON} -m pip install --require-hashes -r requirements-demo.txt"
        raise UserError(f"The page needs Gradio, which isn't installed: make setup EXTRA=demo, or {install}")
    if model == ALL:
        raise UserError("A page shows one export: MODEL=NAME.")
    ((name, folder),) = chosen(Path(exports_dir), model).items()
    if not 0 < port < 65536:
        raise UserError(f"port has to be 1 to 65535, not {port}.")
    check_free(HOST, [port])
    with tempfile.TemporaryDirectory(prefix="demo-") as uploads:
        _close(uploads)
        with screen.waiting(f"{name}: loading"):
            stop = start(newest(folder) or folder, port)
        try:
            screen.show(f"{name} is at http://{HOST}:{port}, for this machine alone. Press Ctrl-C to stop.")
            if sys.stdout.isatty():
                webbrowser.open(f"http://{HOST}:{port}")
            while True:
                time.sleep(3600)
        except KeyboardInterrupt:
            screen.show("\nstopped")
        finally:
            stop()


def _close(uploads: str) -> None:
    """Sees to it that Gradio, which reads this when it is imported, tells nobody, and leaves no uploads behind."""
    direct = ",".join(filter(None, [os.environ.get("NO_PROXY", ""), HOST]))
    os.environ.update(CLOSED, GRADIO_TEMP_DIR=uploads, NO_PROXY=direct, no_proxy=direct)


def start(version: Path, port: int) -> Callable[[], None]:
    """Starts the page in a thread; returns what stops it."""
    from src.system.quiet import import_tensorflow

    import_tensorflow()
    from src.demo.exported import Exported
    from src.demo.page import STYLE, THEME, page_of

    page = page_of(Exported(version))
    page.launch(
        server_name=HOST,
        server_port=port,
        share=False,
        quiet=True,
        prevent_thread_lock=True,
        ssr_mode=False,
        run_history=False,
        footer_links=[],
        app_kwargs={"middleware": [Middleware(TrustedHostMiddleware, allowed_hosts=[HOST, "localhost"])]},
        head=POLICY,
        theme=THEME,
        css=STYLE,
    )
    return lambda: page.close(verbose=False)
