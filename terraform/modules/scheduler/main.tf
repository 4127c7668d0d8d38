# The tick at which the export runs. A tick may come twice, late or not at all: the lake's log says what is next.

resource "google_cloud_scheduler_job" "export" {
  project     = var.project_id
  region      = var.region
  name        = "export"
  description = "Brings what was written since the last tick to the lake"
  schedule    = var.schedule
  time_zone   = "America/Sao_Paulo"
  paused      = var.paused

  pubsub_target {
    topic_name = var.topic
    data       = base64encode("{}")

    attributes = {
      schema   = "pix.v1.ExportTick"
      encoding = "json"
    }
  }

  retry_config {
    retry_count = 3
  }
}
