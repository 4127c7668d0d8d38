package board

func model() Board {
	score := func(use string) []Query {
		at := func(q string) string {
			return `histogram_quantile(` + q + `, sum by (le, role) (rate(pix_score_log_odds_bucket{use="` + use + `"}[1h])))`
		}
		return []Query{{at("0.5"), "{{role}} p50"}, {at("0.99"), "{{role}} p99"}}
	}
	return Board{
		UID: "sentinela-model", Title: "Sentinela: Model", About: "Whether scores still mean what they meant. dashboards/investigations asks further.",
		Rows: []Row{
			{"Scores", []Panel{
				{Title: "Champions' log-odds", Queries: score("champion")},
				{Title: "Challengers' log-odds", Queries: score("challenger")},
				{Title: "Decisions without a score", Unit: "reqps", Queries: one("{{role}} {{reason}}", `sum by (role, reason) (rate(pix_scores_missing_total[5m]))`)},
			}},
			{"Drift", []Panel{
				{Title: "PSI of features by family", Limit: 0.25, Queries: one("{{role}} {{family}}", `avg by (role, family) (pix_feature_psi)`)},
				{Title: "Vectors it stands on", Queries: one("{{role}}", `sum by (role) (pix_feature_psi_vectors)`)},
				{Title: "Models refused or swapped", Queries: []Query{
					{`sum by (role, use) (increase(pix_model_refusals_total[1h]))`, "{{role}} {{use}} refused"}, {`sum by (role, use) (increase(pix_model_swaps_total[1h]))`, "{{role}} {{use}} swapped"},
					{`sum(increase(pix_policy_refusals_total[1h]))`, "policy refused"}, {`sum(increase(pix_policy_swaps_total[1h]))`, "policy swapped"},
				}},
			}},
			{"Challengers", []Panel{
				{Title: "Divergence, p95 in log-odds", Limit: 3, Queries: one("{{role}}", `histogram_quantile(0.95, sum by (le, role) (rate(pix_shadow_divergence_log_odds_bucket[1h])))`)},
				{Title: "Would have decided otherwise", Unit: "percentunit", Queries: one("{{role}}", `sum by (role) (rate(pix_shadow_scores_total{outcome="other"}[1h])) / sum by (role) (rate(pix_shadow_scores_total[1h]))`)},
				{Title: "Shadow failures", Unit: "reqps", Queries: one("", `sum(rate(pix_decisions_degraded_total{part="shadow"}[5m]))`)},
			}},
			{"Labels", []Panel{
				{Title: "Stops that were right, of those labelled in 30 days", Unit: "percentunit", About: "No precision of all stops: who stops a payment labels it soon.", Queries: one("", `sum(increase(pix_labelled_decisions_total{outcome!="APPROVE",label="fraud"}[30d])) / sum(increase(pix_labelled_decisions_total{outcome!="APPROVE"}[30d]))`)},
				{Title: "Stops that are labelled at all", Unit: "percentunit", Queries: one("", `sum(increase(pix_labelled_decisions_total{outcome!="APPROVE"}[30d])) / sum(increase(pix_decisions_total{outcome!="APPROVE",repeated="false"}[30d]))`)},
				{Title: "How late labels come", Unit: "s", Queries: one("{{label}} p50", `histogram_quantile(0.5, sum by (le, label) (rate(pix_label_delay_seconds_bucket[1d])))`)},
				{Title: "Score of what is labelled, p50", Queries: one("{{role}} {{label}}", `histogram_quantile(0.5, sum by (le, role, label) (rate(pix_labelled_score_log_odds_bucket[1d])))`)},
			}},
		},
	}
}

