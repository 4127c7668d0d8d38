package board

// Boards are all dashboards. Expressions use windows of five minutes, which Prometheus has after two scrapes of any interval that
// is used here.
func Boards() []Board {
	return []Board{overview(), pipeline(), latency(), model(), desk(), cost()}
}

// one is a query for one line.
func one(legend, expr string) []Query { return []Query{{expr, legend}} }

// ours are the series of a metric that every program has, of this product's processes alone.
func ours(expr string) string { return expr + " and on (instance) pix_build_info" }

// quantiles of a histogram that is summed by some labels beside le.
func quantiles(metric string) []Query {
	at := func(q string) string {
		return "histogram_quantile(" + q + ", sum by (le) (rate(" + metric + "_bucket[5m])))"
	}
	return []Query{{at("0.5"), "p50"}, {at("0.99"), "p99"}, {at("0.999"), "p99.9"}}
}

func overview() Board {
	return Board{
		UID: "sentinela-overview", Title: "Sentinela: Overview", About: "What is wrong, in one picture. Red has a runbook of the alert's name.",
		Rows: []Row{
			{"Now", []Panel{
				{Title: "Alerts firing", Now: true, Limit: 1, About: "Of those that rules evaluate, and empty when none fires. What Cloud Monitoring evaluates shows in its own list of incidents.",
					Queries: one("", `count(ALERTS{alertstate="firing"})`)},
				{Title: "Decisions a second", Now: true, Unit: "reqps", Queries: one("", `sum(rate(pix_decisions_total[5m]))`)},
				{Title: "p99 of a decision", Now: true, Unit: "s", Limit: 0.3, Queries: one("", `histogram_quantile(0.99, sum by (le) (rate(pix_decision_seconds_bucket[5m])))`)},
				{Title: "Oldest record in Kafka", Now: true, Unit: "s", Limit: 60, Queries: one("", `max(pix_bridge_oldest_unacknowledged_seconds)`)},
				{Title: "Oldest unpublished decision", Now: true, Unit: "s", Limit: 600, Queries: one("", `max(pix_sweep_oldest_mark_seconds)`)},
				{Title: "Store's breaker", Now: true, Limit: 1, About: "1 while the store is asked by probes alone.", Queries: one("", `max(pix_store_breaker_open)`)},
			}},
			{"Objectives: how fast a month's budget burns (1 is just used up)", []Panel{
				{Title: "Decisions in time", Limit: 14.4, Queries: burn("decisions", "0.001")},
				{Title: "Freshness of pushed payments", Limit: 14.4, Queries: burn("freshness", "0.005")},
				{Title: "Audit", Limit: 14.4, Queries: burn("audit", "0.001")},
			}},
			{"What is decided", []Panel{
				{Title: "Outcomes", Unit: "reqps", Queries: one("{{outcome}}", `sum by (outcome) (rate(pix_decisions_total{repeated="false"}[5m]))`)},
				{Title: "Not decided as meant", Unit: "reqps", About: "Without histories, provisional, degraded by part.", Queries: []Query{
					{`sum(rate(pix_decisions_without_features_total[5m]))`, "without histories"},
					{`sum by (reason) (rate(pix_provisional_answers_total[5m]))`, "provisional: {{reason}}"},
					{`sum by (part) (rate(pix_decisions_degraded_total[5m]))`, "{{part}}"},
				}},
				{Title: "Answers to callers", Unit: "reqps", Queries: one("{{operation}} {{result}}", `sum by (operation, result) (rate(pix_answers_total[5m]))`)},
				{Title: "Refused at the doors", Unit: "reqps", Queries: []Query{
					{`sum by (reason) (rate(pix_requests_refused_total[5m]))`, "caller: {{reason}}"},
					{`sum by (function, reason) (rate(pix_push_unreadable_total[5m]))`, "{{function}} push: {{reason}}"},
					{`sum by (result) (rate(pix_payments_late_total[5m]))`, "payment: {{result}}"},
				}},
			}},
			{"What runs", []Panel{
				{Title: "Versions", Queries: []Query{
					{`count by (version, go_version) (pix_build_info)`, "build {{version}} {{go_version}}"},
					{`count by (role, use, version) (pix_model_info)`, "{{role}} {{use}} {{version}}"},
					{`count by (version) (pix_policy_info)`, "policy {{version}}"},
				}},
				{Title: "Behind what is in force", About: "1 is current.", Queries: []Query{
					{`min by (role, use) (pix_model_current)`, "{{role}} {{use}}"}, {`min(pix_policy_current)`, "policy"},
				}},
				{Title: "Clocks behind", Unit: "s", Limit: 5, Queries: []Query{
					{`max(pix_function_clock_behind_seconds)`, "functions"}, {`max(pix_bridge_clock_behind_seconds)`, "bridge"},
				}},
			}},
		},
	}
}

// burn is how many times faster than allowed an objective's budget goes, over an hour and over six.
func burn(slo, budget string) []Query {
	return []Query{
		{`max(slo:sli_error:ratio_rate1h{sloth_slo="` + slo + `"}) / ` + budget, "1 h"},
		{`max(slo:sli_error:ratio_rate6h{sloth_slo="` + slo + `"}) / ` + budget, "6 h"},
	}
}

