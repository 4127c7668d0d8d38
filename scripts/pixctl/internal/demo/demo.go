package demo

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"

	"github.com/sentinela-pix/sentinela/scripts/pixctl/internal/command"
	"github.com/sentinela-pix/sentinela/scripts/pixctl/internal/stack"
	"github.com/sentinela-pix/sentinela/shared/pixtest"
)

// options are the command's flags.
type options struct {
	payments int
	rate     float64
	askRate  float64
	seed     uint64
	invalid  int
	json     bool
	serve    bool
	lake     string
	logs     string
	models   string
	profile  string

	warehouse pixtest.Starter // nil for First
}

// Command returns `pixctl demo`. The caller gives what starts BigQuery, so that First does not link it.
func Command(bigQuery pixtest.Starter) command.Command {
	return command.Command{
		Name:    "demo",
		Summary: "the main job, whole, in one process",
		Run: func(ctx context.Context, std command.IO, args []string) error {
			return run(ctx, std, args, bigQuery)
		},
	}
}

const synopsis = `[-payments N] [-rate R] [-seed S] [-lake DIR] [-json] | -serve [-lake DIR]

Starts Kafka, Pub/Sub, Bigtable, BigQuery and Cloud Storage in this process, the bridge, the functions and the scorer on
top of them, and sends simulated payments: the first tenth asks the scorer over HTTP at a steady rate (decision_ms is
measured there, from the moment each request was due), the rest flows through Kafka, one in a hundred of them twice.
What the warehouse holds then goes to the lake. Ends with a summary and three BigQuery investigations. With -json the last line of standard output is one JSON object
and everything else goes to standard error. With -serve it sends nothing, prints its endpoints and stays up.
`

func run(ctx context.Context, std command.IO, args []string, bigQuery pixtest.Starter) error {
	o := options{warehouse: bigQuery}
	flags := command.NewFlags(std, "demo", synopsis, 0)
	flags.IntVar(&o.payments, "payments", 5_000, "payments to send")
	flags.Float64Var(&o.rate, "rate", 0, "payments per second through Kafka; 0 is as fast as the pipeline takes them")
	flags.Float64Var(&o.askRate, "ask-rate", 100, "requests per second to the scorer, open loop")
	flags.Uint64Var(&o.seed, "seed", 1, "seed of the simulated world")
	flags.IntVar(&o.invalid, "invalid", 3, "invalid Kafka records to send beside the payments")
	flags.BoolVar(&o.json, "json", false, "print the summary as one JSON object on the last line")
	flags.BoolVar(&o.serve, "serve", false, "stay up for other clients, print the endpoints")
	flags.StringVar(&o.lake, "lake", "", "directory for the Delta tables, each in one below it; default none but the Cloud Storage fake's")
	flags.StringVar(&o.logs, "logs", "", "file for the services' JSON logs; default none")
	flags.StringVar(&o.models, "models", "", "model store to serve from, a directory; default the shipped models")
	flags.StringVar(&o.profile, "cpuprofile", "", "file for a CPU profile of the run; default none")
	if _, err := flags.Parse(args); err != nil {
		return err
	}
	if o.payments < minPayments || o.askRate <= 0 || o.rate < 0 || o.invalid < 0 {
		return command.Usagef("demo: -payments must be at least %d, -ask-rate above 0, -rate and -invalid not negative", minPayments)
	}
	logs, closeLogs, err := openLogs(o.logs)
	if err != nil {
		return err
	}
	defer closeLogs()
	stopProfile, err := profile(o.profile)
	if err != nil {
		return err
	}
	defer stopProfile()
	if o.serve {
		return serve(ctx, std, o, logs)
	}
	return play(ctx, std, o, logs)
}

// minPayments leaves something for either entry.
const minPayments = 10

// play runs the demo to its end.
func play(ctx context.Context, std command.IO, o options, logs io.Writer) (err error) {
	defer keepRoom()()
	out := std.Out
	if o.json {
		out = std.Err
	}
	s := newShow(out, o)
	s.line("Sentinela: %d payments, seed %d", o.payments, o.seed)
	st, err := start(ctx, s.narrator, s.stack(o, logs))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, st.Stop(context.WithoutCancel(ctx))) }()
	s.line("ready; watch it decide: %s", st.LiveURL)
	p := &performance{show: s, stack: st, options: o}
	summary, err := p.perform(ctx)
	if err != nil {
		return err
	}
	if err := investigate(ctx, out, p); err != nil {
		return err
	}
	summary.print(out)
	if o.json {
		if err := summary.json(std.Out); err != nil {
			return err
		}
	}
	return summary.verdict()
}

// atOnce is the margin of an export whose tick comes when nobody writes any more.
const atOnce = time.Microsecond

// stack are the options of a stack that this show watches.
func (s *show) stack(o options, logs io.Writer) stack.Options {
	return stack.Options{
		Warehouse: o.warehouse, Logs: logs, Progress: s.line, Models: o.models, Lake: o.lake, ExportMargin: atOnce,
		InProcess: true,
		Watch: map[string]http.Handler{
			stack.DecisionsTopic:  watch(s.decided),
			stack.DeadLetterTopic: watch(s.buried),
		},
	}
}

// start brings the stack up, or gives up.
func start(ctx context.Context, n *narrator, o stack.Options) (st *stack.Stack, err error) {
	up := make(chan *stack.Stack, 1)
	err = patience{out: n, what: "the start", limit: startLimit}.run(ctx, func(ctx context.Context) error {
		st, err := stack.Start(ctx, o)
		up <- st
		return err
	})
	if err != nil {
		return nil, err
	}
	return <-up, nil
}

// serve keeps the stack up until the context ends.
func serve(ctx context.Context, std command.IO, o options, logs io.Writer) (err error) {
	defer keepRoom()()
	n := &narrator{out: std.Err, start: time.Now()}
	st, err := start(ctx, n, stack.Options{Warehouse: o.warehouse, Logs: logs, Progress: n.line, Models: o.models, Lake: o.lake})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, st.Stop(context.WithoutCancel(ctx))) }()
	for _, line := range st.Env() {
		fmt.Fprintln(std.Out, line)
	}
	fmt.Fprintln(std.Out, "ready")
	<-ctx.Done()
	n.line("stopping")
	return nil
}
