"""A Druid cluster as a pure function: from a ``Druid`` to the objects that run it.

``resolve`` settles defaults, merges and references, ``build`` makes one manifest per child::

    manifests = build(resolve(druid, extra_config))

Nothing here reads, writes, waits or looks at a clock.
"""
