#!/usr/bin/env bash
# What terraform apply would change in an environment, as text in BUILD/plan/ENVIRONMENT.txt. It changes nothing and takes no
# lock. usage: plan.sh ENVIRONMENT BUILD
set -euo pipefail
environment=$1 project=${PROJECT_ID:?set PROJECT_ID to the project of the environment} plans=$(realpath -m "$2")/plan
mkdir -p "$plans"
cd "terraform/envs/$environment"
terraform init -input=false -lockfile=readonly -backend-config="bucket=$project-tfstate"
# A plan is about infrastructure: it shows the image that serves, or none where nothing does.
image=$(gcloud run services describe pix-score --project "$project" --region "${REGION:-southamerica-east1}" \
  --format 'value(spec.template.spec.containers[0].image)' 2>/dev/null ||
  echo "${REGION:-southamerica-east1}-docker.pkg.dev/$project/sentinela/functions@sha256:$(printf '0%.0s' {1..64})")
terraform plan -input=false -lock=false -no-color -var "images={functions=\"$image\"}" -out="$plans/$environment.tfplan" >/dev/null
terraform show -no-color "$plans/$environment.tfplan" | tee "$plans/$environment.txt"
rm "$plans/$environment.tfplan" # a plan holds values that its text hides
