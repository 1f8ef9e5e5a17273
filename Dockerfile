# The image that `cargo xtask image` makes without a container daemon, for those who have one:
#   docker build --tag localhost/portcullis:dev .
#
# One static binary and nothing else. Certificates are compiled in; there is no shell, no user but a
# number, nothing to write to.
FROM rust:1.95-bookworm AS build
# aws-lc, the cryptography below TLS, is C and assembler.
RUN apt-get update && apt-get install --yes --no-install-recommends cmake clang
WORKDIR /source
COPY . .
# Naming the target keeps the flag away from build scripts and procedural macros.
ENV RUSTFLAGS="-C target-feature=+crt-static"
RUN cargo build --locked --release --package portcullis --target x86_64-unknown-linux-gnu \
 && strip -o /portcullis target/x86_64-unknown-linux-gnu/release/portcullis

FROM scratch
COPY --from=build /portcullis /portcullis
USER 65532:65532
ENTRYPOINT ["/portcullis"]
