"""Serve a folder of exported volumes to Neuroglancer on the same machine."""

from __future__ import annotations

import argparse
import os
import re
import sys
from collections.abc import Sequence
from contextlib import suppress
from functools import partial
from http import HTTPStatus
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

from auxcpvloss.looking.handover.neuroglancer import ADDRESS, PORT, STATE, VIEWER, link
from auxcpvloss.system.printable import printable
from auxcpvloss.system.terminal import Parser

HOST = "127.0.0.1"
OWN_NAME = re.compile(r"(127\.0\.0\.1|localhost)(:\d+)?")
"""Names of this machine in its own browser; the port differs if it is forwarded."""
NOWHERE = f"{os.devnull}/nowhere"
"""A place where there can be no file."""
BAD = 2
MAX_PORT = 65_535

DESCRIPTION = """\
Serve a folder of exported volumes (test/exported/<checkpoint>/<params> of an experiment) to a browser on this machine,
and print a link for each volume. Nothing can be reached from other machines, and other web sites than the viewer
cannot read it. The volumes do not leave this machine: the viewer's page runs in the browser. Ctrl-C ends it."""


class Handler(SimpleHTTPRequestHandler):
    """Gives files, no listings, to programs on this machine and to the pages of one web site, the viewer's."""

    protocol_version = "HTTP/1.1"
    timeout = 60
    """Seconds after which a connection on which nothing comes or goes is closed."""

    def __init__(self, *args: Any, viewer: str, **options: Any) -> None:
        self._site = "{0.scheme}://{0.netloc}".format(urlsplit(viewer))
        super().__init__(*args, **options)

    def parse_request(self) -> bool:
        """Refuse what was sent here under another name: a web site that gives its own name the address 127.0.0.1."""
        if not super().parse_request():
            return False
        names = self.headers.get_all("Host", [])
        if len(names) == 1 and OWN_NAME.fullmatch(names[0]):
            return True
        self.send_error(HTTPStatus.FORBIDDEN)
        return False

    def do_OPTIONS(self) -> None:
        """Answer a preflight request: the viewer may read from this machine."""
        self.send_response(HTTPStatus.NO_CONTENT)
        self.send_header("Access-Control-Allow-Private-Network", "true")
        self.end_headers()

    def end_headers(self) -> None:
        """Add the headers that say who may read."""
        self.send_header("Access-Control-Allow-Origin", self._site)
        self.send_header("Access-Control-Allow-Headers", "*")
        self.send_header("Cache-Control", "no-cache")
        super().end_headers()

    def translate_path(self, path: str) -> str:
        """Find the file; there is none outside of the folder, where a link may lead, nor one of an impossible name.

        A folder is none, and neither is a pipe, which would wait for somebody who writes to it.
        """
        try:
            found = Path(super().translate_path(path)).resolve()
            return str(found) if found.is_relative_to(Path(self.directory).resolve()) and found.is_file() else NOWHERE
        except (OSError, ValueError):
            return NOWHERE

    def do_GET(self) -> None:
        """Send a file; a state with the address that it is served from in place of the usual one."""
        path = Path(self.translate_path(self.path))
        try:
            is_state = path.name.endswith(STATE) and path.is_file()
            text = path.read_text(encoding="utf-8") if is_state else ""
        except (OSError, ValueError):
            # The name is too long for a file, or the state cannot be read.
            self.send_error(HTTPStatus.NOT_FOUND)
            return
        if not is_state:
            super().do_GET()
            return
        content = text.replace(ADDRESS, f"http://{self.headers['Host']}/").encode()
        self.send_response(HTTPStatus.OK)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_: object) -> None:
        """Log nothing: a volume takes hundreds of requests."""


class Server(ThreadingHTTPServer):
    """Ignores clients that hang up early or stop reading, as the viewer does whenever it is moved."""

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Report what went wrong with a request, unless the client is to blame."""
        if not isinstance(sys.exception(), ConnectionError | TimeoutError):
            super().handle_error(request, client_address)


def server(folder: Path, port: int = PORT, viewer: str = VIEWER) -> ThreadingHTTPServer:
    """Make a server of a folder, which other machines cannot reach; `port` 0 takes any that is free."""
    return Server((HOST, port), partial(Handler, directory=str(folder), viewer=viewer))


def main(arguments: Sequence[str] | None = None) -> int:
    """Serve until Ctrl-C; returns the exit status."""
    args = _parser().parse_args(arguments)
    shown, states = printable(str(args.folder)), sorted(args.folder.glob(f"*{STATE}"))
    if not states:
        print(f"{shown}: contains no exported volume (*{STATE}). Run the stage export.", file=sys.stderr)
        return BAD
    try:
        serving = server(args.folder, args.port, args.viewer)
    except OSError as error:
        print(f"--port {args.port}: {error.strerror}. Choose another port.", file=sys.stderr)
        return BAD
    with serving:
        own = f"http://{HOST}:{serving.server_address[1]}/"
        print(f"serving {shown} at {own}, for this machine only; Ctrl-C stops it")
        for state in states:
            print(
                f"{printable(state.name.removesuffix(STATE))}: {link(quote(state.name), args.viewer, own)}", flush=True
            )
        with suppress(KeyboardInterrupt):
            serving.serve_forever()
    return 0


def _port(text: str) -> int:
    if not (text.isascii() and text.isdecimal() and int(text) <= MAX_PORT):
        raise argparse.ArgumentTypeError(
            f"{text!r} is not a port: expected a whole number from 0 (any free port) to {MAX_PORT}"
        )
    return int(text)


def _viewer(text: str) -> str:
    try:
        parts = urlsplit(text)
        # Parts of an invalid address may raise errors.
        is_page = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        is_page = False
    if not is_page or not text.isprintable() or " " in text:
        raise argparse.ArgumentTypeError(f"{text!r} is not the address of a web page, such as {VIEWER}")
    return text


def _parser() -> argparse.ArgumentParser:
    style = argparse.RawDescriptionHelpFormatter
    parser = Parser(prog="python -m auxcpvloss.serve", description=DESCRIPTION, formatter_class=style)
    add = parser.add_argument
    add("folder", type=Path, metavar="FOLDER", help="folder of exported volumes")
    add("--port", type=_port, metavar="PORT", default=PORT, help=f"port on this machine (default: {PORT})")
    add("--viewer", type=_viewer, metavar="URL", default=VIEWER, help=f"Neuroglancer page to use instead of {VIEWER}")
    return parser
