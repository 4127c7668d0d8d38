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
	writeHead(t, r)
	fmt.Fprintf(t, "\nFPR\trecall\t\tprecision\t\tR$ detected\t\talerts per 100,000\tthreshold\t\n")
	for _, p := range r.AtFPR {
		fmt.Fprintf(t, "%.2f %%\t%s\t%s\t%s\t%.1f\t%.3f\t\n", 100*p.FPR, figure(p.Recall, &p.RecallCI),
			figure(p.Precision, &p.PrecCI), figure(p.BRLRecall, &p.BRLCI), p.Alerts, p.Threshold)
	}
	writeBudgets(t, r)
	writeBeside(t, r)
	writeAccounts(t, r)
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

func writeHead(w io.Writer, r *Report) {
	known := "reported frauds only"
	if r.Truth {
		known = "the simulator's truth"
	}
	fmt.Fprintf(w, "%s on %d payments (standing for %.0f) of %d days, %s to %s; %d earlier rows left out\n",
		r.Model, r.Rows, r.Payments, r.Days, r.From[:10], r.To[:10], r.LeftOut)
	fmt.Fprintf(w, "%d frauds (%.2f per 100,000 payments, R$ %.0f by weight), measured against %s\n",
		r.Frauds, r.Per100k, r.FraudBRL, known)
	fmt.Fprintf(w, "brackets: 95 %% of %d bootstrap replicates over %ss; average precision %.3f, AUC %.4f\n",
		r.Boot.Replicates, r.Boot.Unit, r.AP, r.AUC)
}

func writeBudgets(w io.Writer, r *Report) {
	fmt.Fprintf(w, "\nalerts per 100,000\tranked by\tprecision\t\trecall\t\tR$ detected\t\tR$\t\n")
	for _, b := range r.AtBudget {
		fmt.Fprintf(w, "%.0f\t%s\t%s\t%s\t%s\t%.0f\t\n", b.Per100k, words(b.Order),
			figure(b.Precision, b.PrecCI), figure(b.Recall, b.RecallCI), figure(b.BRLRecall, b.BRLCI), b.BRL)
	}
}

func writeBeside(w io.Writer, r *Report) {
	if len(r.Beside) == 0 {
		return
	}
	fmt.Fprintf(w, "\nbeside\tranked by\trecall\t\tR$ detected\t\t%s detects\t\t\n", r.Model)
	for _, b := range r.Beside {
		for i, more := range b.Ratios {
			at := b.AtBudget[i]
			fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%.2f times\t[%.2f, %.2f]\t\n", b.Model, words(at.Order),
				figure(at.Recall, at.RecallCI), figure(at.BRLRecall, at.BRLCI), more.Ratio, more.CI[0], more.CI[1])
		}
	}
}

func writeAccounts(w io.Writer, r *Report) {
	a, c := r.Accounts, r.Calib
	fmt.Fprintf(w, "\n%d most suspicious accounts a day: precision %s, %s of the accounts with a fraud that day, %d days\n",
		a.K, percent(a.Precision), percent(a.Recall), a.Days)
	if m := r.Mules; m != nil {
		fmt.Fprintf(w, "mule accounts found before their third incoming fraud: %s %s (ever: %s)\n",
			percent(m.BeforeThird), brackets(&m.CI), percent(m.Ever))
		fmt.Fprintf(w, "  of %d mules among %d accounts, with %.1f %% of the others suspected (%.4f %% of payments)\n",
			m.Mules, m.Accounts, 100*m.FPR, 100*m.PaymentFPR)
		fmt.Fprintf(w, "  %d of the mules have one incoming fraud that we see; of those with several %s are found\n",
			m.Once, percent(m.Repeated))
	}
	fmt.Fprintf(w, "probabilities: %.1f frauds expected, %.1f seen; expected calibration error %.2g, Brier %.3g\n",
		c.Expected, c.Observed, c.ECE, c.Brier)
}

// writeGroups prints a class of payments a line. Classes of frauds alone have no false positive rate.
func writeGroups(w io.Writer, title string, groups []Group, budget float64) {
	if len(groups) == 0 {
		return
	}
	fmt.Fprintf(w, "\n%s\tfrauds\trecall at FPR 0.1 %%\tof R$\tat %.0f alerts\tFPR\t\n", title, budget)
	for _, g := range groups {
		fpr := percent(g.FPR)
		if g.OnlyFraud {
			fpr = "–"
		}
		fmt.Fprintf(w, "%s\t%d\t%s\t%s\t%s\t%s\t\n", words(g.Name), g.Frauds,
			share(g.Recall, g.Frauds), share(g.BRLRecall, g.Frauds), share(g.BudgetRecall, g.Frauds), fpr)
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

// figure is a percentage and its interval, as two cells.
func figure(v float64, i *Interval) string { return percent(v) + "\t" + brackets(i) }

func brackets(i *Interval) string {
	if i == nil || *i == (Interval{}) {
		return ""
	}
	return fmt.Sprintf("[%.1f, %.1f]", 100*i[0], 100*i[1])
}
