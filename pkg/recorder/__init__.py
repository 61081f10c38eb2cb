"""Kubernetes Events: what happened to an object and why, for the people who look at it."""

from druid_operator.pkg.recorder.recorder import EventRecorder, FakeRecorder, Recorder
from druid_operator.pkg.recorder.reference import ObjectReference
from druid_operator.pkg.recorder.series import EventType

__all__ = ["EventRecorder", "Recorder", "FakeRecorder", "ObjectReference", "EventType"]
