# syntax=docker/dockerfile:1.7
# One image with every binary; the command chooses the role:  docker run order-fleet order-processor

FROM rust:1.95-slim-bookworm AS build
WORKDIR /build
# gcc and libc6-dev are in the base image; jemalloc's build asks for make, too.
RUN apt-get update && apt-get install -y --no-install-recommends make && rm -rf /var/lib/apt/lists/*
COPY . .
ENV SQLX_OFFLINE=true CARGO_TERM_COLOR=never
# The cache mounts keep crates and compiled dependencies between builds; binaries are copied out of them.
RUN --mount=type=cache,target=/usr/local/cargo/registry \
    --mount=type=cache,target=/build/target \
    cargo build --locked --profile dist --bins \
    && mkdir /binaries \
    && find target/dist -maxdepth 1 -type f -executable ! -name demo -exec cp -t /binaries {} +

FROM gcr.io/distroless/cc-debian12:nonroot
COPY --from=build /binaries/ /usr/local/bin/
# nonroot, as a number so that Kubernetes can check it.
USER 65532
ENV HTTP_ADDR=0.0.0.0:8080 METRICS_ADDR=0.0.0.0:9090
EXPOSE 8080 9090
CMD ["fleet"]
