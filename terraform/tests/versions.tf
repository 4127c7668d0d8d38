# Where the tests are run from: terraform -chdir=terraform/tests init && terraform -chdir=terraform/tests test. Nothing stands
# here; each run names the module that it looks at.
terraform {
  required_version = ">= 1.11"
}
