"""A real Druid and a real Kafka on loopback, for the demo and the tests.

The operator itself never imports this room. ::

    assets = ensure_assets(report=print)                        # assets.py
    async with RealKafka(assets, directory / "kafka") as kafka:    # kafka.py
        async with RealDruid(assets, children, directory / "druid") as druid:    # launcher.py
            ...

``children`` are the objects that the operator made, read from an API server or rendered
(``sample.py``). Nothing is imported here: ``assets`` is a command too, and runs as its own module.
"""
