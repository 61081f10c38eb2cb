"""Bodies of requests: JSON, YAML, protobuf."""

from __future__ import annotations

import orjson
import yaml

from druid_operator.pkg.apistore import protobuf
from druid_operator.pkg.apistore.body import parse_json
from druid_operator.pkg.apistore.typeschema import Type
from druid_operator.pkg.envtest.apiserver.call import Call
from druid_operator.pkg.errors import BadRequest, UnsupportedMediaType
from druid_operator.pkg.meta import JSON


def parse_body(call: Call, kind: str, type_: Type | None) -> JSON:
    """A JSON, YAML or protobuf object; the last needs a type, which custom kinds do not have.

    Raises ``BadRequest``, ``UnsupportedMediaType``.
    """
    if call.content_type in ("application/yaml", "application/x-yaml"):
        return parse_apply(call.body)
    if call.content_type == protobuf.MEDIA_TYPE and type_ is not None:
        try:
            return protobuf.decode_object(call.body, type_)
        except protobuf.ProtobufError as error:
            raise BadRequest(str(error)) from None
    if call.content_type not in ("application/json", "application/octet-stream", ""):
        raise UnsupportedMediaType(
            "the body of the request was in an unknown format - accepted media types include: "
            "application/json, application/yaml, application/vnd.kubernetes.protobuf"
        )
    obj = parse_json(call.body, kind)
    if not isinstance(obj, dict):
        raise BadRequest("the object provided is unrecognized: it must be a JSON object")
    return obj


def parse_apply(body: bytes) -> JSON:
    """An applied configuration is YAML, of which JSON is the usual part. Raises ``BadRequest``."""
    try:
        obj = orjson.loads(body)
    except orjson.JSONDecodeError:
        try:
            obj = yaml.load(body, Loader=yaml.CSafeLoader)
        except yaml.YAMLError as error:
            raise BadRequest(f"error decoding YAML: {error}") from None
    if not isinstance(obj, dict):
        raise BadRequest("error decoding YAML: it must be an object")
    return obj
