# Bandwatch in a container: docker build -t bandwatch .
# torch comes from the index of its wheels for processors. Another index, such as a mirror: --build-arg TORCH_INDEX_URL=https://INDEX
# The usual index, whose wheels bring the libraries for GPUs (several gigabytes): --build-arg TORCH_INDEX_URL=
# Without torch, a fraction of the size; the detector `baseline` serves every series: --build-arg EXTRAS=
# The commit in `bandwatch --version` and in the labels: --build-arg COMMIT=$(git rev-parse --short=12 HEAD)

ARG PYTHON=3.11

FROM python:${PYTHON}-slim AS build
ARG TORCH_INDEX_URL=https://download.pytorch.org/whl/cpu
ARG EXTRAS=torch
ARG COMMIT=
ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_ROOT_USER_ACTION=ignore PIP_PYTHON=/opt/bandwatch/bin/python BANDWATCH_COMMIT=${COMMIT}
# The pip of the image installs into it: what runs needs none of its own.
RUN python -m venv --without-pip /opt/bandwatch
WORKDIR /src
COPY constraints.txt ./
# Alone and first: by far the largest layer, and the one that changes least. What torch needs comes with the rest.
RUN case ",$EXTRAS," in *,torch,*) \
      pip install --no-deps --constraint constraints.txt ${TORCH_INDEX_URL:+--index-url "$TORCH_INDEX_URL"} torch || { \
        echo "torch could not be installed from ${TORCH_INDEX_URL:-the usual index}. Is it reachable from here? Choose:" >&2; \
        echo "  --build-arg TORCH_INDEX_URL=https://INDEX   another index with its wheels for processors" >&2; \
        echo "  --build-arg TORCH_INDEX_URL=                the usual index; adds several gigabytes of GPU libraries" >&2; \
        echo "  --build-arg EXTRAS=                         no torch; the detector baseline serves every series" >&2; \
        exit 1; } ;; esac
COPY pyproject.toml setup.py README.md LICENSE ./
COPY bandwatch bandwatch
COPY detectors detectors
COPY plugin plugin
COPY docs docs
COPY grafana grafana
RUN pip install --constraint constraints.txt ".${EXTRAS:+[$EXTRAS]}" && \
    find /opt/bandwatch -type d -name tests -prune -exec rm -r {} +

FROM python:${PYTHON}-slim
ARG COMMIT=
LABEL org.opencontainers.image.title="Bandwatch" \
      org.opencontainers.image.description="Anomaly bands and scores for a Prometheus + Grafana stack that already runs" \
      org.opencontainers.image.authors="Bandwatch maintainers" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.source="https://github.com/bandwatch/bandwatch" \
      org.opencontainers.image.version="0.2.0" \
      org.opencontainers.image.revision="${COMMIT}"
# A fixed number, so that a volume keeps its owner from one image to the next.
RUN groupadd --gid 10642 bandwatch && \
    useradd --uid 10642 --gid bandwatch --no-create-home --home-dir /var/lib/bandwatch --shell /usr/sbin/nologin bandwatch && \
    install -d -o bandwatch -g bandwatch -m 0750 /var/lib/bandwatch && \
    install -d /etc/bandwatch
COPY --from=build /opt/bandwatch /opt/bandwatch
COPY deploy/bandwatch.yml /etc/bandwatch/bandwatch.yml
# Nothing is written outside of /var/lib/bandwatch and /tmp: the root may be read-only.
ENV PATH=/opt/bandwatch/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 MPLCONFIGDIR=/tmp
USER 10642:10642
WORKDIR /var/lib/bandwatch
VOLUME /var/lib/bandwatch
EXPOSE 8642
HEALTHCHECK --interval=10s --timeout=3s --start-period=30s --retries=6 \
    CMD ["python", "-c", "import os, ssl, urllib.request as u; u.urlopen(os.environ.get('BANDWATCH_HEALTH_URL', 'http://127.0.0.1:8642') + '/-/healthy', timeout=2, context=ssl._create_unverified_context())"]
ENTRYPOINT ["bandwatch"]
# The file reads the tokens from the environment: docker run -e BANDWATCH_TOKEN=... -e BANDWATCH_WRITE_TOKEN=... -v ./bandwatch.yml:/etc/bandwatch/bandwatch.yml:ro
CMD ["run", "--config.file=/etc/bandwatch/bandwatch.yml", "--web.listen-address=0.0.0.0:8642", "--log.format=json"]
