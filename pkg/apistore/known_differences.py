"""Where this server knowingly differs from kube-apiserver 1.37, and why that is no harm.

The conformance suite holds everything else to the real one. A difference that is not in this list
is a fault: mend it, and keep it as a conformance test.
"""

from __future__ import annotations

import attrs


@attrs.frozen
class Difference:
    """``what`` is different here, and ``why`` it may stay so."""

    what: str
    why: str


KNOWN_DIFFERENCES: tuple[Difference, ...] = (
    Difference(
        "x-kubernetes-validations (CEL rules) are not evaluated.",
        "A CEL interpreter would be larger than this server. Rules are tested on the real one.",
    ),
    Difference(
        "Validation of built-in kinds covers what an operator can get wrong, not every rule.",
        "An object that only the real server refuses fails in the suites that run on it.",
    ),
    Difference(
        "Several faults of one custom object may come in another order, and only once each.",
        "Go's maps have no order; the real server repeats a metadata fault of an update thrice.",
    ),
    Difference(
        "Messages that quote a whole object (a refused patch, immutable claim templates) quote its "
        "JSON, with the fields in another order.",
        "The real server prints internal Go structs there, which nobody can rely on.",
    ),
    Difference(
        "No authentication and no authorization: everybody may do everything.",
        "Roles are tested on the real server. TokenReview and SubjectAccessReview answer what the "
        "test tells them to.",
    ),
    Difference(
        "Pods get no service account token volume, nodes no not-ready taint.",
        "Nothing here mounts or schedules.",
    ),
    Difference(
        "Pods vanish at once when deleted, unless the store was made with graceful_pods.",
        "So they do with kwok, which plays the kubelet on the real control plane in tests.",
    ),
    Difference(
        "Garbage is collected, and deleted namespaces are emptied, at once.",
        "kube-controller-manager takes 5 to 16 s for a namespace; tests need not wait for that.",
    ),
    Difference(
        "Managed fields that another version of the same kind owns are left as they are.",
        "Only events have two versions here, and nobody applies events.",
    ),
    Difference(
        "Custom resources are not converted between versions, and not defaulted again when read.",
        "The kinds tested here have one version.",
    ),
    Difference(
        "/openapi/v2 is empty; /openapi/v3 has no descriptions.",
        "kubectl needs the former to exist, and from the latter merge keys and parameters.",
    ),
    Difference(
        "Answers are JSON; protobuf is understood in requests only.",
        "Every client that speaks protobuf also accepts JSON.",
    ),
)
