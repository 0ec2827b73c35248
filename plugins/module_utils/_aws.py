# Copyright (c) 2026, the coffer.velero authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The one door to AWS: session, clients, retries, errors. PRIVATE to coffer.velero."""

from __future__ import annotations

import contextlib
import functools
import os
import re
import time
import typing as t
from collections.abc import Iterable, Iterator, Mapping

from ._argspec import ArgumentSpec, Options
from ._arn import partition_of
from ._connection_errors import (
    MINIMUM_BOTO3,
    no_region,
    refuse_half_of_a_key,
    refuse_prompt,
    request_error,
    unusable_connection,
)
from ._errors import CofferError, ConflictError, ServiceError, ValidationError
from ._plan import Plan, Step, outputs_of, record_write, resolve

try:
    from ansible_collections.amazon.aws.plugins.module_utils.botocore import get_aws_connection_info
    from ansible_collections.amazon.aws.plugins.module_utils.modules import aws_argument_spec

    _MISSING_COLLECTION = None
except ImportError:  # said by the controller, in a sentence
    aws_argument_spec = dict
    _MISSING_COLLECTION = "amazon.aws"

try:
    import botocore.session
    from botocore import xform_name
    from botocore.config import Config
    from botocore.exceptions import (
        BotoCoreError,
        ClientError,
        ConnectionClosedError,
        HTTPClientError,
        NoCredentialsError,
    )
    from botocore.hooks import HierarchicalEmitter
    from botocore.httpsession import get_cert_path
    from botocore.loaders import Loader, create_loader
    from botocore.parsers import ResponseParserError

    class _Loader(Loader):
        """Goes by names where botocore looks into the directories of four hundred services for one model."""

        def list_available_services(self, type_name: str) -> list[str]:
            return [name for path in self.search_paths if os.path.isdir(path) for name in os.listdir(path)]

    _PATHS = create_loader(os.environ.get("AWS_DATA_PATH")).search_paths
    #: Service models are megabytes of JSON: read once a process, whatever the number of sessions.
    _LOADER: t.Any = _Loader(_PATHS, include_default_search_paths=False)
    HAS_BOTO3 = True
except ImportError:  # said in Aws.__init__, in a sentence
    HAS_BOTO3 = False

#: A create answered this way has a concurrent writer, or was repeated by the SDK after its answer got lost.
_MOVED_CODES = frozenset(
    {
        "AlreadyExistsException",
        "BucketAlreadyOwnedByYou",
        "ConcurrentModification",
        "ConcurrentModificationException",
        "EntityAlreadyExists",
        "OperationAborted",
    }
)
_THROTTLED_CODES = frozenset(
    {"Throttling", "ThrottlingException", "RequestLimitExceeded", "SlowDown", "TooManyRequests"}
)
_DENIED_CODES = frozenset(
    {"AccessDenied", "AccessDeniedException", "AuthorizationError", "UnauthorizedOperation", "403"}
)
#: Where IAM's name of a permission is not that of the request.
_PERMISSIONS = {
    "resourcegroupstaggingapi:GetResources": "tag:GetResources",
    "s3:HeadBucket": "s3:ListBucket",
    "s3:GetBucketEncryption": "s3:GetEncryptionConfiguration",
    "s3:PutBucketEncryption": "s3:PutEncryptionConfiguration",
    "s3:GetBucketLifecycleConfiguration": "s3:GetLifecycleConfiguration",
    "s3:GetObjectLockConfiguration": "s3:GetBucketObjectLockConfiguration",
    "s3:GetPublicAccessBlock": "s3:GetBucketPublicAccessBlock",
    "s3control:GetPublicAccessBlock": "s3:GetAccountPublicAccessBlock",
    "s3:HeadObject": "s3:GetObject",
    "s3:ListMultipartUploads": "s3:ListBucketMultipartUploads",
    "s3:ListObjectVersions": "s3:ListBucketVersions",
    "s3:ListObjectsV2": "s3:ListBucket",
    "s3:PutPublicAccessBlock": "s3:PutBucketPublicAccessBlock",
    "s3:DeleteBucketTagging": "s3:PutBucketTagging",
}


