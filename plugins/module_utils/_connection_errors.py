# Copyright (c) 2026, the coffer.velero authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the exceptions of botocore, urllib3 and the Kubernetes client mean to a user. Pure. PRIVATE to coffer.velero.

They are known by their names, so that nothing of those libraries is needed here; their own texts are shown only where
they are written for users.
"""

from __future__ import annotations

import os
import re
import typing as t
from collections.abc import Mapping

from ._errors import CofferError, ServiceError, UnforeseenError, ValidationError

#: Names of exceptions, the code that a result gives them, and what they mean. The first that an exception is counts.
_NO_ANSWER: t.Final = (
    (("SSLError",), "TLS", "the certificate of {place} is not accepted"),
    (("ProxyConnectionError", "ProxyError"), "proxy", "the proxy on the way to {place} cannot be used"),
    (("NewConnectionError",), "unreachable", "there is no connection to {place}"),  # to urllib3 a timeout too
    (("ConnectTimeoutError", "ReadTimeoutError"), "timeout", "{place} did not answer in time"),
    (("ResponseError",), "busy", "{place} goes on answering that it is overloaded or broken"),
    (("ConnectionClosedError", "ProtocolError", "HTTPClientError"), "closed", "{place} closed the connection"),
    (("LocationParseError", "LocationValueError"), "address", "{place} is not an address"),
    (("ConnectionError", "HTTPError"), "unreachable", "there is no connection to {place}"),
)
_HINTS: t.Final = {
    "TLS": "Give the authority that signed it ({ca}), and check that the address is that of the server.",
    "proxy": "Check HTTPS_PROXY and NO_PROXY in the environment of the task.",
    "busy": "Run the task again later.",
}
_REACH: t.Final = "Is {address} right, and can this machine reach it (name service, proxy, firewall)?"

#: The first boto3 that knows every member this collection sends (BlockedEncryptionTypes came with 1.41.0).
MINIMUM_BOTO3 = "1.41.0"

_ENVIRONMENT: t.Final = "Set profile, or access_key and secret_key, or their variables AWS_PROFILE, AWS_ACCESS_KEY_ID."
_SSO: t.Final = "Run aws sso login{profile} as the user who runs the playbook, and then the task again."
#: The exceptions of botocore that say why there are no credentials: reason and remediation.
_CREDENTIALS: t.Final = (
    (("NoCredentialsError", "NoAuthTokenError"), "are not set", _ENVIRONMENT),
    (("SSOError", "TokenRetrievalError"), "come from an SSO session that has expired or never began", _SSO),
    (
        ("LoginError",),
        "come from a login that has expired or never began",
        "Run aws login{profile} as the user who runs the playbook, and then the task again.",
    ),
    (("PartialCredentialsError",), "are incomplete: {text}", "Set access key and secret key together, or neither."),
    (("CredentialRetrievalError",), "could not be had: {text}", "Run the profile's command by hand to see why."),
    (("JSONDecodeError", "UnicodeError"), "are not what the profile's credential_process has to print", ""),
    (("OSError",), "need a file or a command that cannot be used: {text}", "Correct it in the profile or environment."),
    (("BotoCoreError",), "could not be had: {text}", "Correct the profile in the configuration of the AWS CLI."),
)
#: Those of them that can also come while a request is signed.
_OF_CREDENTIALS: t.Final = {
    "JSONDecodeError",
    *(name for known, _reason, _remedy in _CREDENTIALS[:5] for name in known),
}
_PROCESS: t.Final = "It prints one JSON object with Version, AccessKeyId and SecretAccessKey; run it by hand to see."


def names_of(error: BaseException) -> list[str]:
    """The names of what an exception is."""
    return [cls.__name__ for cls in type(error).__mro__]


def no_answer(action: str, error: Exception, place: str, *, address: str, ca: str) -> ServiceError | None:
    """A request that nobody answered, or ``None`` where the exception means something else.

    :param place: whom it was sent to
    :param address: what the user sets to have it sent elsewhere
    :param ca: what the user sets to trust another authority
    """
    names = names_of(error)
    for known, code, words in _NO_ANSWER:
        if not set(known).isdisjoint(names):
            hint = _HINTS.get(code, _REACH).format(ca=ca, address=address)
            return ServiceError(action, code, f"{words.format(place=place)}.", hint=hint)
    return None


def no_region() -> ValidationError:
    """No Region is set, where one is needed."""
    return ValidationError("region", "it", "is not set", "Set the option, AWS_REGION or the Region of the profile.")


def no_credentials(error: Exception, profile: str | None) -> CofferError:
    """Why there are no credentials, and how to get some."""
    names = names_of(error)
    resource = f'the credentials of profile "{profile}"' if profile else "the credentials"
    option = f" --profile {profile}" if profile else ""
    for known, reason, remediation in _CREDENTIALS:
        if not set(known).isdisjoint(names):
            words = reason.format(text=last_line(error))
            return ValidationError("profile", resource, words, (remediation or _PROCESS).format(profile=option))
    return ValidationError("profile", resource, "could not be had", "Correct the profile, or choose another one.")


def request_error(action: str, error: Exception, *, place: str, profile: str | None, signs: bool) -> CofferError:
    """What an exception of botocore's, but for an answer of AWS, means to whoever sent a request.

    :param place: whom it was sent to
    :param signs: whether it was about credentials, and not about the request itself
    """
    names = names_of(error)
    if isinstance(error, CofferError):
        return error
    if "NoRegionError" in names:
        return no_region()
    if "ParamValidationError" in names:
        hint = f"The collection is tested with boto3 >= {MINIMUM_BOTO3}."
        return ServiceError(action, "InvalidParameter", f"{_invalid_parameters(error)}.", hint=hint)
    if unanswered := no_answer(action, error, place, address="endpoint_url or region", ca="aws_ca_bundle"):
        return unanswered
    if "ResponseParserError" in names:
        hint = "Check endpoint_url and the proxy."
        return ServiceError(action, "InvalidAnswer", f"{place} does not answer as AWS does.", hint=hint)
    if signs or not _OF_CREDENTIALS.isdisjoint(names):
        return no_credentials(error, profile)
    if "BotoCoreError" in names:
        return ServiceError(action, "NotSent", f"{last_line(error)}.")
    return UnforeseenError(error)


def refuse_half_of_a_key(access_key: str | None, secret_key: str | None, session_token: str | None) -> None:
    """Refuse what botocore would sign with, or say of it that a text was expected."""
    names = {"access_key": access_key, "secret_key": secret_key}
    if missing := [name for name, value in names.items() if not value]:
        given = "session_token" if session_token and len(missing) == 2 else next(n for n in names if n not in missing)
        reason = f"is set without {' and '.join(missing)}"
        remediation = "Set access_key and secret_key together (AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY), or neither."
        raise ValidationError(given, "it", reason, remediation)


def refuse_prompt(prompt: str) -> str:
    """In place of asking for the code of an MFA device."""
    remediation = (
        "Get a session first (aws sts assume-role or get-session-token with the code) and give its keys, or choose a "
        "profile without mfa_serial."
    )
    raise ValidationError("profile", "it", "asks for the code of an MFA device, which a task cannot", remediation)


def unusable_connection(params: Mapping[str, t.Any], error: Exception) -> CofferError:
    """What is wrong with the options and files that a connection is made from."""
    names, text = names_of(error), last_line(error)
    if isinstance(error, CofferError):
        return error
    if "NoRegionError" in names:
        return no_region()
    if "ProfileNotFound" in names:
        profile = params.get("profile") or os.environ.get("AWS_PROFILE") or os.environ.get("AWS_DEFAULT_PROFILE")
        remediation = "Choose one that aws configure list-profiles names, on the machine that runs the task."
        return ValidationError("profile", f'"{profile}"', "is in no configuration file of the AWS CLI", remediation)
    if "ConfigParseError" in names or isinstance(error, (OSError, UnicodeError)):
        path = getattr(error, "kwargs", {}).get("path") or getattr(error, "filename", None) or "a file of the AWS CLI"
        why = f": {error.strerror}" if isinstance(error, OSError) and error.strerror else ""
        remediation = "Correct the file, or name another one in AWS_CONFIG_FILE or AWS_SHARED_CREDENTIALS_FILE."
        return ValidationError("profile", str(path), f"cannot be read as a configuration{why}", remediation)
    if text.startswith("Invalid endpoint"):
        remediation = "Write it as https://HOST, or leave it out for AWS."
        return ValidationError("endpoint_url", str(params.get("endpoint_url")), "is not a URL", remediation)
    if "BotoCoreError" in names and params.get("aws_config") is None:
        return ValidationError("profile", "it", f"cannot be used: {text}", "Correct the configuration of the AWS CLI.")
    unknown = re.search(r"unexpected keyword argument '(\w+)'", str(error))
    resource, reason = (unknown[1], "is not an option") if unknown else ("it", "has a value that cannot be used")
    remediation = "Write it as the documentation of botocore's Config says."
    return ValidationError("aws_config", resource, f"{reason} of botocore's Config", remediation)


def last_line(error: BaseException) -> str:
    """What an exception says that is meant for users: of a command's output the end, of an error of the system its
    words.
    """
    if isinstance(error, OSError) and error.strerror:
        return ": ".join(str(part) for part in (error.filename, error.strerror) if part)
    text = str(getattr(error, "kwargs", {}).get("error_msg") or error)
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return re.sub(r"^\w+(Error|Exception): ", "", lines[-1])[:200].rstrip(".:") if lines else "it says nothing"


def _invalid_parameters(error: Exception) -> str:
    """What botocore does not take, without the names of Python's types."""
    text = re.sub(r", type: <class '[\w.]+'>, valid types: [^\n]*", " is of the wrong type", str(error))
    lines = [line.strip().rstrip(":.") for line in text.splitlines()[1:] or text.splitlines()]
    return "; ".join(line for line in lines if line)
