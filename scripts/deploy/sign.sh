#!/usr/bin/env bash
# Signs the images that `make push-images` pushed: with cosign, for whoever pulls them, and with the project's own key, which is
# what Binary Authorization asks for before a pod or a revision starts. usage: sign.sh BUILD
set -euo pipefail
checksums=$1/images/checksums.txt
project=${PROJECT_ID:?set PROJECT_ID to the project of the environment}
region=${REGION:?set REGION to the region of the environment}
[ -s "$checksums" ] || { echo "sign: there is no $checksums: make push-images comes first"; exit 1; }
key=projects/$project/locations/$region/keyRings/sentinela/cryptoKeys/attestor/cryptoKeyVersions/1
while read -r digest name <&3; do
  image=$name@sha256:$digest
  cosign sign --yes "$image"
  # A deployment that is run again meets its own attestation.
  [ -z "$(gcloud container binauthz attestations list --attestor built-by-delivery --attestor-project "$project" --artifact-url "$image" --format 'value(name)')" ] || continue
  gcloud container binauthz attestations sign-and-create --project "$project" --artifact-url "$image" \
    --attestor built-by-delivery --attestor-project "$project" --keyversion "$key"
done 3<"$checksums"
