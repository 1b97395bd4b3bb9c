"""The server of exported volumes, by real requests."""

from __future__ import annotations

import http.client
import json
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from auxcpvloss.handover.neuroglancer import ADDRESS, VIEWER
from auxcpvloss.serve import main, server


@pytest.fixture(scope="module")
def port(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    folder: Path = tmp_path_factory.mktemp("exported")
    (folder / "a.ome.zarr" / "0").mkdir(parents=True)
    (folder / "a.ome.zarr" / "0" / "0").write_bytes(b"chunk")
    (folder / "a_neuroglancer.json").write_text(json.dumps({"source": f"zarr2://{ADDRESS}a.ome.zarr/"}))
    (folder.parent / "secret").write_text("s")
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
