"""`tusou serve`: what it refuses, and how it ends."""

from __future__ import annotations

import signal
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest
from click.testing import CliRunner
from threadpoolctl import threadpool_info, threadpool_limits

from server_builder import serve_command
from tusou.cli.main import cli
from tusou.errors import LibraryNotFound, ServeError
from tusou.server.run import bind, serve

DEMO = Path(__file__).parents[2] / "demo"


def test_another_address_needs_a_word(tmp_path: Path) -> None:
    done = CliRunner().invoke(cli, ["serve", "--library", str(tmp_path), "--host", "0.0.0.0"])
    assert done.exit_code == 2
    assert "--allow-remote" in done.output
    assert "no accounts" in done.output


def test_a_remote_address_is_warned_about(tmp_path: Path) -> None:
    command = [
        "serve",
        "--library",
        str(tmp_path / "none"),
        "--host",
        "0.0.0.0",
        "--port",
        "0",
        "--allow-remote",
    ]
    done = CliRunner().invoke(cli, command)
    assert "no accounts" in done.output
    assert isinstance(done.exception, LibraryNotFound)


def test_a_missing_library_is_named(tmp_path: Path) -> None:
    done = CliRunner().invoke(cli, ["serve", "--library", str(tmp_path / "none"), "--port", "0"])
    assert isinstance(done.exception, LibraryNotFound)
    assert str(tmp_path / "none") in str(done.exception)


def test_a_port_in_use_is_named(tmp_path: Path) -> None:
    with bind("127.0.0.1", 0) as listener:
        port = str(listener.getsockname()[1])
        done = CliRunner().invoke(cli, ["serve", "--library", str(tmp_path), "--port", port])
    assert isinstance(done.exception, ServeError)
    assert port in str(done.exception)
    assert "--port" in str(done.exception)


def ingest(supplier: str, library: Path) -> None:
    command = [sys.executable, "-m", "tusou", "ingest", str(DEMO / supplier), "--supplier", supplier]
    subprocess.run([*command, "--library", str(library)], check=True, capture_output=True)


@pytest.fixture(scope="module")
def small_library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    demo = Path(__file__).parents[2] / "demo" / "mate"
    library = tmp_path_factory.mktemp("serve") / "library"
    command = [
        sys.executable,
        "-m",
        "tusou",
        "ingest",
        str(demo),
        "--supplier",
        "mate",
        "--library",
        str(library),
    ]
    subprocess.run(command, check=True, capture_output=True)
    return library


@pytest.mark.slow
@pytest.mark.parametrize("sig", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_drains_what_is_under_way(small_library: Path, sig: signal.Signals) -> None:
    """Every request that was taken is answered in full, then the process ends with 0."""
    answered: list[int] = []
    broken: list[Exception] = []
    stop = threading.Event()

    def ask() -> None:
        with httpx.Client(base_url=address, timeout=30, trust_env=False) as client:
            while not stop.is_set():
                try:
                    answered.append(client.get("/api/v1/search/images?q=flower").status_code)
                except httpx.ConnectError:
                    return  # not taken any more
                except httpx.HTTPError as error:
                    broken.append(error)
                    return

    with serve_command(small_library) as (server, address), ThreadPoolExecutor(8) as pool:
        for _ in range(8):
            pool.submit(ask)
        while len(answered) < 50:
            assert server.poll() is None
        server.send_signal(sig)
        assert server.wait(15) == 0
        stop.set()
    assert set(answered) == {200}
    # A kept connection may be closed between two requests; nothing that was being answered is cut.
    assert all(isinstance(error, httpx.RemoteProtocolError | httpx.ReadError) for error in broken)


@pytest.mark.slow
def test_a_running_server_sees_what_is_ingested(small_library: Path) -> None:
    with serve_command(small_library) as (_, address):
        client = httpx.Client(base_url=address, trust_env=False, timeout=30)
        before = client.get("/api/v1/search/images?q=sunset&supplier=mate").json()["total"]
        ingest("lomiri", small_library)
        after = client.get("/api/v1/search/images?q=sunset&supplier=lomiri").json()
        assert before > 0
        assert after["results"][0]["supplier"] == "lomiri"
        assert client.get("/readyz").json()["images"] == 33


def test_a_server_keeps_matrix_products_on_one_core(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    threads: list[int] = []

    def opened(_: Path) -> None:
        threads.extend(pool["num_threads"] for pool in threadpool_info() if pool["user_api"] == "blas")
        raise ServeError("far enough")

    monkeypatch.setattr("tusou.server.run.ServerState.open", opened)
    with threadpool_limits(limits=2, user_api="blas"), pytest.raises(ServeError, match="far enough"):
        serve(tmp_path, port=0)
    assert threads
    assert set(threads) == {1}
