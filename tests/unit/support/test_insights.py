# Copyright (c) 2026, the coffer.velero authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The interpreter of Logs Insights' queries, by what its documentation says."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.support.insights import MalformedQuery, execute

EVENTS: list[dict[str, Any]] = [
    {"name": "a", "user": {"arn": "x"}, "items": [{"id": "i-1"}, {"id": "i-2"}], "code": None, "n": 1},
    {"name": "b", "user": {"id": "y"}, "items": [], "code": "Denied", "n": 2, "message": "on resource: key/1"},
    {"name": "a", "code": "Denied", "n": 3},
]


def asked(query: str) -> list[dict[str, str]]:
    return execute(query, [(at, json.dumps(event)) for at, event in enumerate(EVENTS)])[0]


@pytest.mark.parametrize(
    ("condition", "numbers"),
    [
        ('name = "a"', "13"),
        ("name = 'a' # not a comment in the middle", None),
        ('name != "a"', "2"),
        ('code != "x"', "23"),  # a field that is not there is not unlike anything
        ('name in ["b", "c"]', "2"),
        ('items.0.id = "i-1"', "1"),
        ('items.1.id = "i-2" and n = 1', "1"),
        ('message like "resource: key/1"', "2"),
        ("name like /^[ab]$/", "123"),
        ("ispresent(code)", "23"),
        ("not ispresent(code)", "1"),
        ('not (name = "a" or name = "b")', ""),
        ('name = "b" or name = "a" and code = "Denied"', "23"),
        ('(name = "b" or name = "a") and not code = "Denied"', "1"),
    ],
)
def test_filter(condition: str, numbers: str | None) -> None:
    query = f"filter {condition} | fields n"
    if numbers is None:
        with pytest.raises(MalformedQuery):
            asked(query)
    else:
        assert "".join(row["n"] for row in asked(query)) == numbers


def test_stats_sort_and_limit() -> None:
    query = "stats count(*) as c, earliest(n) as first, latest(n) as last by name, code | sort c desc | limit 5"
    assert asked(query) == [
        {"name": "a", "c": "1", "first": "1", "last": "1"},  # a field without a value is not told
        {"name": "b", "code": "Denied", "c": "1", "first": "2", "last": "2"},
        {"name": "a", "code": "Denied", "c": "1", "first": "3", "last": "3"},
    ]
    assert asked("stats count(code) as c by name | sort c desc | limit 1") == [{"name": "a", "c": "1"}]
    assert asked("fields coalesce(user.arn, user.id) as who, n | sort n desc") == [
        {"n": "3"},
        {"who": "y", "n": "2"},
        {"who": "x", "n": "1"},
    ]


def test_statistics_count_what_passed_the_filters() -> None:
    events = [(at, json.dumps(event)) for at, event in enumerate(EVENTS)]
    assert execute('filter name = "a" | stats count(*) as c by name', events)[1] == 2


@pytest.mark.parametrize(
    "query",
    [
        "",
        "this is not a query",
        "parse @message",
        "filter name =",
        "stats median(n)",
        "fields upper(name)",
        "limit x",
        "| ",
    ],
)
def test_what_is_not_known_is_refused(query: str) -> None:
    with pytest.raises(MalformedQuery):
        asked(query)
