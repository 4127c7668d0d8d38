#!/usr/bin/env bash
# Renders every overlay, and two that take in every component between them, and judges what comes out: by the schemas in k8s/schemas, by
# kube-score, and by what no schema knows: a value that no setting replaced, an image without a digest.
# usage: k8s-check.sh TOOLS, the directory of kubeconform, kube-score and, where kubectl is missing, kustomize
set -euo pipefail
cd "$(dirname "$0")/.."
tools=$1
out=build/k8s
rm -rf "$out" && mkdir -p "$out"
if command -v kubectl >/dev/null; then render() { kubectl kustomize "$1"; }; else render() { "$tools/kustomize" build "$1"; }; fi

# whole OVERLAY LOGIN SETTINGS: an overlay with every component, of which LOGIN is the bridge's way into Kafka
whole() {
  mkdir -p "$out/$1"
  sed "\$a\\$3" k8s/overlays/prod/settings.yaml >"$out/$1/settings.yaml"
  cat >"$out/$1/kustomization.yaml" <<WHOLE
apiVersion: kustomize.config.k8s.io/v1beta1
kind: Kustomization
resources: [../../../k8s/base, settings.yaml]
components:
  - ../../../k8s/components/gateway
  - ../../../k8s/components/monitoring
  - ../../../k8s/components/rules
  - ../../../k8s/components/silence
  - ../../../k8s/components/rotation
  - ../../../k8s/components/$2
  - ../../../k8s/components/settings
WHOLE
}
rotated='  PREVIOUS_TOKEN_KEY_VERSION: "1"\n  PREVIOUS_TOKEN_KEY_SECRET: "1"'
whole whole sasl "$rotated\n  KAFKA_SASL_MECHANISM: SCRAM-SHA-512\n  KAFKA_SASL_USER: bridge"
whole google managed-kafka "$rotated"

failed=0
for overlay in k8s/overlays/* "$out/whole" "$out/google"; do
  name=$(basename "$overlay")
  render "$overlay" >"$out/$name.yaml"
  "$tools/kubeconform" -strict -schema-location 'k8s/schemas/{{.ResourceKind}}{{.KindSuffix}}.json' "$out/$name.yaml" || failed=1
  "$tools/kube-score" score --all-default-optional --output-format ci --kubernetes-version v1.34 "$out/$name.yaml" >"$out/$name.score" || failed=1
  grep -E '^\[(CRITICAL|WARNING)\]' "$out/$name.score" >&2 && failed=1
  if grep -nE '192\.0\.2\.0|PROJECT_ID/|@SERVICE_ACCOUNTS|: (pix|push)-[a-z]+@$|name: settings$' "$out/$name.yaml" >&2; then
    echo "k8s-check: $name holds what no setting replaced" >&2 && failed=1
  fi
  if grep -nE '^ +(- )?image: ' "$out/$name.yaml" | grep -vE '@sha256:[0-9a-f]{64}$' >&2; then
    echo "k8s-check: $name names an image without its digest" >&2 && failed=1
  fi
done
[ "$failed" = 0 ] && echo "k8s-check: $(cat "$out"/*.yaml | grep -c '^kind:') resources in $(ls "$out"/*.yaml | wc -l) renderings are clean"
exit "$failed"
