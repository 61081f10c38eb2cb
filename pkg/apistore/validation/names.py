"""Names, labels and other metadata: which are legal, and what is said of those that are not."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator

from druid_operator.pkg.errors import FieldError
from druid_operator.pkg.meta import JSON

_SUBDOMAIN = "[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*"
_LABEL = "[a-z0-9]([-a-z0-9]*[a-z0-9])?"
_QUALIFIED = "([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]"
_LABEL_VALUE = "(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?"
_RULES = (
    "must consist of lower case alphanumeric characters{characters}, and must start and end with "
    "an alphanumeric character (e.g. {examples}, regex used for validation is '{regex}')"
)


def subdomain_problem(value: str) -> str | None:
    """RFC 1123 subdomain: the rule for most names."""
    if len(value) > 253:
        return "must be no more than 253 characters"
    if re.fullmatch(_SUBDOMAIN, value):
        return None
    rule = _RULES.format(characters=", '-' or '.'", examples="'example.com'", regex=_SUBDOMAIN)
    return f"a lowercase RFC 1123 subdomain {rule}"


def label_problem(value: str) -> str | None:
    """RFC 1123 label: the rule for namespaces, containers and ports."""
    if len(value) > 63:
        return "must be no more than 63 characters"
    if re.fullmatch(_LABEL, value):
        return None
    rule = _RULES.format(characters=" or '-'", examples="'my-name',  or '123-abc'", regex=_LABEL)
    return f"a lowercase RFC 1123 label {rule}"


def name_label_problem(value: str) -> str | None:
    """As :func:`label_problem`, where the server first looks for dots."""
    return "must not contain dots" if "." in value else label_problem(value)


def path_segment_problem(value: str) -> str | None:
    """The rule for roles and bindings: anything that fits into a URL's path."""
    if value in (".", ".."):
        return f"may not be '{value}'"
    for character in "/%":
        if character in value:
            return f"may not contain '{character}'"
    return None


_NAME_RULES = {
    ("", "Namespace"): name_label_problem,
    ("", "Service"): name_label_problem,
    ("apps", "StatefulSet"): name_label_problem,
    ("rbac.authorization.k8s.io", "Role"): path_segment_problem,
    ("rbac.authorization.k8s.io", "RoleBinding"): path_segment_problem,
    ("rbac.authorization.k8s.io", "ClusterRole"): path_segment_problem,
    ("rbac.authorization.k8s.io", "ClusterRoleBinding"): path_segment_problem,
}


def validate_metadata(group: str, kind: str, metadata: JSON) -> list[FieldError]:
    """For a new object: name, labels, annotations, owner references, finalizers."""
    errors: list[FieldError] = []
    name = metadata.get("name", "")
    if not name:
        errors.append(
            FieldError(
                "metadata.name",
                "Required value: name or generateName is required",
                "FieldValueRequired",
            )
        )
    else:
        problem = _NAME_RULES.get((group, kind), subdomain_problem)(name)
        if problem:
            errors.append(_invalid("metadata.name", name, problem))
    errors += _labels(metadata.get("labels") or {}, "metadata.labels")
    errors += _annotations(metadata.get("annotations") or {})
    errors += _owner_references(metadata.get("ownerReferences") or [])
    errors += _finalizers(metadata.get("finalizers") or [])
    return errors


def validate_metadata_update(metadata: JSON, before: JSON) -> list[FieldError]:
    """What an update may not change, and no new finalizers once the object is being deleted."""
    errors: list[FieldError] = []
    for field in ("name", "namespace", "uid", "creationTimestamp"):
        value = metadata.get(field)
        if value != before.get(field):
            errors.append(_invalid(f"metadata.{field}", value or "", "field is immutable"))
    if before.get("deletionTimestamp"):
        known = set(before.get("finalizers") or ())
        added = [f for f in metadata.get("finalizers") or () if f not in known]
        if added:
            listed = ", ".join(f'"{f}"' for f in added)
            errors.append(
                FieldError(
                    "metadata.finalizers",
                    "Forbidden: no new finalizers can be added if the object is being deleted, "
                    f"found new finalizers []string{{{listed}}}",
                    "FieldValueForbidden",
                )
            )
    errors += _labels(metadata.get("labels") or {}, "metadata.labels")
    errors += _annotations(metadata.get("annotations") or {})
    errors += _owner_references(metadata.get("ownerReferences") or [])
    return errors


