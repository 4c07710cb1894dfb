"""What a resumed run takes over from its record."""

from __future__ import annotations

from henkan.runs.record import as_record, kept


def test_a_resumed_run_keeps_what_it_is_known_by_and_forgets_how_it_ended() -> None:
    then = {"nonce": "ab12cd", "created": "2026-01-01", "seconds": 3.5, "status": "failed", "error": "x", "seed": 1}
    assert kept(as_record(then)) == {"nonce": "ab12cd", "created": "2026-01-01", "seconds": 3.5}
    prefix = {"iteration": 6, "identity": "f" * 64}
    assert kept(as_record({"prefix": prefix, "warnings": ["w"]})) == {"prefix": prefix, "warnings": ["w"]}
    assert kept({}) == {}
