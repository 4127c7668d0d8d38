# GitHub deploys without a key: its workflows present a token of GitHub's, which becomes one of ours for an hour.

locals {
  pool = "principal://iam.googleapis.com/${google_iam_workload_identity_pool.github.name}/subject"
  # Who a token must be for. A GitHub environment has reviewers and rules of its own; a pull request from a fork gets no token.
  subjects = {
    deployer = "repo:${var.repository}:environment:${var.environment}"
    planner  = "repo:${var.repository}:environment:plan"
  }
  accounts = {
    deployer = { id = "pix-deployer", name = "Deploys ${var.environment} from GitHub" }
    planner  = { id = "pix-planner", name = "Plans pull requests from GitHub, read only" }
  }
  project_grants = { for pair in concat(
    [for role in var.deployer_roles : { id = "deployer ${role}", account = "deployer", role = role }],
    [for role in var.planner_roles : { id = "planner ${role}", account = "planner", role = role }],
  ) : pair.id => pair }
}

resource "google_iam_workload_identity_pool" "github" {
  project                   = var.project_id
  workload_identity_pool_id = "github"
  display_name              = "GitHub Actions"
}

resource "google_iam_workload_identity_pool_provider" "github" {
  # checkov:skip=CKV_GCP_125:repository, owner and ref are asked for below; checkov cannot read a condition that is put together (tests/ground.tftest.hcl)

  project                            = var.project_id
  workload_identity_pool_id          = google_iam_workload_identity_pool.github.workload_identity_pool_id
  workload_identity_pool_provider_id = "github"
  display_name                       = "GitHub Actions"

  attribute_mapping = {
    "google.subject"             = "assertion.sub"
    "attribute.repository"       = "assertion.repository"
    "attribute.repository_owner" = "assertion.repository_owner"
    "attribute.ref"              = "assertion.ref"
    "attribute.event_name"       = "assertion.event_name"
  }
  # Nobody else's repository, a plan for pull requests alone, and this environment from refs that somebody protects: what a
  # pull request changes in a workflow brings it no further than a plan.
  attribute_condition = join(" && ", concat(var.repository_id == null ? [] : ["assertion.repository_id == '${var.repository_id}'"], [
    "assertion.repository == '${var.repository}'",
    "assertion.repository_owner == '${split("/", var.repository)[0]}'",
    "((assertion.event_name == 'pull_request' && assertion.sub == '${local.subjects.planner}') || (assertion.sub == '${local.subjects.deployer}' && (assertion.ref in [${join(", ", [for ref in var.refs : "'${ref}'"])}] || assertion.ref.startsWith('refs/tags/v'))))",
  ]))

  oidc {
    issuer_uri = "https://token.actions.githubusercontent.com"
  }
}

resource "google_service_account" "this" {
  for_each = local.accounts

  project      = var.project_id
  account_id   = each.value.id
  display_name = each.value.name
}

resource "google_service_account_iam_member" "github" {
  for_each = local.subjects

  service_account_id = google_service_account.this[each.key].name
  role               = "roles/iam.workloadIdentityUser"
  member             = "${local.pool}/${each.value}"
}

resource "google_project_iam_member" "this" {
  for_each = local.project_grants

  project = var.project_id
  role    = each.value.role
  member  = google_service_account.this[each.value.account].member
}

# The deployer binds roles, and only these: it cannot make itself or anybody an owner.
resource "google_project_iam_member" "binder" {
  project = var.project_id
  role    = "roles/resourcemanager.projectIamAdmin"
  member  = google_service_account.this["deployer"].member

  condition {
    title       = "roles of workloads only"
    description = "The roles that terraform/modules/sentinela grants on the project."
    expression  = "api.getAttribute('iam.googleapis.com/modifiedGrantsByRole', []).hasOnly([${join(", ", [for role in var.grantable_roles : "'${role}'"])}])"
  }
}

resource "google_storage_bucket_iam_member" "state" {
  for_each = { deployer = "roles/storage.objectUser", planner = "roles/storage.objectViewer" }

  bucket = var.state_bucket
  role   = each.value
  member = google_service_account.this[each.key].member
}

resource "google_storage_bucket_iam_member" "state_bucket" {
  for_each = local.accounts

  bucket = var.state_bucket
  role   = "roles/storage.legacyBucketReader"
  member = google_service_account.this[each.key].member
}

# Built by delivery: the signature without which Binary Authorization lets no image run where it is enforced.
resource "google_container_analysis_note" "built" {
  project = var.project_id
  name    = "built-by-delivery"

  attestation_authority {
    hint {
      human_readable_name = "Built by delivery"
    }
  }
}

data "google_kms_crypto_key_version" "attestor" {
  crypto_key = var.attestor_key
}

resource "google_binary_authorization_attestor" "built" {
  project = var.project_id
  name    = "built-by-delivery"

  attestation_authority_note {
    note_reference = google_container_analysis_note.built.name

    public_keys {
      id = data.google_kms_crypto_key_version.attestor.id

      pkix_public_key {
        public_key_pem      = data.google_kms_crypto_key_version.attestor.public_key[0].pem
        signature_algorithm = data.google_kms_crypto_key_version.attestor.public_key[0].algorithm
      }
    }
  }
}

resource "google_kms_crypto_key_iam_member" "attestor" {
  crypto_key_id = var.attestor_key
  role          = "roles/cloudkms.signerVerifier"
  member        = google_service_account.this["deployer"].member
}

resource "google_container_analysis_note_iam_member" "attach" {
  project = var.project_id
  note    = google_container_analysis_note.built.name
  role    = "roles/containeranalysis.notes.attacher"
  member  = google_service_account.this["deployer"].member
}

resource "google_container_analysis_note_iam_member" "look" {
  project = var.project_id
  note    = google_container_analysis_note.built.name
  role    = "roles/containeranalysis.notes.occurrences.viewer"
  member  = google_service_account.this["deployer"].member
}

resource "google_binary_authorization_attestor_iam_member" "verify" {
  for_each = local.accounts

  project  = var.project_id
  attestor = google_binary_authorization_attestor.built.name
  role     = "roles/binaryauthorization.attestorsViewer"
  member   = google_service_account.this[each.key].member
}

resource "google_binary_authorization_policy" "this" {
  project                       = var.project_id
  description                   = "Images of ours run when delivery has signed them."
  global_policy_evaluation_mode = "ENABLE" # Google's own images of the cluster

  dynamic "admission_whitelist_patterns" {
    for_each = var.foreign_images
    content {
      name_pattern = admission_whitelist_patterns.value
    }
  }

  default_admission_rule {
    evaluation_mode         = "REQUIRE_ATTESTATION"
    enforcement_mode        = var.enforce_attestation ? "ENFORCED_BLOCK_AND_AUDIT_LOG" : "DRYRUN_AUDIT_LOG_ONLY"
    require_attestations_by = [google_binary_authorization_attestor.built.name]
  }
}
