"""The embedded API server: ``pkg.apistore`` over real HTTP, with faults on demand.

Import :class:`EmbeddedAPIServer` from ``server``; request log and faults are its attributes.
"""