func desk() Board {
	return Board{
		UID: "sentinela-desk", Title: "Sentinela: Fraud desk", About: "How much there is to do, and why. Single payments are in BigQuery: dashboards/investigations.",
		Rows: []Row{
			{"Now", []Panel{
				{Title: "Stops in an hour", Now: true, Queries: one("", `sum(increase(pix_decisions_total{outcome!="APPROVE",repeated="false"}[1h]))`)},
				{Title: "Of all payments", Now: true, Unit: "percentunit", Queries: one("", `sum(rate(pix_decisions_total{outcome!="APPROVE",repeated="false"}[1h])) / sum(rate(pix_decisions_total{repeated="false"}[1h]))`)},
				{Title: "Alert rows late", Now: true, Unit: "s", Limit: 600, Queries: one("", `histogram_quantile(0.99, sum by (le) (rate(pix_function_message_age_seconds_bucket{function="alert"}[15m])))`)},
				{Title: "Dead letters in an hour", Now: true, Limit: 1, Queries: one("", `sum(increase(pix_function_dead_letters_total[1h]))`)},
			}},
			{"Why", []Panel{
				{Title: "Stops by outcome", Unit: "reqps", Queries: one("{{direction}} {{outcome}}", `sum by (direction, outcome) (rate(pix_decisions_total{outcome!="APPROVE",repeated="false"}[5m]))`)},
				{Title: "Rules that match", Unit: "reqps", Queries: one("{{rule}}", `topk(10, sum by (rule) (rate(pix_rule_hits_total[5m])))`)},
				{Title: "Rules behind stops, of an hour", Queries: one("{{rule}} {{outcome}}", `topk(10, sum by (rule, outcome) (increase(pix_rule_hits_total{outcome!="APPROVE"}[1h])))`)},
				{Title: "Stopped for our own faults", Unit: "reqps", About: "Without histories, provisional, late.", Queries: []Query{
					{`sum(rate(pix_decisions_without_features_total[5m]))`, "without histories"}, {`sum(rate(pix_provisional_answers_total{reason=~"store|room"}[5m]))`, "provisional"},
					{`sum by (result) (rate(pix_payments_late_total{result=~"late|ahead"}[5m]))`, "{{result}}"},
				}},
				{Title: "Labels", Queries: []Query{
					{`sum by (result) (increase(pix_label_marks_total[1h]))`, "{{result}}"},
					{`sum by (outcome, label) (increase(pix_labelled_decisions_total[1h]))`, "{{outcome}} was {{label}}"},
				}},
			}},
		},
	}
}

func cost() Board {
	million := func(expr string) string {
		return "1e6 * " + expr + ` / on() group_left() sum(rate(pix_decisions_total{repeated="false"}[1h]))`
	}
	return Board{
		UID: "sentinela-cost", Title: "Sentinela: Cost", About: "What a million payments use, for the prices in terraform/cost/prices.json.",
		Rows: []Row{
			{"Money at prod's prices, without discounts and taxes", []Panel{
				{Title: "R$ for a million payments", Now: true, Queries: one("", `pix:cost_brl_per_million_payments:rate1h`)},
				{Title: "US$ an hour", Now: true, Unit: "currencyUSD", Queries: one("", `3600 * sum(pix:cost_usd:rate1h)`)},
				{Title: "US$ an hour by part", Unit: "currencyUSD", Queries: one("{{part}}", `3600 * sum by (part) (pix:cost_usd:rate1h)`)},
			}},
			{"For a million payments", []Panel{
				{Title: "Pub/Sub: published", Unit: "bytes", Queries: one("{{topic}}", million(`sum by (topic) (rate(pix_bus_published_bytes_total[1h]))`))},
				{Title: "BigQuery: appended", Unit: "bytes", Queries: one("{{table}}", million(`sum by (table) (rate(pix_warehouse_appended_bytes_total[1h]))`))},
				{Title: "Bigtable: read", Unit: "bytes", Queries: one("", million(`sum(rate(pix_store_read_bytes_sum[1h]))`))},
				{Title: "Bigtable: calls", Queries: one("{{op}}", million(`sum by (op) (rate(pix_store_call_seconds_count[1h]))`))},
				{Title: "Processor", Unit: "s", Queries: one("", million(`sum(`+ours(`rate(process_cpu_seconds_total[1h])`)+`)`))},
				{Title: "Messages", Queries: one("{{topic}}", million(`sum by (topic) (rate(pix_bus_published_messages_total[1h]))`))},
			}},
			{"What multiplies it", []Panel{
				{Title: "Payments a second", Unit: "reqps", Queries: one("repeated: {{repeated}}", `sum by (repeated) (rate(pix_decisions_total[5m]))`)},
				{Title: "Rows of an append", Queries: one("{{table}}", `sum by (table) (rate(pix_warehouse_rows_total[5m])) / sum by (table) (rate(pix_warehouse_append_seconds_count[5m]))`)},
				{Title: "Resident memory", Unit: "bytes", Queries: one("", `sum(`+ours(`process_resident_memory_bytes`)+`)`)},
			}},
		},
	}
}
