variable "project_id" {
  description = "Google Cloud project."
  type        = string
}

variable "region" {
  description = "Region of the key ring: that of the data."
  type        = string
}

variable "name" {
  description = "Name of the key ring."
  type        = string
  default     = "sentinela"
}

variable "keys" {
  description = "Keys by name, each with the members that encrypt and decrypt with it, by a short name of theirs."
  type        = map(map(string))
}

variable "rotation_period" {
  description = "How often a key gets a new version, in seconds as 7776000s. What older versions encrypted stays readable."
  type        = string
  default     = "7776000s"

  validation {
    condition     = can(regex("^[0-9]+s$", var.rotation_period)) && try(tonumber(trimsuffix(var.rotation_period, "s")) >= 86400 && tonumber(trimsuffix(var.rotation_period, "s")) <= 7776000, false)
    error_message = "rotation_period is seconds with an s behind them, from a day (86400s) to 90 days (7776000s)."
  }
}

variable "protection_level" {
  description = "SOFTWARE, or HSM where the keys have to live in hardware."
  type        = string
  default     = "SOFTWARE"

  validation {
    condition     = contains(["SOFTWARE", "HSM"], var.protection_level)
    error_message = "protection_level is SOFTWARE or HSM."
  }
}
