# Bandwatch in a container: docker build -t bandwatch .
# On a machine without a GPU, the CPU-only wheels of torch save several gigabytes: name the index that serves them,
# docker build --build-arg TORCH_INDEX_URL=https://INDEX -t bandwatch .
# Without torch the image is a fraction of that, and the detector `baseline` serves every series:
# docker build --build-arg EXTRAS= -t bandwatch .

ARG PYTHON=3.11

FROM python:${PYTHON}-slim AS build
ARG TORCH_INDEX_URL=
ARG EXTRAS=torch
ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1
RUN python -m venv /opt/bandwatch
WORKDIR /src
COPY constraints.txt ./
# Alone and first: by far the largest layer, and the one that changes least. What torch needs comes with the rest.
RUN if [ "$EXTRAS" = torch ]; then /opt/bandwatch/bin/pip install --no-deps --constraint constraints.txt \
    ${TORCH_INDEX_URL:+--index-url "$TORCH_INDEX_URL"} torch; fi
COPY pyproject.toml README.md LICENSE ./
COPY detectors detectors
COPY plugin plugin
COPY docs docs
RUN /opt/bandwatch/bin/pip install --constraint constraints.txt ".${EXTRAS:+[$EXTRAS]}" && /opt/bandwatch/bin/python -m compileall -q /opt/bandwatch

FROM python:${PYTHON}-slim
# A fixed number, so that a volume keeps its owner from one image to the next.
RUN groupadd --gid 10642 bandwatch && \
    useradd --uid 10642 --gid bandwatch --no-create-home --home-dir /var/lib/bandwatch --shell /usr/sbin/nologin bandwatch && \
    install -d -o bandwatch -g bandwatch -m 0750 /var/lib/bandwatch && \
    install -d /etc/bandwatch
COPY --from=build /opt/bandwatch /opt/bandwatch
COPY deploy/bandwatch.yml /etc/bandwatch/bandwatch.yml
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
