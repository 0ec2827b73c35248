# Copyright (c) 2026, the coffer.velero authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The requests of a plan by botocore's models of the services."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache
from typing import Any

import botocore.session
from botocore.validate import ParamValidator

from ansible_collections.coffer.velero.plugins.module_utils._plan import Step


@cache
def model(service: str) -> Any:
    return botocore.session.get_session().get_service_model(service)


def valid(steps: Iterable[Step]) -> list[str]:
    """The operations of the requests, each valid by the model of its service."""
    operations = []
    for step in steps:
        service, _colon, operation = step.action.partition(":")
        report = ParamValidator().validate(dict(step.arguments), model(service).operation_model(operation).input_shape)
        assert not report.has_errors(), report.generate_report()
        operations.append(operation)
    return operations
