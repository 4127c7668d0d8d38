#!/usr/bin/env bash
# Signs the images that `make push-images` pushed: with cosign, for whoever pulls them, and with the project's own key, which is
# what Binary Authorization asks for before a pod or a revision starts. usage: sign.sh BUILD
set -euo pipefail
checksums=$1/images/checksums.txt
project=${PROJECT_ID:?set PROJECT_ID to the project of the environment}
region=${REGION:?set REGION to the region of the environment}
[ -s "$checksums" ] || { echo "sign: there is no $checksums: make push-images comes first"; exit 1; }
key=projects/$project/locations/$region/keyRings/sentinela/cryptoKeys/attestor/cryptoKeyVersions/1
gcloud auth configure-docker "$region-docker.pkg.dev" --quiet # cosign asks there who it is
while read -r digest name <&3; do
  image=$name@sha256:$digest
  # A reproducible image comes again, and a registry with immutable tags takes a signature once.
  cosign verify --certificate-identity-regexp "^https://github.com/${GITHUB_REPOSITORY:?whose workflow signs}/" --certificate-oidc-issuer https://token.actions.githubusercontent.com \
    "$image" >/dev/null 2>&1 || cosign sign --yes "$image"
  # A deployment that is run again meets its own attestation.
  [ -z "$(gcloud beta container binauthz attestations list --attestor built-by-delivery --attestor-project "$project" --artifact-url "$image" --format 'value(name)')" ] || continue
  gcloud beta container binauthz attestations sign-and-create --project "$project" --artifact-url "$image" \
    --attestor built-by-delivery --attestor-project "$project" --keyversion "$key"
done 3<"$checksums"