def aws_spec(options: Options, **constraints: t.Any) -> ArgumentSpec:
    """An argument spec with the connection options of ``amazon.aws``."""
    options = {**aws_argument_spec(), **options}
    return ArgumentSpec(options, missing_collection=_MISSING_COLLECTION, **constraints)


class Aws:
    """AWS, as the options of a task reach it.

    :param params: the validated options; only the connection options of ``amazon.aws`` are read
    """

    def __init__(self, params: Mapping[str, t.Any]) -> None:
        if not HAS_BOTO3:
            remediation = f"Install boto3 >= {MINIMUM_BOTO3}."
            raise ValidationError("boto3", "it", "is not installed for this Python", remediation)
        self._params = params
        self._clients: dict[tuple[str, bool], t.Any] = {}
        try:
            self._region, self._endpoint, connection = get_aws_connection_info(_Connection(params))
            self._connection = dict(connection)
            self._session: t.Any = _session(self._connection.pop("profile_name", None), self._region)
            names = ("aws_access_key_id", "aws_secret_access_key", "aws_session_token")
            if any(keys := [self._connection.pop(name) for name in names]):
                refuse_half_of_a_key(*keys)
                self._session.set_credentials(*keys)
        except CofferError:
            raise
        except Exception as error:  # whatever a configuration file or a value of aws_config can raise
            raise unusable_connection(params, error) from error
        if self._region and not self._endpoint:  # another server than AWS may call its Regions as it likes
            partition_of(self._region)
        self.credentials()  # said before anything else, and not by the first request

    @property
    def region(self) -> str:
        """The Region that the task works in.

        :raises CofferError: where none is set
        """
        if not self._region:
            raise no_region()
        return str(self._region)

    @property
    def partition(self) -> str:
        """The partition of the Region.

        :raises ValidationError: where boto3 does not know the Region
        """
        return partition_of(self.region)

    def for_region(self, region: str) -> Aws:
        """The same, in another Region."""
        return self if region == self.region else Aws({**self._params, "region": region})

    def supports_member(self, service: str, shape: str, member: str) -> bool:
        """Whether this boto3 can send and read a member: it drops the ones that it does not know."""
        return member in self._client(service, once=False).meta.service_model.shape_for(shape).members

    def _client(self, service: str, *, once: bool) -> t.Any:
        if (service, once) not in self._clients:
            connection = dict(self._connection)
            try:
                config = _config(int(os.environ.get("AWS_MAX_ATTEMPTS", 10)))
                config = config.merge(connection.pop("aws_config", None) or Config())
                if once:
                    config = config.merge(_config(1))
                self._clients[service, once] = self._session.create_client(
                    service, endpoint_url=self._endpoint, config=config, **connection
                )
                self._clients[service, once].meta.events.register("before-parse", _refuse_other_answer)
            except Exception as error:
                raise unusable_connection(self._params, error) from error
        return self._clients[service, once]

    def call(self, action: str, *, once: bool = False, **arguments: t.Any) -> dict[str, t.Any]:
        """Send one request.

        :param action: service and operation, ``kms:DescribeKey``
        :param once: never let the SDK repeat it, for a create that is not idempotent
        :raises ServiceError: where AWS refuses it or cannot be reached
        """
        service, operation = action.split(":")
        client = self._client(service, once=once)
        method = getattr(client, xform_name(operation), None)
        if method is None:
            message = f"this boto3 does not know it; install boto3 >= {MINIMUM_BOTO3}"
            raise ServiceError(action, "UnknownOperation", message)
        try:
            return t.cast("dict[str, t.Any]", method(**arguments))
        except Exception as error:
            raise self._translated(action, error) from error

    def capture_request(self, action: str, **arguments: t.Any) -> SentRequest:
        """Send one request, and tell how it was sent: after redirects, with the endpoint that botocore has found."""
        service, operation = action.split(":")
        client = self._client(service, once=False)
        requests: list[t.Any] = []

        def note(request: t.Any, **_details: t.Any) -> None:
            requests.append(request)

        client.meta.events.register(f"before-send.{service}.{operation}", note)
        try:
            self.call(action, **arguments)
        finally:
            client.meta.events.unregister(f"before-send.{service}.{operation}", note)
        url, headers = requests[-1].url, requests[-1].headers
        try:
            http = client._endpoint.http_session
            plain = not http._proxy_config.proxy_url_for(url) and not http._cert_file
            certificates = get_cert_path(http._verify) or None
        except AttributeError:  # another botocore than the known ones
            plain, certificates = False, None
        texts = {str(name).lower(): _text(value) for name, value in headers.items()}
        return SentRequest(url, texts, plain, certificates)

    def credentials(self) -> tuple[str, str, str | None]:
        """Access key, secret key and session token of this moment; refreshed before they expire, where they can be."""
        try:
            frozen = self._found_credentials().get_frozen_credentials()
        except Exception as error:
            raise self._translated("sts:AssumeRole", error, signs=True) from error
        return frozen.access_key, frozen.secret_key, frozen.token

    def _found_credentials(self) -> t.Any:
        provider = self._session.get_component("credential_provider").get_provider("assume-role")
        provider._prompter = refuse_prompt  # else it asks the terminal, which a worker of the controller has not
        found = self._session.get_credentials()
        if found is None:
            raise NoCredentialsError
        return found

    def _translated(self, action: str, error: Exception, *, signs: bool = False) -> CofferError:
        """What an exception that comes out of botocore means.

        :param signs: whether it was about credentials, and not about the request itself
        """
        if isinstance(error, ClientError):
            return _service_error(f"sts:{error.operation_name}" if signs else action, error)
        profile = self._session.get_config_variable("profile")
        service = action.partition(":")[0]
        place = self._endpoint or (f"{service} in {self._region}" if self._region else service)
        return request_error(action, error, place=place, profile=profile, signs=signs)

    def call_or_none(self, action: str, *missing: str, **arguments: t.Any) -> dict[str, t.Any] | None:
        """Like :meth:`call`, and ``None`` where AWS answers with one of the ``missing`` error codes."""
        try:
            return self.call(action, **arguments)
        except ServiceError as error:
            if error.code in missing:
                return None
            raise

    def pages(self, action: str, member: str, **arguments: t.Any) -> Iterable[t.Any]:
        """Every entry of a paged list."""
        service, operation = action.split(":")
        paginator = self._client(service, once=False).get_paginator(xform_name(operation))
        pages = iter(paginator.paginate(**arguments))
        while True:
            try:
                page = next(pages, None)
            except Exception as error:
                raise self._translated(action, error) from error
            if page is None:
                return
            yield from page.get(member, ())

    def create_non_idempotent(self, action: str, **arguments: t.Any) -> dict[str, t.Any]:
        """Send a create that has no idempotency token of its own.

        Throttled requests were not carried out and are repeated here.

        :raises ConflictError: where the answer was lost, so that nobody knows whether it was created
        """
        for attempt in range(8):
            try:
                return self.call(action, once=True, **arguments)
            except ServiceError as error:
                if error.code in _THROTTLED_CODES and attempt < 7:
                    time.sleep(min(0.2 * 2**attempt, 10))
                    continue
                if _is_open(error):
                    raise ConflictError(error) from error
                raise
        raise AssertionError("unreachable")

    def replace(self, plan: Plan) -> None:
        """Carry out a plan that replaces a document which others replace too.

        A request that failed is not repeated: the document that it was made from may be outdated by then.

        :raises ConflictError: where it should be read again
        """
        for step in plan.steps:
            try:
                with _recorded(step):
                    self.call(step.action, once=True, **step.arguments)
            except ServiceError as error:
                if error.code in _MOVED_CODES | _THROTTLED_CODES or _is_open(error):
                    raise ConflictError(error) from error
                raise

    def apply(
        self, plan: Plan, *, creates: frozenset[str] = frozenset(), conflicts: frozenset[str] = frozenset()
    ) -> dict[str, t.Any]:
        """Carry out a plan's steps in order.

        :param creates: the actions that AWS would carry out twice if they were sent twice
        :param conflicts: the service's own error codes for what was deleted or is being changed meanwhile
        :returns: what the steps bind
        :raises ConflictError: where a concurrent writer was faster
        """
        outputs: dict[str, t.Any] = {}
        for step in plan.steps:
            answer = self.run_step(step, outputs, once=step.action in creates, conflicts=conflicts)
            outputs.update(outputs_of(step, answer))
        return outputs

    def run_step(
        self,
        step: Step,
        outputs: Mapping[str, t.Any],
        *,
        once: bool = False,
        conflicts: frozenset[str] = frozenset(),
    ) -> dict[str, t.Any]:
        """Carry out one step.

        :raises ConflictError: where the object was changed by somebody else meanwhile
        """
        arguments = resolve(step.arguments, outputs)
        send = self.create_non_idempotent if once else self.call
        try:
            with _recorded(step):
                return send(step.action, **arguments)
        except ServiceError as error:
            if error.code in _MOVED_CODES | conflicts:
                raise ConflictError(error) from error
            raise


