"""A real Kubernetes control plane on loopback, without containers.

etcd, kube-apiserver, kube-controller-manager, kube-scheduler and KWOK, built from the Go modules
that the ``go.mod`` beside this file lists, run as processes of the user who asks.
"""
