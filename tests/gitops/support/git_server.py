"""Git repositories behind smart HTTP on 127.0.0.1: `git http-backend` and just enough of CGI around it."""

from __future__ import annotations

import os
import shutil
import subprocess
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from email.parser import BytesHeaderParser
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Final

BRANCH: Final = "main"
_AUTHOR: Final = {
    f"GIT_{who}_{what}": value
    for who in ("AUTHOR", "COMMITTER")
    for what, value in (("NAME", "A developer"), ("EMAIL", "developer@example.com"))
}


@dataclass(frozen=True)
class Repository:
    """A repository with one branch, and the folder in which its next commit is prepared."""

    url: str
    folder: Path

    def commit(self, change: str) -> str:
        """Commit all that the folder has, and publish it; answers the commit's hash."""
        _git(self.folder, "add", "--all")
        _git(self.folder, "commit", "--quiet", "--message", change)
        _git(self.folder, "push", "--quiet", "origin", f"HEAD:{BRANCH}")
        return _git(self.folder, "rev-parse", "HEAD").strip()

    def write(self, files: Mapping[str, str | None]) -> str:
        """Commit files by their text; `None` removes one."""
        for name, text in files.items():
            path = self.folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            if text is None:
                path.unlink()
            else:
                path.write_text(text, encoding="utf-8")
        return self.commit(", ".join(files))

    def copy(self, source: Path, name: str) -> str:
        """Commit a copy of a folder."""
        shutil.copytree(source, self.folder / name)
        return self.commit(name)


@dataclass(frozen=True)
class GitServer:
    """What it serves is made by `repository`."""

    url: str
    root: Path

    def repository(self, name: str) -> Repository:
        """A new, empty repository."""
        bare, work = self.root / "served" / f"{name}.git", self.root / "work" / name
        _git(self.root, "init", "--quiet", "--bare", f"--initial-branch={BRANCH}", str(bare))
        _git(self.root, "init", "--quiet", f"--initial-branch={BRANCH}", str(work))
        _git(work, "remote", "add", "origin", str(bare))
        return Repository(f"{self.url}/{name}.git", work)


@contextmanager
def running_git_server(root: Path) -> Iterator[GitServer]:
    """Serve repositories that are kept below the folder."""
    (root / "served").mkdir(parents=True)
    handler = type("Handler", (_Handler,), {"root": root / "served"})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, name="git", daemon=True).start()
        try:
            yield GitServer(f"http://127.0.0.1:{server.server_port}", root)
        finally:
            server.shutdown()


class _Handler(BaseHTTPRequestHandler):
    root: Path

    def do_GET(self) -> None:
        self._serve(b"")

    def do_POST(self) -> None:
        self._serve(self.rfile.read(int(self.headers["content-length"])))

    def _serve(self, body: bytes) -> None:
        path, _, query = self.path.partition("?")
        given = {
            "GIT_PROJECT_ROOT": str(self.root),
            "GIT_HTTP_EXPORT_ALL": "1",
            "REQUEST_METHOD": self.command,
            "PATH_INFO": path,
            "QUERY_STRING": query,
            "CONTENT_TYPE": self.headers.get("content-type", ""),
            "HTTP_CONTENT_ENCODING": self.headers.get("content-encoding", ""),
            "GIT_PROTOCOL": self.headers.get("git-protocol", ""),
        }
        answer = subprocess.run(
            ["git", "http-backend"], input=body, env={**_environment(), **given}, capture_output=True, check=True
        )
        head, _, content = answer.stdout.partition(b"\r\n\r\n")
        headers = BytesHeaderParser().parsebytes(head)
        self.send_response(int(headers.get("status", "200").split()[0]))
        for name, value in headers.items():
            if name.lower() != "status":
                self.send_header(name, value)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_: object) -> None:
        """Requests are not logged."""


def _environment() -> dict[str, str]:
    """Nothing of the person's own git settings."""
    return {"PATH": os.environ.get("PATH", os.defpath), "GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1"}


def _git(folder: Path, *arguments: str) -> str:
    done = subprocess.run(
        ["git", *arguments], cwd=folder, env={**_environment(), **_AUTHOR}, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, f"git {' '.join(arguments)}: {done.stderr}"
    return done.stdout
