#!/usr/bin/env bash
# What terraform apply would change in an environment, as text in BUILD/plan/ENVIRONMENT.txt. It changes nothing and takes no
# lock. usage: plan.sh ENVIRONMENT BUILD
set -euo pipefail
environment=$1 plans=$(realpath -m "$2")/plan
mkdir -p "$plans"
cd "terraform/envs/$environment"
terraform init -input=false -lockfile=readonly
terraform plan -input=false -lock=false -no-color -out="$plans/$environment.tfplan" >/dev/null
terraform show -no-color "$plans/$environment.tfplan" | tee "$plans/$environment.txt"
rm "$plans/$environment.tfplan" # a plan holds values that its text hides
