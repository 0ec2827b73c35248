# Copyright (c) 2026, the coffer.velero authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The moments that a rate limiter hands out."""

from __future__ import annotations

import pytest

from ansible_collections.coffer.velero.plugins.module_utils._objects import rate_limiter


@pytest.mark.parametrize(("per_second", "pauses"), [(None, [0, 0, 0]), (100, [0, 0.01, 0.02])])
def test_moments_are_spread(monkeypatch: pytest.MonkeyPatch, per_second: float | None, pauses: list[float]) -> None:
    monkeypatch.setattr(rate_limiter, "_LATE", 0.0)
    monkeypatch.setattr(rate_limiter.time, "monotonic", lambda: 50.0)
    made = rate_limiter.RateLimiter(per_second)
    assert [made.reserve() for dummy in pauses] == pytest.approx(pauses)
