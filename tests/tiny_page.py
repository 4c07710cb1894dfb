"""The page's server with untrained networks, and requests as the page sends them."""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Sequence
from functools import cache
from typing import Any

import numpy as np
from omegaconf import DictConfig, OmegaConf
from PIL import Image

from henkan.config.composition import compose_root
from henkan.serve.answers import BODY, Answer, Answers, Request
from henkan.serve.choices import Shelf, choices, shared_by_all

HEADERS = {"host": "127.0.0.1:7860", "content-type": BODY}


def page(*words: str) -> Answers:
    """Return what answers, as `henkan serve` with these overrides has it; groups go to what is loaded alone."""
    given, shelf = [*words, "trainer.accelerator=cpu"], Shelf(12)
    plain = [word for word in given if not word.startswith(("generator=", "task="))]
    cfg = OmegaConf.merge(composed(), OmegaConf.from_dotlist(plain))
    assert isinstance(cfg, DictConfig)
    return Answers(cfg, choices(cfg, given, shelf), shelf, shared_by_all(given))


@cache
def composed() -> DictConfig:
    return compose_root("serve", [])


def png(pixels: np.ndarray) -> bytes:
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "PNG")
    return file.getvalue()


def body(facts: dict[str, Any], files: dict[str, bytes]) -> bytes:
    sizes = {name: len(content) for name, content in files.items()}
    return b"".join((json.dumps({**facts, "sizes": sizes}).encode(), b"\n", *files.values()))


def post(
    answers: Answers,
    path: str,
    content: bytes,
    gone: Callable[[], bool] = lambda: False,
    **headers: str,
) -> Answer:
    more = {name.replace("_", "-"): value for name, value in headers.items()}
    return answers(Request("POST", path, {**HEADERS, **more}, len(content), lambda: content, gone))


def get(answers: Answers, path: str, **headers: str) -> Answer:
    return answers(Request("GET", path, {"host": "localhost:1", **headers}))


def pixels(answer: Answer) -> np.ndarray:
    assert answer.status == 200, answer.body
    return np.asarray(Image.open(io.BytesIO(answer.body)))


def line(answer: Answer) -> tuple[int, str]:
    """Return the status of an answer that says what was wrong, and that, which is one line."""
    found: str = json.loads(answer.body)["error"]
    assert "\n" not in found
    return answer.status, found


def noise(shape: Sequence[int]) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, shape, np.uint8)
