# Copyright (c) 2026, the coffer.velero authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Who gets the messages of a topic. Pure. PRIVATE to coffer.velero."""

from __future__ import annotations

import hashlib
import re
import typing as t
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

from .._arn import Arn
from .._errors import ValidationError

PROTOCOLS = ("email", "email-json", "https", "lambda", "sms", "sqs")
_MASK = "****"
_URL = re.compile(r"(?P<host>https?://[^/?#]*)(?P<rest>.*)", re.IGNORECASE | re.DOTALL)
#: Characters that a part of a path has where it may be a token.
_TOKEN = 12

#: What an endpoint of each protocol looks like, and how to say so.
_FORMS = {
    "email": (r"[^@\s]+@[^@\s]+", "Give one address: oncall@example.com."),
    "email-json": (r"[^@\s]+@[^@\s]+", "Give one address: oncall@example.com."),
    "https": (r"https://[^\s/]+\S*", "Give a URL that begins with https://."),
    "lambda": (r"arn:[^:]+:lambda:[^:]+:\d{12}:function:\S+", "Give the ARN of a function."),
    "sms": (r"\+[0-9]{5,15}", "Give the number with a plus sign and the country: +4915112345678."),
    "sqs": (r"arn:[^:]+:sqs:[^:]+:\d{12}:\S+", "Give the ARN of a queue."),
}


@dataclass(frozen=True)
class Subscription:
    """An endpoint that gets the messages.

    :param arn: ``None`` where it is not confirmed yet, and where it is only desired
    """

    protocol: str
    endpoint: str
    arn: str | None = None

    @classmethod
    def parse(cls, given: Mapping[str, t.Any]) -> Subscription:
        """A desired one.

        :raises ValidationError: where SNS would refuse the endpoint, or nothing would ever arrive there
        """
        protocol, endpoint = str(given["protocol"]), str(given["endpoint"])
        form, remediation = _FORMS[protocol]
        if not re.fullmatch(form, endpoint):
            reason = f"is not an endpoint for {protocol}"
            raise ValidationError("subscriptions", masked(endpoint), reason, remediation)
        return cls(protocol, endpoint)

    @classmethod
    def of(cls, answer: Mapping[str, str]) -> Subscription:
        """One as ListSubscriptionsByTopic tells of it."""
        arn = answer["SubscriptionArn"]
        return cls(answer["Protocol"], answer.get("Endpoint", ""), arn if Arn.parse(arn) else None)

    @property
    def confirmed(self) -> bool:
        return self.arn is not None

    @property
    def name(self) -> str:
        """What a message calls it; without secrets."""
        return f"{self.protocol} {masked(self.endpoint)}"

    def confirms_itself(self, account_id: str) -> bool:
        """HTTPS, e-mail, and queues and functions of other accounts have to be confirmed."""
        arn = Arn.parse(self.endpoint)
        return self.protocol == "sms" or (arn is not None and arn.account_id == account_id)

    def result(self, *, owned: bool) -> dict[str, t.Any]:
        return {
            "protocol": self.protocol,
            "endpoint": masked(self.endpoint),
            "arn": self.arn,
            "confirmed": self.confirmed,
            "owned": owned,
        }


def same_endpoint(desired: Subscription, other: Subscription) -> bool:
    """Whether a subscription is the one that is desired; SNS may show a password as asterisks."""
    if desired.protocol != other.protocol:
        return False
    if desired.protocol in ("email", "email-json"):
        return desired.endpoint.casefold() == other.endpoint.casefold()
    return other.endpoint in (desired.endpoint, _without_password(desired.endpoint))


def masked(endpoint: str) -> str:
    """An endpoint without what lets anybody in: the password, and path and query of a URL, which many services put a
    token into. Four digits of their hash tell it from others of its host.
    """
    plain = _without_password(endpoint)
    url = _URL.fullmatch(plain)
    if url is None or url["rest"] in ("", "/"):
        return plain
    return f"{url['host']}/{_MASK}{hashlib.sha256(url['rest'].encode()).hexdigest()[:4]}"


def secrets(endpoint: str) -> list[str]:
    """What no output may show of an endpoint."""
    if not endpoint.lower().startswith(("http://", "https://")):
        return []
    try:
        url = urlsplit(endpoint)
    except ValueError:  # told by Subscription.parse, with the whole of it hidden
        return [endpoint]
    found = [url.netloc.rpartition("@")[0].partition(":")[2], url.query]
    # What is shorter is a word that other output has too.
    return [secret for secret in found if secret] + [part for part in url.path.split("/") if len(part) >= _TOKEN]


def _without_password(endpoint: str) -> str:
    return re.sub(r"^(https?://[^/?#@:]*):[^/?#]*@", rf"\1:{_MASK}@", endpoint, flags=re.IGNORECASE)
