# docs/container.md says how to build and run this, and what was measured.
# The base image; name it with its digest to build on exactly one (python:3.11-slim-bookworm@sha256:...).
ARG BASE=python:3.11-slim-bookworm

FROM ${BASE} AS build
# The index of the CPU wheels of torch, and of nothing else: where it cannot be reached, or is empty,
# torch comes from pip's own index (tools/install_torch.py); and a mirror in place of that index.
ARG TORCH_INDEX=https://download.pytorch.org/whl/cpu
ARG PYPI_MIRROR=
# Optional dependencies of pyproject.toml: web, or "web heif"
ARG EXTRAS=web
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1
RUN python -m venv /opt/venv
ENV PATH=/opt/venv/bin:$PATH
WORKDIR /src
# Requirements before code: this layer, minutes of download, is rebuilt only when they change.
COPY requirements requirements
RUN for extra in torch ${EXTRAS}; do set -- "$@" --requirement "requirements/lock-$extra.txt"; done \
    && PIP_INDEX_URL=${PYPI_MIRROR} pip install --require-hashes --only-binary :all: \
        --requirement requirements/lock.txt "$@"
COPY tools/install_torch.py tools/
RUN PIP_INDEX_URL=${PYPI_MIRROR} python -m tools.install_torch requirements/torch.txt "${TORCH_INDEX}" \
    # what torch brings for building and testing C++ extensions: 145 MB that nothing here reads
    && rm -rf /opt/venv/lib/python3*/site-packages/torch/include \
        /opt/venv/lib/python3*/site-packages/torch/test
COPY pyproject.toml README.md LICENSE config.yaml ./
COPY models models
COPY daemon daemon
RUN pip install --no-index --no-deps --no-build-isolation --target /opt/code . \
    && mv /opt/code/daemon/shipped /opt/shipped

FROM ${BASE}
ARG VERSION=
LABEL org.opencontainers.image.title="ocr-daemon" \
    org.opencontainers.image.description="A hot folder for OCR: images and PDFs in, their text out" \
    org.opencontainers.image.licenses="Apache-2.0" \
    org.opencontainers.image.version="${VERSION}"
# 1000 is the first user of most Linux hosts; any other will do (docker run --user), so none is named.
RUN install --directory --owner 1000 --group 1000 /data /logs /state
WORKDIR /app
# Networks and code are layers of their own: an upgrade that leaves the requirements and the networks
# alone carries a megabyte, not a gigabyte.
COPY --from=build /opt/venv /opt/venv
COPY --from=build /opt/shipped /opt/code/daemon/shipped
COPY --from=build /opt/code /opt/code
COPY config.yaml ./
# where the config of earlier versions names the networks
RUN ln -s /opt/code/daemon/shipped/models models
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
