"""Who sent a webhook: the signature (Standard Webhooks), or on older instances the secret token.

The only user of standardwebhooks.
"""

from __future__ import annotations

import hashlib
import hmac
import json
from typing import TYPE_CHECKING, Any

from assistant.errors import AccessDenied, Rejected

if TYPE_CHECKING:
    from collections.abc import Mapping

SIGNING = "whsec_"
_LONGEST_ID = 200


def check_sender(headers: Mapping[str, str], body: bytes, secret: str) -> None:
    """Refuse a delivery that GitLab did not send, or sent more than five minutes ago.

    A signature that is there must hold: there is no way back to the plain token.

    Args:
        headers: Names in lower case.
        body: As it came, unparsed.
        secret: The webhook's secret token, or its signing token (`whsec_…`).

    Raises:
        AccessDenied: It is not from our GitLab.
    """
    if secret.startswith(SIGNING):
        _check_signature(headers, body, secret)
    elif "webhook-signature" in headers:
        raise AccessDenied("a signed delivery cannot be checked: set GITLAB_WEBHOOK_SECRET to the signing token")
    elif not secret or not hmac.compare_digest(_digest(headers.get("x-gitlab-token", "")), _digest(secret)):
        raise AccessDenied("the webhook's token is wrong")


def delivery_id(headers: Mapping[str, str], body: bytes) -> str:
    """Return what stays the same when the same delivery comes again."""
    named = headers.get("idempotency-key") or headers.get("webhook-id") or headers.get("x-gitlab-webhook-uuid") or ""
    if 0 < len(named) <= _LONGEST_ID and named.isascii() and named.isprintable():
        return named
    return hashlib.sha256(body).hexdigest()


def read_body(body: bytes) -> Mapping[str, Any]:
    """Return the JSON object.

    Raises:
        Rejected: It is none.
    """
    try:
        content = json.loads(body)
    except (ValueError, RecursionError):
        raise Rejected("the body is not JSON") from None
    if not isinstance(content, dict):
        raise Rejected("the body is no JSON object")
    return content


def _check_signature(headers: Mapping[str, str], body: bytes, secret: str) -> None:
    from standardwebhooks import Webhook, WebhookVerificationError  # noqa: PLC0415 - loaded where hooks are taken

    try:
        Webhook(secret).verify(body, dict(headers), json_parse=False)
    # The library lets errors of decoding through as they are.
    except (WebhookVerificationError, ValueError, OverflowError, RuntimeError) as error:
        raise AccessDenied(f"the webhook's signature does not hold ({type(error).__name__})") from None


def _digest(text: str) -> bytes:
    """Return bytes of one length for any text, so that comparing takes the same time for all."""
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest()
