"""Laws of admission, for every object and every schema of the shapes that our CRDs have."""

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from druid_operator.pkg.schema import apply_defaults, coerce, prune, validate

_KEYS = st.sampled_from(["a", "b", "c.d", "kind", "metadata"])
_JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 5) | st.sampled_from(["", "x", "12"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_KEYS, inner, max_size=3),
    max_leaves=10,
)


def _scalar(kind: str, default: Any) -> st.SearchStrategy[dict[str, Any]]:
    return st.fixed_dictionaries(
        {"type": st.just(kind)},
        optional={"nullable": st.booleans(), "default": st.just(default)},
    )


_SCALARS = _scalar("string", "x") | _scalar("integer", 1) | _scalar("boolean", False)
_SCHEMAS = st.recursive(
    _SCALARS | st.just({"x-kubernetes-preserve-unknown-fields": True}),
    lambda inner: (
        st.fixed_dictionaries(
            {"type": st.just("object"), "properties": st.dictionaries(_KEYS, inner, max_size=3)},
            optional={
                "x-kubernetes-preserve-unknown-fields": st.just(True),
                "nullable": st.booleans(),
                "default": st.just({}),
            },
        )
        | st.fixed_dictionaries({"type": st.just("object"), "additionalProperties": inner})
        | st.fixed_dictionaries({"type": st.just("array"), "items": inner})
    ),
    max_leaves=8,
)


@given(_SCHEMAS, _JSON)
def test_defaulting_twice_is_defaulting_once(schema: dict[str, Any], obj: Any) -> None:
    once = apply_defaults(schema, obj)
    assert apply_defaults(schema, once) == once


@given(_SCHEMAS, _JSON)
def test_pruning_twice_is_pruning_once(schema: dict[str, Any], obj: Any) -> None:
    once, _ = prune(schema, obj)
    assert prune(schema, once) == (once, [])


@given(_SCHEMAS, _JSON)
def test_what_was_admitted_is_admitted_again_unchanged(schema: dict[str, Any], obj: Any) -> None:
    """Every later write starts from what is stored: nothing may change under the writer."""
    once = coerce(schema, obj)
    again = coerce(schema, once.obj)
    assert (again.obj, again.dropped) == (once.obj, ())


@given(_SCHEMAS, _JSON)
def test_admission_makes_no_valid_object_invalid(schema: dict[str, Any], obj: Any) -> None:
    if validate(schema, obj) == []:
        assert validate(schema, coerce(schema, obj).obj) == []


@given(_SCHEMAS, _JSON)
def test_every_dropped_path_was_there_and_is_gone(schema: dict[str, Any], obj: Any) -> None:
    pruned, dropped = prune(schema, obj)
    assert (pruned == obj) is (dropped == [])
