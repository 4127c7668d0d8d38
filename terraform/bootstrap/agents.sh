#!/usr/bin/env bash
# Asks Google for the agents of its services, which it otherwise makes at their first use: a key can be granted only to
# somebody who is there. Run it once before the first apply; a second time changes nothing.
set -euo pipefail
project=${1:?the id of the project}
services="artifactregistry bigtableadmin billingbudgets cloudkms cloudresourcemanager cloudscheduler compute container iam managedkafka pubsub run secretmanager serviceusage"
gcloud services enable --project="$project" $(printf '%s.googleapis.com ' $services)
for service in artifactregistry bigtableadmin cloudscheduler managedkafka pubsub secretmanager; do
  gcloud beta services identity create --project="$project" --service="$service.googleapis.com"
done