class SentRequest(t.NamedTuple):
    """A request as it went out.

    :param headers: with lower-case names
    :param plain: whether it went straight to the server and without a client certificate, as far as that is known
    :param certificates: file or directory of the authorities that were trusted, ``None`` where none was asked for
    """

    url: str
    headers: Mapping[str, str]
    plain: bool
    certificates: str | None


class _Connection:
    """The part of a module that ``get_aws_connection_info`` looks at."""

    def __init__(self, params: Mapping[str, t.Any]) -> None:
        self.params = dict(params)

    def fail_json(self, msg: str, **details: t.Any) -> t.NoReturn:
        raise ValidationError("profile", "it", f"cannot be used: {msg.rstrip('.')}", "Correct the connection options.")


def _refuse_other_answer(operation_model: t.Any, response_dict: Mapping[str, t.Any], **_details: t.Any) -> None:
    """Refuse an answer that botocore would take for an empty one: a page of a proxy, another document, or nothing.

    :raises ResponseParserError: for it
    """
    body, shape = response_dict["body"], operation_model.output_shape
    if response_dict["status_code"] >= 300 or shape is None or operation_model.has_streaming_output:
        return
    content = body.strip() if isinstance(body, bytes) else b""
    is_json = str(operation_model.service_model.resolved_protocol).endswith("json")
    in_body = any("location" not in member.serialization for member in shape.members.values())
    reads = operation_model.name.startswith(("Get", "List", "Describe", "Lookup")) and in_body
    whole = not is_json or (content[:1], content[-1:]) == (b"{", b"}")
    page = content[:500].lower().startswith(b"<!doctype") or b"<html" in content[:500].lower()
    roots = () if is_json else _roots(operation_model)
    other = content and roots and not re.match(rb"\s*(<\?[^>]*>\s*)?<(%b)[\s/>]" % "|".join(roots).encode(), content)
    if page or other or (content and not whole) or (reads and content in (b"", b"{}")):
        raise ResponseParserError("no answer of AWS")


