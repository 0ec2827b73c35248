# Copyright (c) 2026, the coffer.velero authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a decision says where it refuses, as ``run.refused`` does for a module."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from ansible_collections.coffer.velero.plugins.module_utils._errors import ValidationError


def refusal(
    call: Callable[..., Any], /, *arguments: Any, error: type[Exception] = ValidationError, **options: Any
) -> str:
    """The text of the error that a call must end in."""
    with pytest.raises(error) as refused:
        call(*arguments, **options)
    return str(refused.value)
