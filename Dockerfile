# The operator and nothing else: no simulator, no compiler, no package index left in it, no root.
ARG BASE_IMAGE=python:3.13-slim

FROM ${BASE_IMAGE} AS build
WORKDIR /src
COPY requirements/runtime.txt requirements/build.txt requirements/
RUN python3 -m venv /opt/operator \
    && /opt/operator/bin/python -m pip install --no-cache-dir --require-hashes --requirement requirements/runtime.txt \
    && python3 -m venv /opt/build \
    && /opt/build/bin/python -m pip install --no-cache-dir --require-hashes --requirement requirements/build.txt
COPY pyproject.toml README.md LICENSE ./
COPY operator/tokenfactory_operator operator/tokenfactory_operator
RUN /opt/build/bin/python -m hatchling build --target wheel --directory /tmp/wheel \
    && /opt/operator/bin/python -m pip install --no-cache-dir --no-deps --no-index /tmp/wheel/*.whl \
    && /opt/operator/bin/python -m compileall -qq /opt/operator/lib \
    && /opt/operator/bin/python -m pip uninstall --yes --quiet pip

FROM ${BASE_IMAGE}
LABEL org.opencontainers.image.title="tokenfactory-operator" \
      org.opencontainers.image.licenses="Apache-2.0"
COPY --from=build /opt/operator /opt/operator
ENV PATH=/opt/operator/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1
# The numeric id of "nonroot": Kubernetes can check runAsNonRoot only against a number.
USER 65532:65532
EXPOSE 8080 8081
ENTRYPOINT ["tokenfactory-operator"]
CMD ["run"]