func pipeline() Board {
	return Board{
		UID: "sentinela-pipeline", Title: "Sentinela: Pipeline", About: "From Kafka to BigQuery and the lake. Look at ages first: in an outage everything is retried.",
		Rows: []Row{
			{"Ages", []Panel{
				{Title: "Oldest record not acknowledged", Unit: "s", Limit: 60, Queries: one("{{topic}}/{{partition}}", `max by (topic, partition) (pix_bridge_oldest_unacknowledged_seconds)`)},
				{Title: "Arrival to decision, p99", Unit: "s", Queries: one("", `histogram_quantile(0.99, sum by (le) (rate(pix_decision_age_seconds_bucket[5m])))`)},
				{Title: "Arrival to row, p99", Unit: "s", Limit: 600, Queries: one("", `histogram_quantile(0.99, sum by (le) (rate(pix_audit_row_age_seconds_bucket[5m])))`)},
				{Title: "Age of pushed messages, p99", Unit: "s", Queries: one("{{function}}", `histogram_quantile(0.99, sum by (le, function) (rate(pix_function_message_age_seconds_bucket[5m])))`)},
				{Title: "Oldest mark a sweep cannot publish", Unit: "s", Limit: 600, Queries: one("", `max(pix_sweep_oldest_mark_seconds)`)},
				{Title: "Age of the lake", Unit: "s", Limit: 10800, Queries: one("{{table}}", `time() - max by (table) (last_over_time(pix_export_end_timestamp_seconds[4h]))`)},
			}},
			{"Bridge", []Panel{
				{Title: "Lag in records", Queries: one("{{partition}}", `sum by (partition) (pix_bridge_lag_records)`)},
				{Title: "Records by result", Unit: "reqps", Queries: []Query{
					{`sum by (result) (rate(pix_bridge_records_total[5m]))`, "{{result}}"},
					{`sum(rate(pix_bridge_tokenised_records_total[5m]))`, "tokenised topic"},
				}},
				{Title: "Publish, quantiles", Unit: "s", Queries: quantiles("pix_bridge_publish_latency_seconds")},
				{Title: "Silent, failing, outside", Unit: "s", Limit: 60, Queries: []Query{
					{`max(pix_bridge_kafka_silent_seconds)`, "no broker answers"}, {`max(pix_bridge_publish_failing_seconds)`, "publishing fails"},
					{`max(pix_bridge_outside_group_seconds)`, "outside the group"}, {`max(pix_bridge_transaction_pending_seconds)`, "open transaction"},
					{`max(pix_bridge_backlog_seconds)`, "worst backlog"},
				}},
				{Title: "In flight", Queries: []Query{{`sum(pix_bridge_in_flight_records)`, "records"}, {`sum(pix_bridge_in_flight_bytes) / 1024`, "KiB"}}},
				{Title: "Retries and failures", Unit: "reqps", Queries: []Query{
					{`sum(rate(pix_bridge_publish_retries_total[5m]))`, "publishes again"}, {`sum(rate(pix_bridge_commit_failures_total[5m]))`, "commits failed"},
					{`sum(rate(pix_bridge_fetch_errors_total[5m]))`, "fetch errors"}, {`sum by (event) (rate(pix_bridge_rebalances_total[5m]))`, "rebalance: {{event}}"},
					{`sum by (reason) (rate(pix_bridge_unreadable_batches_total[5m]))`, "unreadable: {{reason}}"},
				}},
			}},
			{"Functions", []Panel{
				{Title: "Messages", Unit: "reqps", Queries: one("{{function}} {{result}}", `sum by (function, result) (rate(pix_function_messages_total[5m]))`)},
				{Title: "Time of a message, p99", Unit: "s", Queries: one("{{function}}", `histogram_quantile(0.99, sum by (le, function) (rate(pix_function_message_seconds_bucket[5m])))`)},
				{Title: "Dead letters", Unit: "reqps", Queries: []Query{
					{`sum by (function, result) (rate(pix_function_dead_letters_total[5m]))`, "{{function}} {{result}}"},
					{`sum by (function) (rate(pix_function_messages_without_age_total[5m]))`, "{{function}}: no publish time"},
				}},
				{Title: "Rows to BigQuery", Unit: "reqps", Queries: one("{{table}} {{result}}", `sum by (table, result) (rate(pix_warehouse_rows_total[5m]))`)},
				{Title: "Append, p99", Unit: "s", Queries: one("{{table}}", `histogram_quantile(0.99, sum by (le, table) (rate(pix_warehouse_append_seconds_bucket[5m])))`)},
				{Title: "Write streams opened", Queries: one("{{table}}", `sum by (table) (increase(pix_warehouse_streams_total[5m]))`)},
			}},
			{"Evidence", []Panel{
				{Title: "Decisions without a row, of an hour", Limit: 1, Queries: one("", `sum(pix_reconciled_decisions) - max(last_over_time(pix_reconciled_rows[40m]) and on (instance) (last_over_time(pix_reconciled_rows_end_timestamp_seconds[40m]) == on () group_left () max(pix_reconciled_decisions_end_timestamp_seconds)))`)},
				{Title: "Rows to the lake", Queries: []Query{
					{`sum by (table) (increase(pix_export_rows_total[1h]))`, "{{table}}"}, {`sum by (table) (increase(pix_export_late_rows_total[1h]))`, "{{table}} late"},
					{`sum by (table) (increase(pix_export_failures_total[1h]))`, "{{table}} failures"},
				}},
				{Title: "Odd rows", Limit: 1, Queries: one("{{table}} {{reason}}", `max by (table, reason) (pix_export_odd_rows)`)},
				{Title: "Outbox and sweeps", Queries: []Query{
					{`sum(pix_outbox_queued_messages)`, "queued"}, {`sum(increase(pix_outbox_left_to_sweep_total[5m]))`, "left to the sweep"},
					{`sum(increase(pix_sweep_published_total[5m]))`, "published by it"}, {`sum(increase(pix_sweep_dropped_total[5m]))`, "dropped"},
					{`sum(increase(pix_sweep_failures_total[5m]))`, "failures"}, {`sum by (result) (increase(pix_sweeps_total[5m]))`, "turns {{result}}"},
				}},
				{Title: "Statuses", Unit: "reqps", Queries: one("{{state}}", `sum by (state) (rate(pix_statuses_total[5m]))`)},
				{Title: "Values nobody knows", Queries: []Query{
					{`sum by (field) (increase(pix_unknown_values_total[1h]))`, "{{field}}"}, {`sum by (field) (increase(pix_bridge_unknown_values_total[1h]))`, "bridge {{field}}"},
				}},
			}},
		},
	}
}

