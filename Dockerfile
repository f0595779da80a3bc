# The operator and nothing else: no simulator, no tests, no compiler, no package installer, not root.
# By tag, since no digest is known here. A release passes the digest that the tag has on that day, for both stages.
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
# The modules are compiled here, since a container with a read-only root file system cannot keep what it compiles.
RUN /opt/build/bin/python -m hatchling build --target wheel --directory /tmp/wheel \
    && /opt/operator/bin/python -m pip install --no-cache-dir --no-deps --no-index /tmp/wheel/*.whl \
    && /opt/operator/bin/python -m pip uninstall --yes --quiet pip setuptools \
    && /opt/operator/bin/python -m compileall -qq /opt/operator/lib

FROM ${BASE_IMAGE}
ARG BASE_IMAGE
LABEL org.opencontainers.image.title="tokenfactory-operator" \
      org.opencontainers.image.description="Kubernetes operator for Nebius Token Factory dedicated endpoints" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.base.name="${BASE_IMAGE}"
# What the base brings and the operator must not have: package installers, and files that run with their owner's rights.
RUN find /usr \( -name pip -o -name 'pip[-0-9]*' -o -name 'setuptools*' -o -name ensurepip -o -name python-wheels \) \
        -prune -exec rm -rf {} + \
    && find / -xdev -type f -perm /6000 -exec chmod a-s {} +
COPY --from=build /opt/operator /opt/operator
# USER: kopf asks for the name of its user, and fails where neither this nor /etc/passwd has one for the number.
ENV PATH=/opt/operator/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 USER=nonroot
# The numeric id of "nonroot": Kubernetes can check runAsNonRoot only against a number.
USER 65532:65532
EXPOSE 8080 8081
# Exec form: the operator is process 1 and gets SIGTERM itself.
ENTRYPOINT ["tokenfactory-operator"]
CMD ["run"]