#: The root elements of answers that are no single member of their shape (Amazon S3 API Reference).
_ROOTS = {
    "GetBucketAcl": "AccessControlPolicy",
    "GetBucketLifecycleConfiguration": "LifecycleConfiguration",
    "GetBucketLocation": "LocationConstraint",
    "GetBucketLogging": "BucketLoggingStatus",
    "GetBucketTagging": "Tagging",
    "GetBucketVersioning": "VersioningConfiguration",
    "ListMultipartUploads": "ListMultipartUploadsResult",
    "ListObjectVersions": "ListVersionsResult",
    "ListObjectsV2": "ListBucketResult",
}


def _roots(operation_model: t.Any) -> tuple[str, ...]:
    """What the root element of an answer in XML may be; none where that is not known."""
    name, shape = str(operation_model.name), operation_model.output_shape
    if operation_model.service_model.resolved_protocol == "query":
        return (f"{name}Response",)
    payload = shape.serialization.get("payload")
    known = payload if payload and shape.members[payload].type_name == "structure" else _ROOTS.get(name)
    return (known, f"{name}Response") if known else ()  # S3-compatible servers name some by the operation


def _text(value: t.Any) -> str:
    return value.decode("latin-1") if isinstance(value, bytes) else str(value)


@contextlib.contextmanager
def _recorded(step: Step) -> Iterator[None]:
    """Record that a step was carried out, or may have been."""
    try:
        yield
    except ServiceError as error:
        if _is_open(error):
            record_write(step.action)
        raise
    except ConflictError:  # of a create whose answer was lost
        record_write(step.action)
        raise
    record_write(step.action)


