"""From typed kinds to CustomResourceDefinitions: each marker's meaning, and what is refused."""

from __future__ import annotations

from typing import Any

import attrs
import pytest

from druid_operator.pkg.meta import JSON, GroupVersionKind, Resource
from druid_operator.pkg.schema import CELRule, CustomResource, PrintColumn, prop, validate
from druid_operator.pkg.schema.embedded import EmbeddedTypes, merge_patch
from druid_operator.pkg.schema.generator import custom_resource_definition, model_schema

#: In the form of Kubernetes' own definitions, as the development package carries them.
_DEFINITIONS: dict[str, JSON] = {
    "io.example.Port": {
        "description": "A port.",
        "type": ["object", "null"],
        "required": ["number"],
        "properties": {
            "number": {
                "type": ["integer", "null"],
                "format": "int32",
                "description": "Its number.",
            },
            "protocol": {"type": ["string", "null"], "enum": ["TCP", "UDP"]},
            "target": {"$ref": "#/$defs/io.k8s.apimachinery.pkg.util.intstr.IntOrString"},
            "limit": {"$ref": "#/$defs/io.k8s.apimachinery.pkg.api.resource.Quantity"},
        },
        "x-kubernetes-group-version-kind": [],
    },
    "io.example.Ports": {
        "type": "object",
        "properties": {
            "metadata": {"$ref": "#/$defs/io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta"},
            "ports": {
                "type": "array",
                "items": {"$ref": "#/$defs/io.example.Port"},
                "x-kubernetes-list-type": "map",
                "x-kubernetes-list-map-keys": ["number"],
                "x-kubernetes-patch-strategy": "merge",
            },
            "labels": {"type": "object", "additionalProperties": {"type": ["string", "null"]}},
            "raw": {"$ref": "#/$defs/io.k8s.apimachinery.pkg.runtime.RawExtension"},
        },
    },
    "io.example.Loop": {
        "type": "object",
        "properties": {"next": {"$ref": "#/$defs/io.example.Loop"}},
    },
}

_EMBEDDED = EmbeddedTypes(_DEFINITIONS.__getitem__)


@attrs.frozen
class Lid:
    """A lid.

    Further paragraphs are for readers of the code.
    """

    kind: str = prop("Its kind.", required=True, enum=["flip", "screw"])
    torque: int | None = prop("To open it.", minimum=0, maximum=10, format="int32")


@attrs.frozen
class JarSpec:
    max_size: str | None = prop("How much fits.", default="1l", pattern="^[0-9]+l$", max_length=9)
    lid: Lid | None = prop("What closes it.")
    lids: list[Lid] | None = prop(list_map_keys=["kind"], max_items=3)
    labels: dict[str, str] | None = prop()
    by_name: dict[str, Lid] | None = prop()
    dotted: bool | None = prop(json="dotted.key", default=False)
    port: int | str | None = prop()
    anything: Any = prop(preserve_unknown=True)
    settings: JSON | None = prop(preserve_unknown=True)
    ports: list[JSON] | None = prop("Where it pours.", k8s="io.example.Port")
    checked: str | None = prop(rules=[CELRule(rule="self != ''", message="must say something")])


@attrs.frozen
class Jar:
    """A jar."""

    metadata: JSON = prop(required=True)
    spec: JarSpec = prop(required=True)


_JAR = CustomResource(
    resource=Resource(GroupVersionKind("kitchen.example.com", "v1", "Jar"), "jars"),
    model=Jar,
    short_names=("j",),
    print_columns=(PrintColumn(name="Size", json_path=".spec.maxSize", priority=1),),
)

_LID = {
    "description": "A lid.",
    "type": "object",
    "required": ["kind"],
    "properties": {
        "kind": {"description": "Its kind.", "type": "string", "enum": ["flip", "screw"]},
        "torque": {
            "description": "To open it.",
            "type": "integer",
            "format": "int32",
            "minimum": 0,
            "maximum": 10,
        },
    },
}
_EITHER = {
    "anyOf": [{"type": "integer"}, {"type": "string"}],
    "x-kubernetes-int-or-string": True,
}
_PORT = {
    "type": "object",
    "required": ["number"],
    "properties": {
        "limit": {
            **_EITHER,
            "pattern": r"^(\+|-)?(([0-9]+(\.[0-9]*)?)|(\.[0-9]+))"
            r"(([KMGTPE]i)|[numkMGTPE]|([eE](\+|-)?(([0-9]+(\.[0-9]*)?)|(\.[0-9]+))))?$",
        },
        "number": {"type": "integer", "format": "int32"},
        "protocol": {"type": "string"},
        "target": _EITHER,
    },
}


def test_every_python_type_and_marker_has_its_schema() -> None:
    assert model_schema(JarSpec, _EMBEDDED) == {
        "type": "object",
        "properties": {
            "maxSize": {
                "description": "How much fits.",
                "type": "string",
                "maxLength": 9,
                "pattern": "^[0-9]+l$",
                "default": "1l",
            },
            "lid": {**_LID, "description": "What closes it."},
            "lids": {
                "type": "array",
                "items": _LID,
                "maxItems": 3,
                "x-kubernetes-list-type": "map",
                "x-kubernetes-list-map-keys": ["kind"],
            },
            "labels": {"type": "object", "additionalProperties": {"type": "string"}},
            "byName": {"type": "object", "additionalProperties": _LID},
            "dotted.key": {"type": "boolean", "default": False},
            "port": _EITHER,
            "anything": {"x-kubernetes-preserve-unknown-fields": True},
            "settings": {"type": "object", "x-kubernetes-preserve-unknown-fields": True},
            "ports": {
                "description": "Where it pours.",
                "type": "array",
                "items": _PORT,
                "x-kubernetes-list-type": "atomic",
            },
            "checked": {
                "type": "string",
                "x-kubernetes-validations": [
                    {"rule": "self != ''", "message": "must say something"}
                ],
            },
        },
    }


