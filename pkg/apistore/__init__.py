"""The API server's verbs on an in-memory store, without I/O.

Start at ``store.py``. The rooms behind it:

* *reading*: ``reads`` (get, list, watch), ``history``, ``selectors``, ``tables``; * *writing*:
``creation`` and ``updating`` over ``body`` (decoding), ``strategy`` (what each kind resets),
``defaults`` and ``validation``; ``deletion``, ``eviction`` and ``garbage``; * *patches*:
``patching``, one module per kind of patch, and ``apply`` for server-side apply; * *ownership*:
``fieldset`` and ``managed_fields``, over values seen through their type (``typed``,
``typed_compare``, ``typed_merge``, ``typeschema``); * *kinds*: ``resources`` and the generated
``builtin_schema.json``, ``crd`` for custom ones.

``known_differences`` lists where it departs from kube-apiserver.
"""
