# The image of Pullwhy: the agent by default, every other command by its name.
#
#   docker build -t pullwhy .            or  buildah bud, podman build, kaniko: nothing here is one builder's own
#   docker buildx build --platform linux/amd64,linux/arm64 …
#
# The final stage runs nothing, so building for another architecture needs no emulation. A release names both images by
# digest (name@sha256:…), for a tag can be moved; `docker buildx imagetools inspect NAME` tells the one for all architectures:
#   --build-arg NODE_IMAGE=docker.io/library/node:24.21.0-bookworm-slim@sha256:…
#   --build-arg BASE_IMAGE=gcr.io/distroless/cc-debian12@sha256:…
#
# NODE_IMAGE has the Node that package.json pins. BASE_IMAGE needs glibc and libstdc++, and no more: no shell, no package
# manager, no certificates (those of the node are used).
ARG NODE_IMAGE=docker.io/library/node:24.21.0-bookworm-slim
ARG BASE_IMAGE=gcr.io/distroless/cc-debian12:latest

FROM --platform=$BUILDPLATFORM ${NODE_IMAGE} AS build
WORKDIR /src
COPY package.json package-lock.json .npmrc ./
# No package needs its install script for this: the bundler comes as a package of its own for each platform.
RUN ["npm", "ci", "--ignore-scripts", "--prefer-offline"]
COPY build build
COPY proto proto
COPY src src
RUN ["node", "build/build.ts"]

FROM ${NODE_IMAGE} AS node

FROM ${BASE_IMAGE}
ARG VERSION=0.1.0
ARG REVISION=unknown
ARG CREATED=1970-01-01T00:00:00Z
LABEL org.opencontainers.image.title="pullwhy" \
      org.opencontainers.image.description="Tells why a Kubernetes node cannot pull an image, proves it, and helps it recover." \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}" \
      org.opencontainers.image.created="${CREATED}"
COPY --from=node /usr/local/bin/node /usr/local/bin/node
COPY LICENSE package.json /usr/local/lib/pullwhy/
COPY bin /usr/local/lib/pullwhy/bin
# Without the source maps, which are twice as large as the code.
COPY --from=build /src/dist/*.js /src/dist/*.wasm /src/dist/*.txt /usr/local/lib/pullwhy/dist/
COPY --from=build /src/dist/proto/cri.json /usr/local/lib/pullwhy/dist/proto/cri.json

# Compiled code is not kept: the file system is read-only, and a process that stays compiles once.
ENV NODE_ENV=production \
    NODE_DISABLE_COMPILE_CACHE=1
# An ordinary user. The agent of deploy/ runs as root without capabilities instead: the runtime's socket, its
# configuration and the journal are root's (deploy/README.md).
USER 65532:65532
# The agent's flags for a small heap are in bin/pullwhy.js, which starts it with them; flags that are set here would keep
# it from that.
ENTRYPOINT ["/usr/local/bin/node", "/usr/local/lib/pullwhy/bin/pullwhy.js"]
CMD ["agent"]
# Kubernetes has probes of its own; this is for docker and podman.
HEALTHCHECK --interval=30s --timeout=5s --start-period=10s --retries=3 \
    CMD ["/usr/local/bin/node", "/usr/local/lib/pullwhy/bin/pullwhy.js", "node", "health"]
