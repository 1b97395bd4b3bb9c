"""The server of exported volumes, by real requests."""

import http.client
import json
import os
import socket
import struct
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from auxcpvloss.looking.handover.neuroglancer import ADDRESS, VIEWER
from auxcpvloss.looking.handover.serve import Handler, main, server

LARGE = 20_000_000
"""Bytes, more than there is room for between server and client."""


@pytest.fixture(scope="module")
def port(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    folder: Path = tmp_path_factory.mktemp("exported")
    (folder / "a.ome.zarr" / "0").mkdir(parents=True)
    (folder / "a.ome.zarr" / "0" / "0").write_bytes(b"chunk")
    (folder / "a_neuroglancer.json").write_text(json.dumps({"source": f"zarr2://{ADDRESS}a.ome.zarr/"}))
    (folder.parent / "secret").write_text("s")
    (folder / "latin_neuroglancer.json").write_bytes(b'{"a": "\xe9"}')
    (folder / "large").write_bytes(bytes(LARGE))
    (folder / "folder").mkdir()
    for pipe in ("pipe", "pipe_neuroglancer.json", "folder/index.html", "outside"):
        os.mkfifo(folder / pipe)
    (folder / "link").symlink_to(folder.parent / "secret")
    with server(folder, port=0) as serving:
        thread = threading.Thread(target=serving.serve_forever)
        thread.start()
        yield serving.server_address[1]
        serving.shutdown()
        thread.join()


def ask(port: int, path: str, method: str = "GET", host: str | None = None) -> tuple[int, dict[str, str], bytes]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    connection.request(method, path, headers={"Host": host or f"127.0.0.1:{port}"})
    answer = connection.getresponse()
    content = answer.read()
    connection.close()
    return answer.status, dict(answer.headers), content


def test_files_are_given_to_the_viewer_and_to_no_other_site(port):
    status, headers, content = ask(port, "/a.ome.zarr/0/0")
    assert (status, content) == (200, b"chunk")
    assert headers["Access-Control-Allow-Origin"] == VIEWER.rstrip("/")
    status, headers, _ = ask(port, "/a.ome.zarr/0/0", "OPTIONS")
    assert (status, headers["Access-Control-Allow-Private-Network"]) == (204, "true")
    # Neuroglancer asks for what another version of the format would have.
    status, headers, _ = ask(port, "/a.ome.zarr/zarr.json")
    assert status == 404
    assert "Access-Control-Allow-Origin" in headers


def test_a_state_names_the_port_that_it_is_served_from(port):
    status, headers, content = ask(port, "/a_neuroglancer.json")
    assert (status, headers["Content-Type"]) == (200, "application/json")
    assert json.loads(content)["source"] == f"zarr2://http://127.0.0.1:{port}/a.ome.zarr/"


@pytest.mark.parametrize("path", ["/link", "/../secret", "/%2e%2e/secret", "/", "/a.ome.zarr/", "/none_neuroglancer.json"])  # fmt: skip
def test_nothing_else_is_given(port, path):
    assert ask(port, path)[0] == 404


@pytest.mark.parametrize("path", ["/pipe", "/pipe/", "/a.ome.zarr/0", "/pipe_neuroglancer.json", "/folder/"])
def test_a_pipe_or_a_folder_is_no_file(port, path):
    assert ask(port, path)[0] == 404
    assert ask(port, path, "HEAD")[0] == 404


def test_two_names_of_a_host_are_refused(port):
    for names in (["localhost", "evil.example"], ["evil.example", "localhost"], ["localhost", "localhost"]):
        hosts = "".join(f"Host: {name}\r\n" for name in names)
        with socket.create_connection(("127.0.0.1", port), timeout=10) as client:
            client.sendall(f"GET /a.ome.zarr/0/0 HTTP/1.1\r\n{hosts}\r\n".encode())
            assert client.recv(100).startswith(b"HTTP/1.1 403")


@pytest.mark.parametrize("begun", [b"", b"GET /a.ome", b"GET /a.ome.zarr/0/0 HTTP/1.1\r\nHost: local"])
def test_a_connection_on_which_nothing_comes_is_closed(port, monkeypatch, capfd, begun):
    monkeypatch.setattr(Handler, "timeout", 0.2)
    with socket.create_connection(("127.0.0.1", port), timeout=10) as client:
        client.sendall(begun)
        assert client.recv(100) == b""
    assert capfd.readouterr().err == ""


def test_who_stops_reading_is_hung_up_on(port, monkeypatch, capfd):
    monkeypatch.setattr(Handler, "timeout", 0.2)
    with socket.create_connection(("127.0.0.1", port), timeout=10) as client:
        client.sendall(b"GET /large HTTP/1.1\r\nHost: localhost\r\n\r\n")
        time.sleep(1)
        received = 0
        while part := client.recv(2**20):
            received += len(part)
    assert received < LARGE
    assert capfd.readouterr().err == ""


@pytest.mark.parametrize("path", ["/%00", "/%00_neuroglancer.json", f"/{'a' * 300}_neuroglancer.json", f"/{'a' * 300}", "/latin_neuroglancer.json"])  # fmt: skip
def test_what_no_file_is_called_or_cannot_be_read_is_not_there(port, path, capfd):
    assert ask(port, path)[0] == 404
    if "latin" not in path:
        assert ask(port, path, "HEAD")[0] == 404
    assert capfd.readouterr().err == ""


def test_who_goes_away_during_a_transfer_is_not_told_of(tmp_path, capfd):
    (tmp_path / "large").write_bytes(bytes(LARGE))
    with server(tmp_path, port=0) as serving:
        # So that leaving the block waits for the request.
        serving.daemon_threads = False
        thread = threading.Thread(target=serving.handle_request)
        thread.start()
        with socket.create_connection(serving.server_address) as client:
            # Hung up at once: what is still on its way is refused.
            client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            client.sendall(b"GET /large HTTP/1.1\r\nHost: localhost\r\n\r\n")
            assert client.recv(100).startswith(b"HTTP/1.1 200")
        thread.join()
    assert capfd.readouterr().err == ""


def test_other_mistakes_in_a_request_are_told(tmp_path, capfd):
    with server(tmp_path, port=0) as serving:
        try:
            raise RuntimeError("a mistake of ours")
        except RuntimeError:
            serving.handle_error(None, ("127.0.0.1", 1))
    assert "a mistake of ours" in capfd.readouterr().err


WRONG = {
    "--port": ["70000", "-1", "x", "1.5", ""],
    "--viewer": ["nonsense", "", "ftp://a.b/", "https://", "https://:80/", "http://[", "http://a:b/", "http://a b/"],
}


@pytest.mark.parametrize(("option", "value"), [(option, value) for option, values in WRONG.items() for value in values])
def test_a_port_or_viewer_that_is_none_is_refused(option, value, tmp_path, capsys):
    (tmp_path / "a_neuroglancer.json").write_text("{}")
    with pytest.raises(SystemExit) as done:
        main([str(tmp_path), f"{option}={value}"])
    assert done.value.code == 2
    error = capsys.readouterr().err
    assert f"argument {option}: {value!r} is no" in error
    assert "Traceback" not in error


@pytest.mark.parametrize("host", ["evil.example", "evil.example:80", "[", ""])
def test_a_site_that_pretends_to_be_this_machine_is_refused(port, host):
    assert ask(port, "/a.ome.zarr/0/0", host=host or " ")[0] in (400, 403)


def test_only_this_machine_is_listened_to(tmp_path):
    with server(tmp_path, port=0) as serving:
        assert serving.server_address[0] == "127.0.0.1"


def test_what_cannot_be_served_is_said(tmp_path, capsys):
    assert main([str(tmp_path)]) == 2
    assert "no exported volume" in capsys.readouterr().err
    (tmp_path / "a_neuroglancer.json").write_text("{}")
    with server(tmp_path, port=0) as serving:
        assert main([str(tmp_path), "--port", str(serving.server_address[1])]) == 2
    assert "Choose another port" in capsys.readouterr().err
