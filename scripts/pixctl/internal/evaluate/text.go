package evaluate

import (
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
)

// write prints the report for people.
func write(w io.Writer, r *Report, budget float64) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	known := "reported frauds only"
	if r.Truth {
		known = "the simulator's truth"
	}
	fmt.Fprintf(t, "%s on %d payments (standing for %.0f) of %d days, %s to %s; %d earlier rows left out\n",
		r.Model, r.Rows, r.Payments, r.Days, r.From[:10], r.To[:10], r.LeftOut)
	fmt.Fprintf(t, "%d frauds (%.2f per 100,000 payments, R$ %.0f by weight), measured against %s\n", r.Frauds, r.Per100k, r.FraudBRL, known)
	fmt.Fprintf(t, "brackets: 95 %% of %d bootstrap replicates over %ss; average precision %.3f, AUC %.4f\n",
		r.Boot.Replicates, r.Boot.Unit, r.AP, r.AUC)
	fmt.Fprintf(t, "\nFPR\trecall\t\tprecision\t\tR$ detected\t\talerts per 100,000\tthreshold\t\n")
	for _, p := range r.AtFPR {
		fmt.Fprintf(t, "%.2f %%\t%s\t%s\t%s\t%s\t%s\t%s\t%.1f\t%.3f\t\n", 100*p.FPR, percent(p.Recall), brackets(&p.RecallCI),
			percent(p.Precision), brackets(&p.PrecCI), percent(p.BRLRecall), brackets(&p.BRLCI), p.Alerts, p.Threshold)
	}
	writeBudgets(t, r)
	writeBeside(t, r)
	fmt.Fprintf(t, "\n%d most suspicious accounts a day: precision %s, %s of the accounts robbed or robbing that day, %d days\n",
		r.Accounts.K, percent(r.Accounts.Precision), percent(r.Accounts.Recall), r.Accounts.Days)
	if m := r.Mules; m != nil {
		fmt.Fprintf(t, "mule accounts found before their third incoming fraud: %s %s (ever: %s), %d of %d accounts are mules, %.1f %% of the others suspected\n",
			percent(m.BeforeThird), brackets(&m.CI), percent(m.Ever), m.Mules, m.Accounts, 100*m.FPR)
	}
	fmt.Fprintf(t, "probabilities: %.1f frauds expected, %.1f seen; expected calibration error %.2g, Brier %.3g\n",
		r.Calib.Expected, r.Calib.Observed, r.Calib.ECE, r.Calib.Brier)
	writeGroups(t, "typology", r.Typology, budget)
	writeGroups(t, "time to the report", r.Delay, budget)
	writeLook(t, "look-alike", r.Look)
	writeGroups(t, "age band", r.Age, budget)
	writeGroups(t, "state", r.State, budget)
	for i, c := range r.Shares[:min(len(r.Shares), 10)] {
		if i == 0 {
			fmt.Fprintf(t, "\nfeature\tmean absolute contribution\t\n")
		}
		fmt.Fprintf(t, "%s\t%.3f\t\n", c.Feature, c.Mean)
	}
	if err := t.Flush(); err != nil {
		return fmt.Errorf("evaluate: %w", err)
	}
	return nil
}

func writeBudgets(w io.Writer, r *Report) {
	fmt.Fprintf(w, "\nalerts per 100,000\tranked by\tprecision\t\trecall\t\tR$ detected\t\tR$\t\n")
	for _, b := range r.AtBudget {
		fmt.Fprintf(w, "%.0f\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t%.0f\t\n", b.Per100k, strings.ReplaceAll(b.Order, "_", " "),
			percent(b.Precision), brackets(b.PrecCI), percent(b.Recall), brackets(b.RecallCI), percent(b.BRLRecall), brackets(b.BRLCI), b.BRL)
	}
}

func writeBeside(w io.Writer, r *Report) {
	if len(r.Beside) == 0 {
		return
	}
	fmt.Fprintf(w, "\nbeside\tranked by\trecall\t\tR$ detected\t\t%s detects\t\t\n", r.Model)
	for _, b := range r.Beside {
		for i, budget := range b.AtBudget {
			fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%s\t%.2f times\t[%.2f, %.2f]\t\n", b.Model, words(budget.Order), percent(budget.Recall),
				brackets(budget.RecallCI), percent(budget.BRLRecall), brackets(budget.BRLCI), b.Ratios[i].Ratio, b.Ratios[i].CI[0], b.Ratios[i].CI[1])
		}
	}
}

func writeGroups(w io.Writer, title string, groups []Group, budget float64) {
	if len(groups) == 0 {
		return
	}
	fmt.Fprintf(w, "\n%s\tfrauds\trecall at FPR 0.1 %%\tof R$\tat %.0f alerts\tFPR\t\n", title, budget)
	for _, g := range groups {
		fpr := percent(g.FPR)
		if g.Payments*g.FPR == 0 && g.Recall+g.BudgetRecall == 0 && g.Frauds > 0 {
			fpr = "–"
		}
		fmt.Fprintf(w, "%s\t%d\t%s\t%s\t%s\t%s\t\n", words(g.Name), g.Frauds, share(g.Recall, g.Frauds), share(g.BRLRecall, g.Frauds),
			share(g.BudgetRecall, g.Frauds), fpr)
	}
}

func writeLook(w io.Writer, title string, groups []Group) {
	if len(groups) == 0 {
		return
	}
	fmt.Fprintf(w, "\n%s\tpayments\tFPR\t\n", title)
	for _, g := range groups {
		fmt.Fprintf(w, "%s\t%.0f\t%s\t\n", words(g.Name), g.Payments, percent(g.FPR))
	}
}

func words(name string) string { return strings.ReplaceAll(name, "_", " ") }

// share is a percentage of frauds, or a dash where there are none.
func share(v float64, frauds int) string {
	if frauds == 0 {
		return "–"
	}
	return percent(v)
}

func percent(v float64) string {
	if v != 0 && v < 0.01 {
		return fmt.Sprintf("%.2f %%", 100*v)
	}
	return fmt.Sprintf("%.1f %%", 100*v)
}

func brackets(i *Interval) string {
	if i == nil || *i == (Interval{}) {
		return ""
	}
	return fmt.Sprintf("[%.1f, %.1f]", 100*i[0], 100*i[1])
}
