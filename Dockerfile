# The service in a container. Build it in a checkout:  docker build --tag hedgerow .
#
# Two stages, so that pip and the sources stay behind. Nothing is compiled: every dependency comes as a wheel.
FROM python:3.13-slim AS build
WORKDIR /build
COPY pyproject.toml constraints.txt README.md LICENSE NOTICE ./
COPY src ./src
RUN python -m venv /opt/hedgerow \
 && /opt/hedgerow/bin/pip install --no-cache-dir --constraint constraints.txt '.[server,postgres,s3,traces,video]'

FROM python:3.13-slim
# A user that owns nothing but the data: what takes over a decoder finds nothing else.
RUN useradd --system --uid 10001 --home-dir /data --shell /usr/sbin/nologin hedgerow \
 && install --directory --owner hedgerow --group hedgerow --mode 0700 /data
COPY --from=build /opt/hedgerow /opt/hedgerow
ENV PATH=/opt/hedgerow/bin:$PATH \
    HEDGEROW_DATA=/data \
    HEDGEROW_SERVER_HOST=0.0.0.0 \
    NUMBA_CACHE_DIR=/data/cache \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1
USER hedgerow
VOLUME /data
EXPOSE 8080
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=5s --start-period=60s \
  CMD ["python", "-c", "import urllib.request; urllib.request.urlopen('http://127.0.0.1:8080/healthz', timeout=4)"]
ENTRYPOINT ["hedgerow"]
CMD ["serve"]