def _labels(labels: JSON, path: str) -> Iterator[FieldError]:
    for key, value in labels.items():
        problem = _qualified_name_problem(key)
        if problem:
            yield _invalid(path, key, problem)
        problem = label_value_problem(value)
        if problem:
            yield _invalid(path, value, problem)


def label_value_problem(value: str) -> str | None:
    if len(value) > 63:
        return "must be no more than 63 characters"
    if re.fullmatch(_LABEL_VALUE, value):
        return None
    return (
        "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or "
        "'.', and must start and end with an alphanumeric character (e.g. 'MyValue',  or "
        f"'my_value',  or '12345', regex used for validation is '{_LABEL_VALUE}')"
    )


def _qualified_name_problem(key: str) -> str | None:
    prefix, slash, name = key.rpartition("/")
    if slash:
        if not prefix:
            return "prefix part must be non-empty"
        problem = subdomain_problem(prefix)
        if problem:
            return f"prefix part {problem}"
    if not name:
        return "name part must be non-empty"
    if len(name) > 63:
        return "name part must be no more than 63 characters"
    if re.fullmatch(_QUALIFIED, name):
        return None
    return (
        "name part must consist of alphanumeric characters, '-', '_' or '.', and must start and "
        "end with an alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex "
        f"used for validation is '{_QUALIFIED}')"
    )


#: All annotations of an object together, as the server counts them.
_MAX_ANNOTATIONS = 256 * 1024


def _annotations(annotations: JSON) -> Iterator[FieldError]:
    for key in annotations:
        problem = _qualified_name_problem(key.lower())
        if problem:
            yield _invalid("metadata.annotations", key, problem)
    if sum(len(k) + len(v) for k, v in annotations.items()) > _MAX_ANNOTATIONS:
        yield FieldError(
            "metadata.annotations",
            f"Too long: may not be more than {_MAX_ANNOTATIONS} bytes",
            "FieldValueTooLong",
        )


_STANDARD_FINALIZERS = frozenset({"kubernetes", "orphan", "foregroundDeletion"})


def _finalizers(finalizers: list[str]) -> Iterator[FieldError]:
    for index, finalizer in enumerate(finalizers):
        if problem := _qualified_name_problem(finalizer):
            yield _invalid("metadata.finalizers", finalizer, problem)
        if "/" not in finalizer and finalizer not in _STANDARD_FINALIZERS:
            message = "name is neither a standard finalizer name nor is it fully qualified"
            yield _invalid(f"metadata.finalizers[{index}]", finalizer, message)


def _owner_references(references: list[JSON]) -> Iterator[FieldError]:
    path = "metadata.ownerReferences"
    for index, reference in enumerate(references):
        for field in ("apiVersion", "kind", "name", "uid"):
            if not reference.get(field):
                message = "Required value: must not be empty"
                yield FieldError(f"{path}[{index}].{field}", message, "FieldValueRequired")
    controllers = [r for r in references if r.get("controller")]
    if len(controllers) > 1:
        first, second = (f"{r['kind']}/{r['name']}" for r in controllers[:2])
        shown = json.dumps(references, separators=(",", ":"))
        yield FieldError(
            path,
            f"Invalid value: {shown}: Only one reference can have Controller set to true. Found "
            f'"true" in references for {first} and {second}',
            "FieldValueInvalid",
        )


def _invalid(path: str, value: str, problem: str) -> FieldError:
    return FieldError(path, f'Invalid value: "{value}": {problem}', "FieldValueInvalid")
