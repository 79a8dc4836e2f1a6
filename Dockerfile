# docs/container.md says how to build and run this, and what was measured.
# The base image; name it with its digest to build on exactly one (python:3.11-slim-bookworm@sha256:...).
ARG BASE=python:3.11-slim-bookworm

FROM ${BASE} AS build
# Where pip looks: the index of the CPU wheels of torch, and of nothing else (without it pip may fetch
# the CUDA build, gigabytes more); and a mirror in place of pip's own index. Empty: as pip is configured.
ARG TORCH_INDEX=
ARG PYPI_MIRROR=
# Optional dependencies of pyproject.toml, for example: heif
ARG EXTRAS=
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1
RUN python -m venv /opt/venv
ENV PATH=/opt/venv/bin:$PATH
WORKDIR /src
# Requirements before code: this layer, minutes of download, is rebuilt only when they change.
COPY requirements requirements
RUN for extra in ${EXTRAS}; do set -- "$@" --requirement "requirements/lock-$extra.txt"; done \
    && PIP_INDEX_URL=${PYPI_MIRROR} pip install --require-hashes --only-binary :all: \
        --requirement requirements/lock.txt "$@"
RUN PIP_INDEX_URL=${PYPI_MIRROR} pip install --constraint requirements/constraints.txt \
        ${TORCH_INDEX:+--no-deps --index-url "${TORCH_INDEX}"} --requirement requirements/torch.txt \
    # what torch brings for building and testing C++ extensions: 145 MB that nothing here reads
    && rm -rf /opt/venv/lib/python3*/site-packages/torch/include \
        /opt/venv/lib/python3*/site-packages/torch/test
COPY pyproject.toml README.md LICENSE ./
COPY daemon daemon
RUN pip install --no-index --no-deps --no-build-isolation --target /opt/code .

FROM ${BASE}
# 1000 is the first user of most Linux hosts; any other will do (docker run --user), so none is named.
RUN install --directory --owner 1000 --group 1000 /data /logs /state
WORKDIR /app
# The code is a layer of its own: an upgrade that leaves the requirements alone carries a megabyte,
# not a gigabyte.
COPY --from=build /opt/venv /opt/venv
COPY models models
COPY config.yaml ./
COPY --from=build /opt/code /opt/code
ENV PATH=/opt/code/bin:/opt/venv/bin:$PATH \
    PYTHONPATH=/opt/code \
    PYTHONSAFEPATH=1 \
    HOME=/tmp \
    OCR_DAEMON__FOLDERS__INBOX=/data/inbox \
    OCR_DAEMON__FOLDERS__OUTBOX=/data/outbox \
    OCR_DAEMON__FOLDERS__ARCHIVE=/data/archive \
    OCR_DAEMON__FOLDERS__FAILED=/data/failed \
    OCR_DAEMON__FOLDERS__LOGS=/logs \
    OCR_DAEMON__FOLDERS__STATE=/state
USER 1000:1000
# Rare, since each check starts an interpreter: half a second of processor.
HEALTHCHECK --interval=2m --timeout=10s --start-period=2m --retries=2 CMD ["ocr-daemon", "health"]
ENTRYPOINT ["ocr-daemon"]
CMD ["run"]
