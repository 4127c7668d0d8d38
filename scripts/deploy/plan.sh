#!/usr/bin/env bash
# What terraform apply would change in an environment, as text in BUILD/plan/ENVIRONMENT.txt. It changes nothing and takes no
# lock. usage: plan.sh ENVIRONMENT BUILD
set -euo pipefail
environment=$1 plans=$(realpath -m "$2")/plan
project=${PROJECT_ID:?set PROJECT_ID to the project of the environment}
region=${REGION:?set REGION to the region of the environment}
mkdir -p "$plans"
cd "terraform/envs/$environment"
terraform init -input=false -lockfile=readonly -backend-config="bucket=$project-tfstate"
# A plan is about infrastructure: it shows the image that serves, or none where nothing does. Whoever may not ask is told so.
images=$(gcloud run services list --project "$project" --region "$region" --filter metadata.name=pix-score \
  --format 'value(spec.template.spec.containers[0].image)')
none=$region-docker.pkg.dev/$project/sentinela/functions@sha256:$(printf '0%.0s' {1..64})
plan=$plans/$environment.tfplan
trap 'rm -f "$plan"' EXIT # it holds values that its text hides
terraform plan -input=false -lock=false -no-color -var "project_id=$project" -var "region=$region" \
  -var "images={functions=\"${images:-$none}\"}" -out="$plan" >/dev/null
terraform show -no-color "$plan" | tee "$plans/$environment.txt"
