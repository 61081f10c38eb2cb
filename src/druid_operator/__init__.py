"""Runs Apache Druid on Kubernetes. Start reading at ARCHITECTURE.md."""

__version__ = "0.1.0"
