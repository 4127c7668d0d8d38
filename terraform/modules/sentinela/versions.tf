terraform {
  required_version = ">= 1.11"
  required_providers {
    # tflint-ignore: terraform_unused_required_providers # it is handed to modules/databricks
    databricks = {
      source  = "databricks/databricks"
      version = "~> 1.128"
    }
    google = {
      source  = "hashicorp/google"
      version = "~> 7.45"
    }
  }
}
