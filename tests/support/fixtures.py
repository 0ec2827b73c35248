# Copyright (c) 2026, the coffer.velero authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Fixtures that put a module's test on the patched moto, with its calls counted."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from botocore.exceptions import ClientError

from ansible_collections.amazon.aws.plugins.module_utils.modules import aws_argument_spec
from ansible_collections.coffer.velero.plugins.module_utils import _aws
from tests.support.emulators import Moto
from tests.support.proxy import Proxy


@dataclass(frozen=True)
class Aws:
    """An empty account: the environment leads through ``proxy`` to ``moto``, ``client`` goes past the count."""

    moto: Moto
    proxy: Proxy

    @property
    def region(self) -> str:
        return self.moto.region

    @property
    def environment(self) -> dict[str, str]:
        """For a child process: everything it asks AWS is counted."""
        return self.moto.environment | {"AWS_ENDPOINT_URL": self.proxy.url}

    def client(self, service: str, **credentials: Any) -> Any:
        """The test's own client, to arrange and to look; its calls are not counted."""
        return self.moto.client(service, **credentials)


def refusal(call: Callable[..., Any], **arguments: Any) -> str:
    """Code of the error that a call must end in."""
    with pytest.raises(ClientError) as caught:
        call(**arguments)
    return str(caught.value.response["Error"]["Code"])


@pytest.fixture(scope="session")
def moto() -> Iterator[Moto]:
    """One patched moto for the whole session."""
    with Moto() as server:
        yield server


@pytest.fixture(scope="session")
def _proxy(moto: Moto) -> Iterator[Proxy]:
    with Proxy(moto.url) as proxy:
        yield proxy


#: The clients of all modules that have run in this process.
_CLIENTS: dict[Any, Any] = {}
_MAKE_CLIENT = _aws.Aws._client
_CONNECTION = tuple(aws_argument_spec())


def _client(self: _aws.Aws, service: str, *, once: bool) -> Any:
    options = repr([self._params.get(name) for name in _CONNECTION])
    environment = tuple(sorted(item for item in os.environ.items() if item[0].startswith("AWS_")))
    key = (service, once, self._region, options, environment)
    if key not in _CLIENTS:
        _CLIENTS[key] = _MAKE_CLIENT(self, service, once=once)
    return _CLIENTS[key]


@pytest.fixture
def clients(monkeypatch: pytest.MonkeyPatch) -> None:
    """A client is made once for all modules with the same options and environment: it takes as long as ten requests."""
    monkeypatch.setattr(_aws.Aws, "_client", _client)


@pytest.fixture
def aws(moto: Moto, _proxy: Proxy, clients: None, monkeypatch: pytest.MonkeyPatch) -> Aws:
    """An empty account, the environment set to it, nothing counted yet and no faults."""
    moto.reset()
    _proxy.reset()
    for name in ("AWS_PROFILE", "AWS_SESSION_TOKEN", "AWS_ROLE_ARN", "AWS_WEB_IDENTITY_TOKEN_FILE"):
        monkeypatch.delenv(name, raising=False)
    aws = Aws(moto, _proxy)
    for name, value in aws.environment.items():
        monkeypatch.setenv(name, value)
    return aws
