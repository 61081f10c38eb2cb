# syntax=docker/dockerfile:1
#
# Two stages: the first makes a wheel and installs it with the pinned dependencies, the second has
# Python, the installed files and nothing else; no shell, no pip, no root.

FROM debian:trixie-slim AS build
RUN apt-get update \
    && apt-get install --yes --no-install-recommends python3 python3-venv \
    && rm -rf /var/lib/apt/lists/*
WORKDIR /src
COPY pyproject.toml constraints.txt README.md LICENSE ./
COPY src src
COPY api api
COPY pkg pkg
COPY internal internal
COPY cmd cmd
COPY config config
# Without compiled files the first import costs seconds in every pod that starts: the root file
# system is read-only, so Python could not keep what it compiles.
RUN python3 -m venv /build \
    && /build/bin/pip install --no-cache-dir --constraint constraints.txt hatchling build \
    && /build/bin/python -m build --wheel --no-isolation --outdir /dist \
    && python3 -m venv --without-pip /venv \
    && /build/bin/pip --python /venv/bin/python install --no-cache-dir \
        --constraint constraints.txt /dist/*.whl \
    && /venv/bin/python -m compileall -q /venv/lib

FROM gcr.io/distroless/python3-debian13:nonroot
COPY --from=build /venv/lib/python3.13/site-packages /app
ENV PYTHONPATH=/app PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1
USER 65532:65532
ENTRYPOINT ["/usr/bin/python3", "-m", "druid_operator"]
