"""Names with hashes are those of the real controllers where their input is JSON."""

from __future__ import annotations

from druid_operator.pkg.envtest.dataplane.hashing import short_hash


def test_a_revision_is_named_as_kubernetes_1_37_named_it() -> None:
    data = {
        "spec": {
            "template": {
                "$patch": "replace",
                "metadata": {"labels": {"app": "db"}},
                "spec": {
                    "containers": [
                        {
                            "image": "db:1",
                            "imagePullPolicy": "IfNotPresent",
                            "name": "c",
                            "resources": {},
                            "terminationMessagePath": "/dev/termination-log",
                            "terminationMessagePolicy": "File",
                            "volumeMounts": [{"mountPath": "/d", "name": "data"}],
                        }
                    ],
                    "dnsPolicy": "ClusterFirst",
                    "restartPolicy": "Always",
                    "schedulerName": "default-scheduler",
                    "securityContext": {},
                    "terminationGracePeriodSeconds": 30,
                },
            }
        }
    }
    assert short_hash(data, 0) == "5c748c7cb9"


def test_the_collision_count_gives_another_name() -> None:
    assert short_hash({"a": 1}, 0) != short_hash({"a": 1}, 1)


def test_the_order_of_keys_does_not_matter() -> None:
    assert short_hash({"a": 1, "b": 2}) == short_hash({"b": 2, "a": 1})
