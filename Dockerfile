# syntax=docker/dockerfile:1
# One image for every line of the Procfile: docker run IMAGE COMMAND. Without one it is the web process.

FROM python:3.13-slim AS build
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1
COPY requirements/production.txt /tmp/production.txt
RUN python -m venv /venv && /venv/bin/pip install --require-hashes -r /tmp/production.txt
COPY . /app
WORKDIR /app
# For the building alone: the running process gets its own.
RUN DEBUG=0 SECRET_KEY=building ALLOWED_HOSTS=localhost DATABASE_URL=postgres://nobody@localhost/none \
    /venv/bin/python manage.py collectstatic --noinput && \
    /venv/bin/python -m compileall -q /app

FROM python:3.13-slim
# pg_dump and psql, for manage.py backup and restore.
RUN apt-get update && \
    apt-get install -y --no-install-recommends postgresql-client && \
    rm -rf /var/lib/apt/lists/* && \
    useradd --system --uid 10001 --no-create-home --shell /usr/sbin/nologin bellhop && \
    mkdir -p /app/var && chown bellhop /app/var
ENV PATH=/venv/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1
COPY --from=build /venv /venv
COPY --from=build /app /app
WORKDIR /app
USER 10001
EXPOSE 8000
# A worker is asked to stop, and finishes the job in hand.
STOPSIGNAL SIGTERM
CMD ["gunicorn", "--pythonpath", "site", "config.wsgi"]