func latency() Board {
	return Board{
		UID: "sentinela-latency", Title: "Sentinela: Decision latency", About: "Where the milliseconds of a decision go.",
		Rows: []Row{
			{"Decisions", []Panel{
				{Title: "Time of a decision", Unit: "s", Limit: 0.3, Queries: quantiles("pix_decision_seconds")},
				{Title: "In flight", Queries: one("{{instance}}", `sum by (instance) (pix_decisions_in_flight)`)},
				{Title: "Shed or degraded", Unit: "reqps", Queries: one("{{part}}", `sum by (part) (rate(pix_decisions_degraded_total[5m]))`)},
			}},
			{"Store", []Panel{
				{Title: "Calls, p99", Unit: "s", Queries: one("{{op}}", `histogram_quantile(0.99, sum by (le, op) (rate(pix_store_call_seconds_bucket[5m])))`)},
				{Title: "Calls by result", Unit: "reqps", Queries: one("{{op}} {{result}}", `sum by (op, result) (rate(pix_store_call_seconds_count[5m]))`)},
				{Title: "Breaker", Queries: []Query{{`max(pix_store_breaker_open)`, "open"}, {`sum(increase(pix_store_breaker_openings_total[5m]))`, "openings"}}},
				{Title: "Cells of a read", Queries: quantiles("pix_store_read_cells")},
				{Title: "Reads beyond one", Unit: "reqps", Queries: one("{{reason}}", `sum by (reason) (rate(pix_store_second_reads_total[5m]))`)},
				{Title: "Hot streams and their upkeep", Queries: []Query{
					{`sum(pix_store_hot_streams)`, "hot streams"}, {`max(pix_store_seal_lag_seconds)`, "seconds behind"},
					{`sum(rate(pix_store_dropped_tasks_total[5m]))`, "tasks dropped"}, {`sum by (level) (rate(pix_store_sealed_tiles_total[5m]))`, "tiles {{level}}"},
					{`sum by (known) (rate(pix_store_late_cells_total[5m]))`, "late, known {{known}}"},
				}},
			}},
			{"Process", []Panel{
				{Title: "Processor", Unit: "percentunit", Queries: one("{{instance}}", `sum by (instance) (`+ours(`rate(process_cpu_seconds_total[5m])`)+`)`)},
				{Title: "Memory", Unit: "bytes", Queries: []Query{{`sum by (instance) (` + ours(`process_resident_memory_bytes`) + `)`, "{{instance}}"}, {`max by (instance) (pix_request_held_bytes)`, "{{instance}} held by requests"}}},
				{Title: "Garbage collection, longest pause", Unit: "s", Queries: one("{{instance}}", `max by (instance) (`+ours(`go_gc_duration_seconds{quantile=~"1([.]0)?"}`)+`)`)},
				{Title: "Goroutines", Queries: one("{{instance}}", `sum by (instance) (`+ours(`go_goroutines`)+`)`)},
				{Title: "Connections replaced", Queries: one("{{client}}", `sum by (client) (increase(pix_connections_replaced_total[5m]))`)},
				{Title: "Age of issuers' keys", Unit: "s", Limit: 3600, Queries: one("{{gate}}", `max by (gate) (pix_identity_keys_age_seconds)`)},
				{Title: "Spans lost", Unit: "reqps", Queries: one("", `sum(rate(pix_trace_spans_lost_total[5m]))`)},
			}},
		},
	}
}
