"""Reviews: kinds that are asked, not stored. Who is this token, and may he do that?"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import attrs

from druid_operator.pkg.meta import JSON, GroupVersionKind

_REVIEWS: Mapping[tuple[str, str], str] = {
    ("authentication.k8s.io", "tokenreviews"): "TokenReview",
    ("authorization.k8s.io", "subjectaccessreviews"): "SubjectAccessReview",
    ("authorization.k8s.io", "selfsubjectaccessreviews"): "SelfSubjectAccessReview",
    ("authorization.k8s.io", "localsubjectaccessreviews"): "LocalSubjectAccessReview",
}


@attrs.frozen
class User:
    """Whom a token authenticates."""

    name: str
    groups: tuple[str, ...] = ()


@attrs.define
class Reviews:
    """What the server answers. By default it knows no token and allows everybody everything.

    Args:
        tokens: the users that ``TokenReview`` knows.
        allow: decides access reviews from their ``spec``.
    """

    tokens: dict[str, User] = attrs.field(factory=dict)
    allow: Callable[[JSON], bool] = lambda _spec: True

    def kind(self, group: str, plural: str) -> GroupVersionKind | None:
        """The kind of review posted to that path, ``None`` when it is none."""
        kind = _REVIEWS.get((group, plural))
        return None if kind is None else GroupVersionKind(group, "v1", kind)

    def answer(self, gvk: GroupVersionKind, review: JSON) -> JSON:
        """The review with its status."""
        spec = review.get("spec") or {}
        if gvk.kind == "TokenReview":
            status = self._authenticate(spec.get("token", ""))
        else:
            status = {"allowed": self.allow(spec)}
        return {
            "kind": gvk.kind,
            "apiVersion": gvk.api_version,
            "metadata": {},
            "spec": spec,
            "status": status,
        }

    def _authenticate(self, token: str) -> JSON:
        user = self.tokens.get(token)
        if user is None:
            return {"authenticated": False, "user": {}, "error": "invalid bearer token"}
        shown = {"username": user.name, "groups": list(user.groups)}
        return {"authenticated": True, "user": shown}
