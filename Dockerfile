# The image of a release. `release/image` puts the static binary and the certificates into the build context.
FROM scratch
COPY --chmod=0444 ca-certificates.crt /etc/ssl/certs/ca-certificates.crt
COPY --chmod=0555 apio-operator /apio-operator
# A number, so that runAsNonRoot can tell; nothing is written, so the file system may be read-only.
USER 65532:65532
EXPOSE 8080
ENTRYPOINT ["/apio-operator"]
