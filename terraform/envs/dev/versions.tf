terraform {
  required_version = ">= 1.11"
  required_providers {
    google = {
      source  = "hashicorp/google"
      version = "~> 7.45"
    }
    databricks = {
      source  = "databricks/databricks"
      version = "~> 1.128"
    }
  }

  # terraform init -backend-config="bucket=PROJECT-tfstate": the bucket is bootstrap's, and locks while somebody applies.
  backend "gcs" {
    prefix = "env"
  }
}

provider "google" {
  project = var.project_id
  region  = var.region
}

# Used where databricks is set; otherwise nothing is asked of it.
provider "databricks" {
  host = var.databricks_host
}
