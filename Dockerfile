# The image of `tidegate`, which serves chat too: built in one stage, copied into an image that has a
# C library, certificates and time zones, and neither a shell nor a package manager. See docs/deploy.md.

FROM rust:1.95-bookworm AS build
WORKDIR /src
COPY . .
# What `/api/health` says that the image was made of: --build-arg SOURCE_COMMIT="$(git rev-parse HEAD)".
ARG SOURCE_COMMIT
# `--locked`: what Cargo.lock says, or nothing. The caches are no part of any layer.
RUN --mount=type=cache,target=/usr/local/cargo/registry \
    --mount=type=cache,target=/src/target \
    cargo build --release --locked --package tidegate --bin tidegate \
    && install -D --strip target/release/tidegate /out/tidegate \
    && install -d -m 0700 /out/state

FROM gcr.io/distroless/cc-debian12:nonroot
COPY --from=build /out/tidegate /usr/local/bin/tidegate
# A volume that is mounted here for the first time takes over who owns it.
COPY --from=build --chown=65532:65532 /out/state /var/lib/tidegate
USER 65532:65532
WORKDIR /var/lib/tidegate
ENV VIZ_API_BIND=0.0.0.0:3000 \
    REALTIME_STATE_DIR=/var/lib/tidegate \
    TIDEGATE_LOG_FORMAT=json
VOLUME /var/lib/tidegate
EXPOSE 3000
STOPSIGNAL SIGTERM
# Whether the process answers, not whether it is ready: an outage of Redis is no reason to restart it.
HEALTHCHECK --interval=5s --timeout=3s --start-period=60s --retries=3 \
    CMD ["/usr/local/bin/tidegate", "ready", "--live"]
ENTRYPOINT ["/usr/local/bin/tidegate"]
CMD ["serve"]
