# What each function is told, by the names that the code reads (docs/configuration.md). Tuning that is not named here has the
# code's default.

locals {
  store = {
    BIGTABLE_INSTANCE    = module.bigtable.instance
    BIGTABLE_TABLE       = module.bigtable.table
    BIGTABLE_APP_PROFILE = module.bigtable.app_profile
  }

  environment = {
    score = merge(local.store, local.token_key_versions, {
      DECISIONS_TOPIC    = "pix-decisions-v1"
      DEAD_LETTER_TOPIC  = "pix-dead-letter-v1"
      MODELS_LOCATION    = var.models_from_bucket ? "gs://${local.models_bucket}/models" : "" # empty: those of this release
      POLICY_LOCATION    = var.policy_from_bucket ? "gs://${local.models_bucket}/policy.yaml" : ""
      MODEL_SIGNING_KEYS = "" # files of an image or a volume: a function has neither
      CALLERS            = "" # over HTTP the scorer in the cluster is asked
      CALLER_AUDIENCE    = ""
    })
    audit = {
      DATASET           = module.bigquery.dataset
      DEAD_LETTER_TOPIC = "pix-dead-letter-v1"
    }
    alert = {
      DATASET           = module.bigquery.dataset
      DEAD_LETTER_TOPIC = "pix-dead-letter-v1"
      ALERTS_TOPIC      = "pix-alerts-v1"
    }
    label = merge(local.store, {
      DATASET           = module.bigquery.dataset
      DEAD_LETTER_TOPIC = "pix-dead-letter-v1"
    })
    export = {
      DATASET           = module.bigquery.dataset
      DEAD_LETTER_TOPIC = "pix-dead-letter-v1"
      LAKE              = "gs://${local.lake_bucket}/exports"
    }
  }

  # score has loops in its background: they stand still where the processor is taken away between requests. The others have
  # none that would be missed.
  services = { for function, environment in local.environment : function => merge(var.sizes.functions[function], {
    service_account = module.identity.emails["pix-${function}"]
    push_account    = module.identity.emails["push-${function}"]
    cpu_idle        = function != "score"
    environment     = environment
    secrets         = function == "score" ? local.token_key : {}
    canary          = lookup(var.canary, function, null)
  }) }
}
