# Every rule of the ruleset that tflint brings itself. Google's is not in the Go module proxy; terraform/schema_test.go holds
# arguments and types to the provider's own schema instead.
plugin "terraform" {
  enabled = true
  preset  = "all"
}
