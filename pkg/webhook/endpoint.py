"""From an HTTP request to a review and back: what the API server is told when things go wrong.

As upstream, the HTTP status is 200 whatever the review says; the code is in the review, where the
API server looks for it. Limits and checks come before the handler is asked, an exception in it is
recovered, counted, and answered 500.
"""

from __future__ import annotations

import asyncio
import base64
import time
from collections.abc import Awaitable, Callable
from typing import Any

import attrs
import orjson
from aiohttp import web

from druid_operator.pkg.errors import BadRequest, RequestTooLarge
from druid_operator.pkg.log import logger
from druid_operator.pkg.meta import JSON
from druid_operator.pkg.meta.duration import parse_seconds
from druid_operator.pkg.metrics import Metrics
from druid_operator.pkg.webhook.admission import (
    AdmissionHandler,
    AdmissionResponse,
    decode_review,
    encode_review,
    errored,
    refusal_of,
)
from druid_operator.pkg.webhook.conversion import (
    CannotConvert,
    ConversionRegistry,
    answer_conversion,
    conversion_response,
)

#: Bytes of a request. Source: controller-runtime ``maxRequestSize``: the API server's limit for an
#: object, twice (old and new), and what JSON adds.
MAX_REQUEST_BYTES = 7 * 1024 * 1024
#: Seconds for an answer when the API server does not say; it says in ``?timeout=``.
DEFAULT_TIMEOUT = 10.0

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


async def read_review(request: web.Request) -> Any:
    """The decoded body. Raises ``RequestTooLarge`` and ``BadRequest``."""
    if request.content_type != "application/json":
        said = request.headers.get("Content-Type", "")
        raise BadRequest(f"contentType={said}, expected application/json")
    try:
        body = await request.read()
    except web.HTTPRequestEntityTooLarge as error:
        limit = MAX_REQUEST_BYTES
        raise RequestTooLarge(f"request entity is too large; limit is {limit} bytes") from error
    if not body:
        raise BadRequest("request body is empty")
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise BadRequest(f"the body is not JSON: {error}") from error


def answer_timeout(request: web.Request) -> float:
    """Seconds that the API server will wait, of ``?timeout=10s``."""
    try:
        return parse_seconds(request.query.get("timeout", "")) or DEFAULT_TIMEOUT
    except ValueError:
        return DEFAULT_TIMEOUT


@attrs.frozen
class AdmissionEndpoint:
    """Serves one handler."""

    handler: AdmissionHandler
    metrics: Metrics

    async def __call__(self, request: web.Request) -> web.Response:
        uid = ""
        try:
            asked = decode_review(await read_review(request))
            uid = asked.uid
            async with asyncio.timeout(answer_timeout(request)):
                response = await self.handler.handle(asked)
        except TimeoutError:
            response = errored(504, "the webhook did not answer in time")
        except Exception as error:  # noqa: BLE001 - whatever a handler raises is an answer
            response = refusal_of(error) or self._recovered(error, request.path)
        patch: bytes | None = None
        if response.allowed and response.patch:
            patch = base64.b64encode(orjson.dumps(list(response.patch)))
        return _json(encode_review(uid, response, patch))

    def _recovered(self, error: Exception, path: str) -> AdmissionResponse:
        self.metrics.webhook_panics_total.inc()
        logger().error("Webhook raised", path=path, exc_info=error)
        return errored(500, f"{type(error).__name__} in the webhook [recovered]")


@attrs.frozen
class ConversionEndpoint:
    """Serves the conversions of all kinds."""

    registry: ConversionRegistry
    metrics: Metrics

    async def __call__(self, request: web.Request) -> web.Response:
        uid = ""
        try:
            review = await read_review(request)
            uid = str((review.get("request") or {}).get("uid") or "")
            return _json(answer_conversion(self.registry, review))
        except (BadRequest, RequestTooLarge, CannotConvert) as error:
            return _json(conversion_response(uid, [], failure=str(error)))
        except Exception as error:  # noqa: BLE001 - whatever a conversion raises is an answer
            self.metrics.conversion_webhook_panics_total.inc()
            logger().error("Conversion raised", path=request.path, exc_info=error)
            words = f"{type(error).__name__} in the conversion [recovered]"
            return _json(conversion_response(uid, [], failure=words))


def measured(path: str, handler: Handler, metrics: Metrics) -> Handler:
    """``handler``, counted and timed under ``path``, whose series exist from now on."""
    metrics.init_webhook(path)

    async def serve(request: web.Request) -> web.StreamResponse:
        started = time.monotonic()
        code = "500"
        metrics.webhook_requests_in_flight.labels(path).inc()
        try:
            response = await handler(request)
            code = str(response.status)
            return response
        finally:
            metrics.webhook_requests_in_flight.labels(path).dec()
            metrics.webhook_requests_total.labels(path, code).inc()
            metrics.webhook_latency_seconds.labels(path).observe(time.monotonic() - started)

    return serve


def _json(document: JSON) -> web.Response:
    return web.Response(body=orjson.dumps(document), content_type="application/json")
