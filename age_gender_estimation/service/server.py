"""Serving the page: a port, limits, and a header that keeps the browser on this machine."""

import contextlib
import errno
import logging
import os
import socket
from collections.abc import Iterator

import gradio
from starlette.middleware import Middleware
from starlette.middleware.base import BaseHTTPMiddleware

from age_gender_estimation.errors import InputError
from age_gender_estimation.service.page import STYLE

MAX_BYTES = 20 * 2**20  # of an upload
# The browser itself refuses to load from, or send to, any other server. Gradio's scripts need the
# two "unsafe" words; images are data:, and blob: while they are pasted or photographed.
POLICY = (
    "default-src 'self' 'unsafe-inline' 'unsafe-eval' data: blob:; form-action 'self'; "
    "base-uri 'self'"
)


def check_port(host: str, port: int) -> int:
    """Returns the port if it is free, or a free one for port 0.

    Raises:
      InputError: the port is in use or not allowed, or the host is not this machine.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        with socket.create_server((host, port), family=family) as listener:
            return listener.getsockname()[1]
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            problem = f"port {port} of {host} is in use: expected a free one, see --port"
        else:
            reason = (error.strerror or str(error)).partition(" (while")[0]
            problem = f"port {port} of {host} cannot be opened: {reason}; see --host and --port"
        raise InputError(problem) from None


@contextlib.contextmanager
def serving(page: gradio.Blocks, host: str, port: int) -> Iterator[None]:
    """Serves the page, in threads, until the end of the `with`."""
    # Gradio asks itself over HTTP whether it has started.
    os.environ["no_proxy"] = "*"
    logging.getLogger("httpx").setLevel(logging.WARNING)
    page.launch(
        server_name=f"[{host}]" if ":" in host else host,
        server_port=port,
        prevent_thread_lock=True,
        quiet=True,
        share=False,
        ssr_mode=False,
        mcp_server=False,
        enable_monitoring=False,
        run_history=False,
        footer_links=[],
        max_file_size=MAX_BYTES,
        theme=gradio.themes.Default(font=["system-ui", "sans-serif"], font_mono=["monospace"]),
        css_paths=[STYLE],
        app_kwargs={
            "docs_url": None,
            "redoc_url": None,
            "middleware": [Middleware(BaseHTTPMiddleware, dispatch=_add_policy)],
        },
    )
    try:
        yield
    finally:
        page.close(verbose=False)


async def _add_policy(request, call_next):
    response = await call_next(request)
    response.headers["Content-Security-Policy"] = POLICY
    response.headers["Referrer-Policy"] = "no-referrer"
    return response
