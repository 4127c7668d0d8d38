output "rows" {
  description = "What was granted: principal, role and thing."
  value       = sort([for row in var.grants : trimspace("${row.principal} ${row.role} ${row.kind} ${row.resource}")])
}
