"""Serving the page: a port, limits, and headers that keep the browser on this machine. In: gradio Blocks. Out: it runs."""

import errno
import socket

import fastapi
import gradio
import uvicorn

from age_gender_estimation.errors import InputError
from age_gender_estimation.service.page import STYLE

MAX_BYTES = 20 * 2**20  # of an upload
# The browser itself holds us to the promise that nothing is loaded from, or sent to, anywhere else. Gradio's own scripts
# need the two "unsafe" words; pictures are data:, those being pasted or photographed blob:.
POLICY = "default-src 'self' 'unsafe-inline' 'unsafe-eval' data: blob:; form-action 'self'; base-uri 'self'"


def open_port(host, port):
    """Returns a listening socket; port 0 is any free one.

    Raises:
      InputError: the port is in use or not allowed, or the host is not this machine.
    """
    try:
        return socket.create_server(
            (host, port), family=socket.AF_INET6 if ":" in host else socket.AF_INET
        )
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            raise InputError(
                f"port {port} of {host} is in use: expected a free one, see --port"
            ) from None
        reason = error.strerror.partition(" (while")[0]
        raise InputError(
            f"port {port} of {host} cannot be opened: {reason}; see --host and --port"
        ) from None


def serve(page, listener):
    """Serves gradio Blocks on a listening socket until SIGINT or SIGTERM, which then goes on to its own handler."""
    theme = gradio.themes.Default(font=["system-ui", "sans-serif"], font_mono=["monospace"])
    app = gradio.mount_gradio_app(
        fastapi.FastAPI(docs_url=None, redoc_url=None),
        page,
        "/",
        max_file_size=MAX_BYTES,
        footer_links=[],
        run_history=False,
        ssr_mode=False,
        mcp_server=False,
        enable_monitoring=False,
        show_error=False,
        theme=theme,
        css_paths=[STYLE],
    )
    # Gradio lets clients name only files that were uploaded, but forgets it for pages that it did not launch itself.
    page.has_launched = True
    _Server(uvicorn.Config(_guarded(app), log_level="warning", timeout_graceful_shutdown=5)).run(
        sockets=[listener]
    )


class _Server(uvicorn.Server):
    async def shutdown(self, sockets=None):
        # A page that is open in a browser holds a connection for as long as it is; it must not hold up the end.
        for connection in list(self.server_state.connections):
            connection.transport.close()
        await super().shutdown(sockets)


def _guarded(app):
    """Returns an ASGI application that refuses large or unmeasured bodies unread, and adds POLICY to answers."""

    async def guarded(scope, receive, send):
        async def send_with_policy(message):
            if message["type"] == "http.response.start":
                headers = [
                    (b"content-security-policy", POLICY.encode()),
                    (b"referrer-policy", b"no-referrer"),
                ]
                message = {**message, "headers": [*message["headers"], *headers]}
            await send(message)

        headers = dict(scope.get("headers", ()))
        # With both of them the body may be longer than the number says.
        length = b"" if b"transfer-encoding" in headers else headers.get(b"content-length", b"0")
        if scope["type"] == "http" and not (length.isdigit() and int(length) <= MAX_BYTES + 2**16):
            await fastapi.Response(f"expected at most {MAX_BYTES // 2**20} MB", 413)(
                scope, receive, send
            )
        else:
            await app(scope, receive, send_with_policy)

    return guarded
