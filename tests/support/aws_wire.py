# Copyright (c) 2026, the coffer.velero authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How AWS calls look on the wire: which operation a request is, and what an error of its service looks like."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from urllib.parse import parse_qsl, unquote
from xml.sax.saxutils import escape

from botocore.loaders import Loader

# Signing name (of the credential scope) to botocore's name, where they differ and the service is REST.
REST_SERVICES = {"s3": "s3", "s3control": "s3control", "eks": "eks"}
S3_CONTROL = "/v20180820/"  # signs as s3, on a host of its own
UNSIGNED_ACTIONS = {"AssumeRoleWithWebIdentity": "sts", "AssumeRoleWithSAML": "sts"}
UNKNOWN = "Unknown"
REQUEST_ID = "00000000-0000-0000-0000-000000000000"


@dataclass(frozen=True)
class Call:
    """One AWS API call: ``Call("s3", "GetBucketEncryption")``; the service is the signing name."""

    service: str
    operation: str


@dataclass(frozen=True)
class ErrorAnswer:
    """An error in the protocol of the service that was called."""

    status: int
    content_type: str
    body: bytes


@dataclass(frozen=True)
class _Route:
    operation: str
    method: str
    path: re.Pattern[str]
    query: frozenset[tuple[str, str]]  # fixed by the operation's URI
    required: frozenset[str]  # names that a caller must give
    headers: frozenset[str]

    def fits(self, method: str, path: str, query: Mapping[str, str], headers: frozenset[str]) -> bool:
        return (
            method == self.method
            and all(query.get(name, "-") == value for name, value in self.query)
            and self.required <= query.keys()
            and self.headers <= headers
            and self.path.fullmatch(path) is not None
        )

    @property
    def weight(self) -> tuple[int, int, int]:
        """The most particular route wins: ``?encryption`` over a bare bucket, a literal path over a variable."""
        return len(self.query), len(self.required) + len(self.headers), -self.path.groups


def identify(method: str, target: str, headers: Mapping[str, str], body: bytes) -> Call:
    """Name the call that a request makes; ``headers`` have lower-case names."""
    path, dummy, query_text = target.partition("?")
    query = dict(parse_qsl(query_text, keep_blank_values=True))
    service = _signing_name(headers, query)
    if "x-amz-target" in headers:
        return Call(service or UNKNOWN, headers["x-amz-target"].rpartition(".")[2])
    cbor = re.fullmatch(r"/service/[^/]+/operation/(\w+)", path)
    if cbor:
        return Call(service or UNKNOWN, cbor[1])
    if headers.get("content-type", "").startswith("application/x-www-form-urlencoded"):
        action = dict(parse_qsl(body.decode(errors="replace"), keep_blank_values=True)).get("Action")
        if action:
            return Call(service or UNSIGNED_ACTIONS.get(action, UNKNOWN), action)
    service = service or "s3"  # anonymous requests are S3's
    if service == "s3" and path.startswith(S3_CONTROL):
        service = "s3control"
    if service in REST_SERVICES:
        return Call(service, _rest_operation(service, method, path, query, frozenset(headers)))
    return Call(service, UNKNOWN)


def _signing_name(headers: Mapping[str, str], query: Mapping[str, str]) -> str:
    """The service in the credential scope ``KEY/DATE/REGION/SERVICE/aws4_request``, of a header or a signed URL."""
    scope = re.search(r"Credential=([^,\s]+)", headers.get("authorization", ""))
    credential = scope[1] if scope else query.get("X-Amz-Credential", "")
    parts = credential.split("/")
    return parts[-2].lower() if len(parts) >= 5 else ""


def _rest_operation(service: str, method: str, path: str, query: Mapping[str, str], headers: frozenset[str]) -> str:
    path = unquote(path)
    if service == "s3":
        path = path.rstrip("/") if path.count("/") < 3 else path
    fitting = [route for route in _routes(service) if route.fits(method, path or "/", query, headers)]
    return max(fitting, key=lambda route: route.weight).operation if fitting else UNKNOWN


