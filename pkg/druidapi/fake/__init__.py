"""A Druid that never was: an HTTP server with Druid's API and its quirks, for tests and demos.

Held to exchanges recorded from real Druids (33.0.0 and 37.0.0). ``python -m
druid_operator.pkg.druidapi.fake --port N`` runs it as a process.
"""

from druid_operator.pkg.druidapi.fake.behaviour import Behaviour
from druid_operator.pkg.druidapi.fake.faults import Fault
from druid_operator.pkg.druidapi.fake.server import FakeDruid, LoggedRequest

__all__ = ["Behaviour", "FakeDruid", "Fault", "LoggedRequest"]
