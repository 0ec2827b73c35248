# Copyright (c) 2026, the coffer.velero authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is read out of S3's answers, of Velero's results and logs, and of its objects."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.coffer.velero.plugins.module_utils._velero.evidence_api import (
    _error_lines,
    _errors,
    _mover,
    _progress,
)

RESULTS = b'{"errors": {"velero": ["a"], "cluster": ["b"], "namespaces": {"shop": ["c", "d"]}}, "warnings": {}}'


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (RESULTS, ["a", "b", "namespace shop: c", "namespace shop: d"]),
        (b'{"errors": {}, "warnings": {"velero": ["x"]}}', []),
        (b'{"errors": null}', []),
        (b"", []),
        (b"<html>", []),
        (b"[]", []),
    ],
)
def test_errors(content: bytes, expected: list[str]) -> None:
    assert list(_errors(content)) == expected


def test_error_lines() -> None:
    """Both formats of Velero's log; the last ones count, where there are many."""
    lines = ['time="x" level=info msg="level is fine"', 'time="x" level=error msg="no"', '{"level":"fatal","msg":"no"}']
    assert list(_error_lines("\n".join(lines).encode())) == lines[1:]
    many = b"\n".join(b"level=error %d" % number for number in range(1000))
    assert list(_error_lines(many))[-1] == "level=error 999"
    assert len(list(_error_lines(many))) == 20


@pytest.mark.parametrize(
    ("item", "expected"),
    [
        ({"kind": "DataUpload", "metadata": {"name": "d"}, "status": {"phase": "Completed"}}, ""),
        ({"kind": "DataUpload", "metadata": {"name": "d"}}, "DataUpload d is New"),
        (
            {
                "kind": "DataUpload",
                "metadata": {"name": "d"},
                "status": {"phase": "Failed", "message": "Access Denied"},
            },
            "DataUpload d is Failed: Access Denied",
        ),
        ({"metadata": {"name": "d"}, "status": {"phase": "Prepared"}}, "volume d is Prepared"),
    ],
)
def test_mover(item: dict[str, Any], expected: str) -> None:
    assert _mover(item) == expected


def test_progress() -> None:
    assert _progress({"progress": {"itemsBackedUp": 3, "totalItems": 9}}) == "3 of 9 items"
    assert _progress({"progress": {"itemsRestored": 3, "totalItems": 9}}) == "3 of 9 items"
    assert _progress({"progress": {"totalItems": 9}}) == "0 of 9 items"
    assert _progress({}) == ""
