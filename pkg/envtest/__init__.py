"""A Kubernetes API to test and to demonstrate against: embedded, real, or one that exists already.

``environment.Environment`` is the face; ``pytest_plugin`` makes fixtures of it. Nothing is imported
here, so that a test of a pure function does not pay for an API server.
"""