@cache
def _routes(service: str) -> list[_Route]:
    """Every operation of a REST service, read from botocore's model of it."""
    model = Loader().load_service_model(REST_SERVICES[service], "service-2")
    routes = []
    for name, operation in model["operations"].items():
        if operation.get("deprecated"):  # PutBucketLifecycle, the forerunner of PutBucketLifecycleConfiguration
            continue
        shape = model["shapes"].get(operation.get("input", {}).get("shape", ""), {})
        path, dummy, query = operation["http"]["requestUri"].partition("?")
        members = [(member, shape["members"][member]) for member in shape.get("required", [])]
        routes.append(
            _Route(
                operation=name,
                method=operation["http"]["method"],
                path=_path_pattern(path),
                query=frozenset(parse_qsl(query, keep_blank_values=True)),
                required=frozenset(m["locationName"] for dummy, m in members if m.get("location") == "querystring"),
                # A copy differs from a put by nothing but this header.
                headers=frozenset(
                    m["locationName"].lower() for dummy, m in members if m.get("locationName") == "x-amz-copy-source"
                ),
            )
        )
    return routes


def _path_pattern(template: str) -> re.Pattern[str]:
    """``/{Bucket}/{Key+}`` as a pattern; ``+`` takes slashes too."""
    parts = re.split(r"(\{[^}]+\})", template)
    return re.compile(
        "".join(
            re.escape(part) if not part.startswith("{") else "(.+)" if part.endswith("+}") else "([^/]+)"
            for part in parts
        ),
        re.DOTALL,
    )


# What the services answer to a fault: code and status by protocol.
ERRORS: dict[str, dict[str, tuple[str, int]]] = {
    "throttle": {
        "json": ("ThrottlingException", 400),
        "cbor": ("ThrottlingException", 400),
        "rest-json": ("ThrottlingException", 429),
        "query": ("Throttling", 400),
        "s3": ("SlowDown", 503),
    },
    "deny": {
        "json": ("AccessDeniedException", 400),
        "cbor": ("AccessDeniedException", 400),
        "rest-json": ("AccessDeniedException", 403),
        "query": ("AccessDenied", 403),
        "s3": ("AccessDenied", 403),
    },
    "fail": {
        "json": ("InternalFailure", 500),
        "cbor": ("InternalFailure", 500),
        "rest-json": ("InternalFailure", 500),
        "query": ("InternalFailure", 500),
        "s3": ("InternalError", 500),
    },
}


def protocol(service: str, headers: Mapping[str, str]) -> str:
    """The protocol of a request, a key of the tables in ``ERRORS``."""
    if "smithy-protocol" in headers:
        return "cbor"
    if "x-amz-target" in headers:
        return "json"
    if headers.get("content-type", "").startswith("application/x-www-form-urlencoded"):
        return "query"
    return "rest-json" if service == "eks" else "s3"


def fault_answer(kind: str, call: Call, headers: Mapping[str, str], message: str) -> ErrorAnswer:
    """The answer to an injected fault, in the protocol of the request."""
    spoken = protocol(call.service, headers)
    code, status = ERRORS[kind][spoken]
    return error_answer(spoken, code, message, status)


def error_answer(spoken: str, code: str, message: str, status: int) -> ErrorAnswer:
    """An error as a service of this protocol would say it."""
    if spoken in ("json", "rest-json"):
        content_type = "application/x-amz-json-1.1" if spoken == "json" else "application/json"
        return ErrorAnswer(status, content_type, json.dumps({"__type": code, "message": message}).encode())
    if spoken == "cbor":
        pairs = b"".join(map(_cbor, ("__type", code, "message", message)))
        return ErrorAnswer(status, "application/cbor", b"\xa2" + pairs)
    inner = f"<Code>{escape(code)}</Code><Message>{escape(message)}</Message>"
    if spoken == "query":
        inner = f"<Error><Type>Sender</Type>{inner}</Error>"
    element = "ErrorResponse" if spoken == "query" else "Error"
    text = f"<{element}>{inner}<RequestId>{REQUEST_ID}</RequestId></{element}>"
    return ErrorAnswer(status, "application/xml", b'<?xml version="1.0" encoding="UTF-8"?>\n' + text.encode())


def _cbor(text: str) -> bytes:
    """A text string of less than 256 bytes in CBOR."""
    data = text.encode()[:255]
    return bytes([0x78, len(data)]) + data
