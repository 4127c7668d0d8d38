# What Google would answer where the provider looks at the shape of an answer.

mock_resource "google_service_account" {
  defaults = {
    name   = "projects/test-project/serviceAccounts/pix-some@test-project.iam.gserviceaccount.com"
    email  = "pix-some@test-project.iam.gserviceaccount.com"
    member = "serviceAccount:pix-some@test-project.iam.gserviceaccount.com"
  }
}

mock_resource "google_data_catalog_policy_tag" {
  defaults = { name = "projects/test-project/locations/southamerica-east1/taxonomies/1/policyTags/2" }
}

mock_resource "google_pubsub_topic" {
  defaults = { id = "projects/test-project/topics/some" }
}

mock_data "google_project" {
  defaults = { number = "123456789012" }
}

mock_data "google_kms_crypto_key" {
  defaults = { id = "projects/test-project/locations/southamerica-east1/keyRings/sentinela/cryptoKeys/some" }
}

mock_data "google_kms_crypto_key_version" {
  defaults = { public_key = [{ algorithm = "EC_SIGN_P256_SHA256", pem = "pem" }] }
}
