# Copyright (c) 2026, the coffer.velero authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""docs/controls.md says what the table of controls says."""

from __future__ import annotations

import re

from ansible_collections.coffer.velero.plugins.module_utils._audit.controls import CONTROLS
from ansible_collections.coffer.velero.plugins.module_utils._audit.facts import REASONS
from tools import controls


def test_the_page_is_current() -> None:
    assert controls.PAGE.read_text() == controls.page(), "run make docs"


def test_the_page_has_every_control_and_every_reason_once() -> None:
    rows = re.findall(r"^\| `([\w.]+)` \|", controls.page(), re.MULTILINE)
    assert rows == [*(control.identifier for control in CONTROLS), *REASONS]


def test_controls_that_the_page_names_exist() -> None:
    named = re.findall(r"\b(?:coffer|CloudWatch|CloudTrail|KMS|S3|SNS)\.\d+", controls.INTRODUCTION)
    assert set(named) <= {control.identifier for control in CONTROLS}
