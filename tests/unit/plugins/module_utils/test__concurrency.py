# Copyright (c) 2026, the coffer.velero authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether what was written is still there."""

from __future__ import annotations

import pytest

from ansible_collections.coffer.velero.plugins.module_utils._concurrency import verify_write
from ansible_collections.coffer.velero.plugins.module_utils._errors import ConflictError
from ansible_collections.coffer.velero.plugins.module_utils._plan import Difference, Plan, Step

BEFORE, WRITTEN, WITH_A_RIVAL, OF_A_RIVAL = "before", "ours", "theirs ours", "theirs"


def decide(current: str) -> Plan:
    if "ours" in current:
        return Plan()
    return Plan((Step("kms:PutKeyPolicy"),), (Difference("Ours", None, "x"),))


@pytest.mark.parametrize(
    ("shown", "pauses", "moved"),
    [
        pytest.param([WRITTEN], [1], False, id="still there"),
        pytest.param([WITH_A_RIVAL], [1], False, id="beside a rival's"),
        pytest.param([OF_A_RIVAL], [1], True, id="taken back"),
        pytest.param([BEFORE, WRITTEN], [1, 1], False, id="late"),
        pytest.param([BEFORE, BEFORE, OF_A_RIVAL], [1, 1, 2], True, id="late, and taken back"),
        pytest.param([BEFORE] * 3 + [WRITTEN], [1, 1, 2, 4], False, id="as late as can be"),
        pytest.param([BEFORE] * 4, [1, 1, 2, 4], True, id="put back exactly"),
    ],
)
def test_see_through(shown: list[str], pauses: list[float], moved: bool) -> None:
    slept: list[float] = []
    answers = iter(shown)

    def look() -> None:
        verify_write(BEFORE, action="kms:PutKeyPolicy", read=lambda: next(answers), decide=decide, sleep=slept.append)

    if moved:
        with pytest.raises(ConflictError) as raised:
            look()
        assert str(raised.value) == (
            "kms:PutKeyPolicy failed: ConcurrentModification: Somebody else keeps replacing the policy, and takes back "
            "what this task puts in. Find out who, and run the task again when that has ended."
        )
    else:
        look()
    assert slept == pauses
    assert next(answers, None) is None
