"""A stand-in for W&B's server on loopback: it answers what `wandb sync` and online runs ask, and keeps what comes."""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import unquote

ENTITY = "me"


class Server(ThreadingHTTPServer):
    """What was asked and stored: operations in order, the rows of runs' histories, and files by name."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.asked: list[tuple[str, dict[str, Any]]] = []
        self.history: list[dict[str, Any]] = []
        self.stored: dict[str, bytes] = {}

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"

    def variables(self, operation: str) -> list[dict[str, Any]]:
        return [variables for name, variables in self.asked if name == operation]

    def answer(self, name: str, said: dict[str, Any]) -> dict[str, Any]:
        """Return the data that a GraphQL operation gets; of one that is not known here, none."""

        def place(file: str) -> str:
            return f"{self.address}/store/{file}"

        project = {"id": "p", "name": said.get("project"), "entity": {"id": "e", "name": ENTITY}}
        bucket = {"id": "b", "name": said.get("name"), "project": project, "config": "{}", "historyLineCount": 0}
        artifact = {"id": "a", "state": "PENDING", "artifactSequence": {"latestArtifact": None}}
        specs = (said.get("input") or {}).get("artifactFiles", [])
        files = [{"node": {"uploadUrl": place(one["name"]), "artifact": {"id": "a"}}} for one in specs]
        manifest = {"id": "m", "file": {"id": "f", "uploadUrl": place("manifest"), "uploadHeaders": []}}
        run_files = [{"name": file, "uploadUrl": place(file)} for file in said.get("files", [])]
        viewer = {"id": "u", "entity": ENTITY, "username": ENTITY, "flags": "{}"}
        kind = str(said.get("type"))
        view = {"id": f"v-{kind}", "name": said.get("name"), "spec": said.get("spec") or "{}"}
        known: dict[str, dict[str, Any]] = {
            "GetProjects": {"models": {"edges": [], "pageInfo": {"endCursor": None, "hasNextPage": False}}},
            "UpsertView2": {"upsertView": {"view": view, "inserted": True}},
            "upsertView": {"upsertView": {"view": view, "inserted": True}},
            "Viewer": {"viewer": viewer},
            "GetDefaultEntity": {"viewer": viewer},
            "ServerFeaturesQuery": {"serverInfo": {"features": []}},
            "UpsertBucket": {"upsertBucket": {"bucket": bucket, "inserted": True}},
            "CreateArtifact": {"createArtifact": {"artifact": artifact}},
            "CreateArtifactManifest": {"createArtifactManifest": {"artifactManifest": manifest}},
            "CreateArtifactFiles": {"createArtifactFiles": {"files": {"edges": files}}},
            "CommitArtifact": {"commitArtifact": {"artifact": {"id": "a", "digest": "d"}}},
            "UseArtifact": {"useArtifact": {"artifact": {"id": "a", "digest": "d"}}},
            "ArtifactType": {"project": None},
            "RunResumeStatus": {"model": None},
            "CreateRunFiles": {"createRunFiles": {"runID": "b", "uploadHeaders": [], "files": run_files}},
        }
        return known.get(name, {})


class Handler(BaseHTTPRequestHandler):
    server: Server

    def log_message(self, *_: Any) -> None:
        pass

    def do_GET(self) -> None:
        self.reply({})

    def do_PUT(self) -> None:
        self.server.stored[unquote(self.path).removeprefix("/store/")] = self.content()
        self.reply({})

    def do_POST(self) -> None:
        content = self.content()
        if self.path == "/graphql":
            said = json.loads(content)
            match = re.search(r"(?:query|mutation)\s+(\w+)", said["query"])
            name, variables = match[1] if match else "", said.get("variables") or {}
            self.server.asked.append((name, variables))
            self.reply({"data": self.server.answer(name, variables)})
        else:
            if self.path.endswith("/file_stream"):
                rows = json.loads(content).get("files", {}).get("wandb-history.jsonl", {}).get("content", [])
                self.server.history += map(json.loads, rows)
            self.reply({})

    def content(self) -> bytes:
        return self.rfile.read(int(self.headers.get("Content-Length") or 0))

    def reply(self, data: Any) -> None:
        body = json.dumps(data).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


@contextmanager
def stand_in() -> Iterator[Server]:
    with Server() as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield server
        server.shutdown()
        thread.join()