def _is_open(error: ServiceError) -> bool:
    """Whether nobody knows if the request was carried out."""
    return error.status >= 500 or isinstance(error.__cause__, (ConnectionClosedError, HTTPClientError))


def missing_permission(error: ServiceError) -> str | None:
    """What IAM calls the permission that a request was refused for; ``None`` where it failed for something else."""
    return _PERMISSIONS.get(error.action, error.action) if error.code in _DENIED_CODES else None


def _service_error(action: str, error: t.Any) -> ServiceError:
    details = error.response.get("Error", {})
    status = int(error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))
    code = str(details.get("Code", ""))
    hint = (
        f"The credentials of this task need {_PERMISSIONS.get(action, action)} there." if code in _DENIED_CODES else ""
    )
    return ServiceError(action, code, str(details.get("Message") or "no more is said."), status=status, hint=hint)


def preload(*services: str) -> None:
    """Read the models of services before the controller forks its workers, so that none of them has to."""
    if not HAS_BOTO3:
        return
    # What is wrong with the controller's own settings is of no interest here: the task may have others.
    with contextlib.suppress(BotoCoreError, ValueError):
        for service in services:
            _load_model(service)


@functools.cache
def _load_model(service: str) -> None:
    client = _loading_session().create_client(service, aws_access_key_id="none", aws_secret_access_key="none")
    # Reads which of its lists have pages, as get_paginator() does, whichever operation is asked about.
    client.can_paginate(next(iter(client.meta.method_to_api_mapping)))


@functools.cache
def _loading_session() -> t.Any:
    return _session(None, "us-east-1")


def _session(profile: str | None, region: str | None) -> t.Any:
    session = botocore.session.Session(event_hooks=_handlers(), include_builtin_handlers=False)
    session.register_component("data_loader", _LOADER)
    for name, value in (("profile", profile), ("region", region)):
        if value is not None:
            session.set_config_variable(name, value)
    session.get_scoped_config()  # a profile that does not exist is said here, and not by the first request
    return session


@functools.cache
def _handlers() -> t.Any:
    """What botocore registers with every session: hundreds of handlers, which take as long as several requests.

    Sessions can share them, since each client registers its own with a copy.
    """
    emitter = HierarchicalEmitter()
    botocore.session.Session(event_hooks=emitter)
    return emitter


def _config(attempts: int) -> t.Any:
    return Config(retries={"mode": "standard", "total_max_attempts": attempts}, user_agent_extra="coffer.velero")
