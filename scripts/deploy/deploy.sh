#!/usr/bin/env bash
# Brings the images that `make push-images` pushed into an environment: the functions get a share of the traffic first, are
# watched, and then more; the bridge and the scorer follow; pixctl doctor has the last word. Whatever fails or interrupts it
# after traffic moved brings back what served before, and the exit code is 1.
# usage: deploy.sh ENVIRONMENT BUILD
set -euo pipefail
environment=$1 build=$(realpath -m "$2")
project=${PROJECT_ID:?set PROJECT_ID to the project of the environment}
region=${REGION:?set REGION to the region of the environment}
case $environment in
dev) steps=(100) watch=0 ;;
staging) steps=(100) watch=30m ;;
prod) steps=(5 25 50 100) watch=15m ;;
*) echo "deploy: $environment is no environment: dev, staging or prod"; exit 2 ;;
esac
work=$build/deploy/$environment
mkdir -p "$work"

image() { # the image of that name, by digest, as it was pushed
  awk -v name="/$1" 'substr($2, length($2) - length(name) + 1) == name { print $2 "@sha256:" $1; found = 1 } END { exit !found }' "$build/images/checksums.txt" ||
    { echo "deploy: $build/images/checksums.txt names no image $1: make push-images comes first" >&2; return 1; }
}

apply() { # IMAGE CANARY: canary is JSON, {} for everything to the newest revision
  printf '{"images": {"functions": "%s"}, "canary": %s}\n' "$1" "$2" >"$work/images.tfvars.json"
  terraform -chdir="terraform/envs/$environment" apply -input=false -auto-approve -lock-timeout=10m -var-file="$work/images.tfvars.json"
}

of_each_service() { # FORMAT: "function value" for every service that there is
  local function service value
  for function in $functions; do
    service=pix-$function
    if value=$(gcloud run services describe "$service" --project "$project" --region "$region" --format "value($1)" 2>/dev/null); then
      echo "$function $value"
    fi
  done
}

judge() { # SET-ARGUMENTS...: watches the release
  [ "$watch" != 0 ] || return 0
  "$build/gate" -prometheus "https://monitoring.googleapis.com/v1/projects/$project/location/global/prometheus" -for "$watch" "$@"
}

moved=no
back() {
  local code=$?
  trap - EXIT INT TERM
  [ "$moved" != no ] || exit "$code"
  echo "deploy: bringing back what served before" >&2
  while read -r function revision; do
    gcloud run services update-traffic "pix-$function" --project "$project" --region "$region" --to-revisions "$revision=100" --quiet || true
  done <<<"$stable"
  if [ "$moved" = cluster ]; then
    for deployment in scorer kafka-bridge; do
      kubectl --namespace sentinela rollout undo "deployment/$deployment" || true
    done
  fi
  # Terraform's state follows last: traffic is back already.
  [ -z "$before" ] || apply "$before" {} || echo "deploy: terraform apply did not follow; run it with the image before: $before" >&2
  exit 1
}
trap back EXIT
trap 'exit 130' INT TERM

new=$(image functions)
terraform -chdir="terraform/envs/$environment" init -input=false -lockfile=readonly -backend-config="bucket=$project-tfstate"
functions="score audit alert label export"
stable=$(of_each_service status.latestReadyRevisionName)
before=$(of_each_service 'spec.template.spec.containers[0].image' | awk '$1 == "score" { print $2 }')
canary() { # PERCENT: as the environment's variable wants it
  awk -v percent="$1" 'NF == 2 { printf "%s\"%s\": {\"stable_revision\": \"%s\", \"percent\": %d}", separator, $1, $2, percent; separator = ", " }' <<<"$stable"
}
revisions() { of_each_service status.latestReadyRevisionName | awk '{ printf "%s%s", separator, $2; separator = "|" }'; }

for percent in "${steps[@]}"; do
  share={}
  # Where nothing serves yet there is nothing to compare with.
  [ "$percent" = 100 ] || [ -z "$before" ] || share="{$(canary "$percent")}"
  echo "deploy: $percent % of the traffic to $new"
  [ -z "$before" ] || moved=functions
  apply "$new" "$share"
  judge -set "REVISIONS=$(revisions)"
done

gcloud container clusters get-credentials sentinela --project "$project" --region "$region"
cat >"$work/kustomization.yaml" <<KUSTOMIZATION
apiVersion: kustomize.config.k8s.io/v1beta1
kind: Kustomization
resources: [$(realpath -m --relative-to "$work" "k8s/overlays/$environment")]
images:
  - {name: scorer, newName: $(image scorer | cut -d@ -f1), digest: $(image scorer | cut -d@ -f2)}
  - {name: kafka-bridge, newName: $(image kafka-bridge | cut -d@ -f1), digest: $(image kafka-bridge | cut -d@ -f2)}
KUSTOMIZATION
[ -z "$before" ] || moved=cluster
kubectl apply -k "$work"
for deployment in scorer kafka-bridge; do
  kubectl --namespace sentinela rollout status "deployment/$deployment" --timeout 10m
done
judge -set "REVISIONS=$(revisions)"
"$build/pixctl" doctor -project "$project"
moved=no
echo "deploy: $environment serves $new"
