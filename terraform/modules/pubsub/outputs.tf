output "topics" {
  description = "Full names of the topics, by name."
  value       = { for name, topic in google_pubsub_topic.this : name => topic.id }
}

output "subscriptions" {
  description = "Full names of the subscriptions, by name."
  value       = { for name, subscription in google_pubsub_subscription.this : name => subscription.id }
}