def test_a_crd_has_one_served_and_stored_version() -> None:
    crd = custom_resource_definition(_JAR, _EMBEDDED)
    assert crd["metadata"] == {"name": "jars.kitchen.example.com"}
    assert crd["spec"]["names"] == {
        "kind": "Jar",
        "listKind": "JarList",
        "plural": "jars",
        "singular": "jar",
        "shortNames": ["j"],
    }
    assert crd["spec"]["scope"] == "Namespaced"
    (version,) = crd["spec"]["versions"]
    schema = version.pop("schema")["openAPIV3Schema"]
    assert version == {
        "name": "v1",
        "served": True,
        "storage": True,
        "additionalPrinterColumns": [
            {"name": "Size", "type": "string", "jsonPath": ".spec.maxSize", "priority": 1}
        ],
        "subresources": {"status": {}},
    }
    assert list(schema["properties"]) == ["apiVersion", "kind", "metadata", "spec"]
    assert schema["properties"]["metadata"] == {"type": "object"}
    assert schema["required"] == ["spec"]


def test_embedded_types_lose_what_a_crd_cannot_or_need_not_have() -> None:
    schema = _EMBEDDED.schema("io.example.Ports")
    assert schema["properties"]["ports"] == {
        "type": "array",
        "items": _PORT,
        "x-kubernetes-list-type": "map",
        "x-kubernetes-list-map-keys": ["number"],
    }
    assert schema["properties"]["labels"] == {
        "type": "object",
        "additionalProperties": {"type": "string"},
    }
    assert schema["properties"]["raw"] == {
        "type": "object",
        "x-kubernetes-preserve-unknown-fields": True,
    }
    assert sorted(schema["properties"]["metadata"]["properties"]) == [
        "annotations", "finalizers", "labels", "name", "namespace",
    ]  # fmt: skip


def test_amendments_are_merge_patches_on_definitions() -> None:
    amended = EmbeddedTypes(
        _DEFINITIONS.__getitem__,
        {"io.example.Port": {"properties": {"protocol": {"default": "TCP"}, "limit": None}}},
    )
    properties = amended.schema("io.example.Port")["properties"]
    assert properties["protocol"] == {"type": "string", "default": "TCP"}
    assert "limit" not in properties
    assert "limit" in _EMBEDDED.schema("io.example.Port")["properties"]


@pytest.mark.parametrize("quantity", ["100m", "1.5Gi", "2", 2, ".5", "1e3", "-1Ki"])
def test_a_quantity_may_be_a_number_or_text(quantity: Any) -> None:
    assert validate(_EMBEDDED.schema("io.example.Port"), {"number": 1, "limit": quantity}) == []


@pytest.mark.parametrize("quantity", ["1 Gi", "1KiB", "", "Gi", True, 1.5])
def test_what_is_no_quantity_is_refused(quantity: Any) -> None:
    errors = validate(_EMBEDDED.schema("io.example.Port"), {"number": 1, "limit": quantity})
    assert "limit" in {error.path for error in errors}


def test_a_type_that_contains_itself_is_refused() -> None:
    with pytest.raises(ValueError, match="Loop contains itself"):
        _EMBEDDED.schema("io.example.Loop")


def test_an_unknown_type_is_refused() -> None:
    with pytest.raises(KeyError):
        _EMBEDDED.schema("io.example.Nothing")


def test_a_python_type_without_schema_is_named() -> None:
    @attrs.frozen
    class Bad:
        when: complex = prop()

    with pytest.raises(TypeError, match=r"Bad\.when: no schema for .*complex"):
        model_schema(Bad, _EMBEDDED)


def test_an_object_that_would_be_stored_empty_is_refused() -> None:
    @attrs.frozen
    class Bad:
        settings: JSON | None = prop()

    with pytest.raises(TypeError, match=r"Bad\.settings: .* stored empty"):
        model_schema(Bad, _EMBEDDED)


def test_a_list_map_key_must_be_required_or_defaulted() -> None:
    @attrs.frozen
    class Bad:
        lids: list[Lid] | None = prop(list_map_keys=["torque"])

    with pytest.raises(ValueError, match=r"Bad\.lids: the key 'torque'"):
        model_schema(Bad, _EMBEDDED)


@pytest.mark.parametrize(
    ("target", "patch", "result"),
    [
        ({"a": "b"}, {"a": "c"}, {"a": "c"}),
        ({"a": "b"}, {"b": "c"}, {"a": "b", "b": "c"}),
        ({"a": "b"}, {"a": None}, {}),
        ({"a": ["b"]}, {"a": "c"}, {"a": "c"}),
        ({"a": {"b": "c"}}, {"a": {"b": "d", "c": None}}, {"a": {"b": "d"}}),
        ({"a": [{"b": "c"}]}, {"a": [1]}, {"a": [1]}),
        ({"e": None}, {"a": 1}, {"e": None, "a": 1}),
        ([1, 2], {"a": "b", "c": None}, {"a": "b"}),
        ({}, {"a": {"bb": {"ccc": None}}}, {"a": {"bb": {}}}),
    ],
)
def test_merge_patch_examples_of_rfc_7396(target: Any, patch: Any, result: Any) -> None:
    assert merge_patch(target, patch) == result
