package doctor

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"

	"google.golang.org/api/googleapi"
	"google.golang.org/api/impersonate"
	"google.golang.org/api/option"
	"google.golang.org/api/transport"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/sentinela-pix/sentinela/scripts/pixctl/internal/command"
	"github.com/sentinela-pix/sentinela/shared/emulator"
)

// machine is what is looked at.
type machine struct {
	getenv  func(string) string
	root    string        // of the repository; empty outside of one
	timeout time.Duration // of everything that may not answer
	now     func() time.Time

	project     string // empty: no project is looked at
	environment string // a directory of terraform/envs, named in the commands that mend
	region      string
	instance    string
	profile     string
	dataset     string
	models      string // bucket
	lake        string // bucket
	workload    string // whose rights are tested, empty for the caller's own

	slots  chan struct{}                    // bounds how many questions are asked at once
	google []option.ClientOption            // credentials for what is no emulator
	denied error                            // why there are none
	places map[string]string                // addresses of services in place of Google's, for tests
	reach  map[string][]option.ClientOption // likewise of gRPC services, by their emulator's variable
}

// questionsAtOnce is enough to hide how far away a project is and too few to meet its quotas.
const questionsAtOnce = 8

func newMachine(getenv func(string) string) *machine {
	return &machine{getenv: getenv, root: repository("."), timeout: defaultTimeout, now: time.Now, slots: make(chan struct{}, questionsAtOnce)}
}

// flags adds what says which project is looked at, and how.
func (m *machine) flags(flags *command.Flags) {
	flags.StringVar(&m.project, "project", command.Project(m.getenv), command.ProjectUsage+"; without one only this machine is looked at")
	flags.StringVar(&m.environment, "env", "dev", "environment of the project, a directory of terraform/envs; it stands in the commands that mend")
	flags.StringVar(&m.region, "region", "southamerica-east1", "where the dataset and the buckets must lie")
	flags.StringVar(&m.instance, "instance", command.First(m.getenv("BIGTABLE_INSTANCE"), "sentinela"), "Bigtable instance; BIGTABLE_INSTANCE by default")
	flags.StringVar(&m.profile, "app-profile", command.First(m.getenv("BIGTABLE_APP_PROFILE"), "pix-single"), "Bigtable app profile; BIGTABLE_APP_PROFILE by default")
	flags.StringVar(&m.dataset, "dataset", command.First(m.getenv("DATASET"), "fraud"), "BigQuery dataset; DATASET by default")
	flags.StringVar(&m.models, "models-bucket", "", "bucket of the models; PROJECT-models by default")
	flags.StringVar(&m.lake, "lake-bucket", bucketOf(m.getenv("LAKE")), "bucket of the lake; that of LAKE by default, else PROJECT-lake")
	flags.StringVar(&m.workload, "as-workload", "", "test the rights that this workload needs, as its service account: "+strings.Join(workloads(), ", "))
	flags.DurationVar(&m.timeout, "timeout", defaultTimeout, "how long to wait for each answer")
}

// projectForm is what Google takes for a project's id; a domain may stand before it.
var projectForm = regexp.MustCompile(`^([a-z0-9.-]+:)?[a-z][a-z0-9-]{4,28}[a-z0-9]$`)

// check reports every mistake of the flags that no look is needed for.
func (m *machine) check() error {
	var problems []error
	if m.timeout <= 0 {
		problems = append(problems, errors.New("-timeout must be above zero"))
	}
	if m.project != "" && !projectForm.MatchString(m.project) {
		problems = append(problems, errors.New("-project is no id of a project"))
	}
	if m.workload != "" && !slices.Contains(workloads(), m.workload) {
		problems = append(problems, fmt.Errorf("-as-workload takes %s", strings.Join(workloads(), ", ")))
	}
	if m.models == "" {
		m.models = m.project + "-models"
	}
	if m.lake == "" {
		m.lake = m.project + "-lake"
	}
	if err := errors.Join(problems...); err != nil {
		return command.Usagef("doctor: %w", err)
	}
	return nil
}

// bucketOf is the bucket of gs://bucket/prefix, empty for a directory.
func bucketOf(location string) string {
	rest, found := strings.CutPrefix(location, "gs://")
	if !found {
		return ""
	}
	name, _, _ := strings.Cut(rest, "/")
	return name
}

const (
	pubsubEmulator   = "PUBSUB_EMULATOR_HOST"
	bigtableEmulator = "BIGTABLE_EMULATOR_HOST"
	bigqueryEmulator = "BIGQUERY_EMULATOR_HOST"
	storageEmulator  = "STORAGE_EMULATOR_HOST"
)

// emulated says whether an emulator stands in for a service.
func (m *machine) emulated(variable string) bool { return m.getenv(variable) != "" }

// allEmulated says whether nothing is left that Google itself would answer.
func (m *machine) allEmulated() bool {
	return m.emulated(pubsubEmulator) && m.emulated(bigtableEmulator) && m.emulated(bigqueryEmulator) && m.emulated(storageEmulator)
}

// options are those of a service's client, or why there is none.
func (m *machine) options(variable string) ([]option.ClientOption, error) {
	host := m.getenv(variable)
	switch {
	case host != "" && variable == bigqueryEmulator:
		return emulator.REST(host), nil
	case host != "":
		return emulator.GRPC(host), nil
	case m.reach[variable] != nil:
		return m.reach[variable], nil
	default:
		return m.google, m.denied
	}
}

const login = "gcloud auth application-default login"

// identify finds out who asks, once for all questions: a machine without credentials is one finding, not thirty.
func (m *machine) identify(ctx context.Context) {
	if m.project == "" || m.allEmulated() || m.reach != nil {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, m.timeout)
	defer cancel()
	lasting := context.WithoutCancel(ctx) // tokens are renewed with it
	type answer struct {
		options []option.ClientOption
		err     error
	}
	done := make(chan answer, 1)
	go func() { // asks a metadata server, which nothing can hurry: it may end when others read m
		options, err := m.authenticate(lasting)
		done <- answer{options, err}
	}()
	select {
	case a := <-done:
		m.google, m.denied = a.options, a.err
	case <-ctx.Done():
		m.denied = fmt.Errorf("find credentials: %w", ctx.Err())
	}
}

const cloudScope = "https://www.googleapis.com/auth/cloud-platform"

// authenticate returns the credentials of the caller, or of the workload that it acts as.
func (m *machine) authenticate(ctx context.Context) ([]option.ClientOption, error) {
	creds, err := transport.Creds(ctx, option.WithScopes(cloudScope))
	if err != nil {
		return nil, fmt.Errorf("find credentials: %w", err)
	}
	if _, err := creds.TokenSource.Token(); err != nil {
		return nil, fmt.Errorf("get a token: %w", err)
	}
	options := []option.ClientOption{option.WithTokenSource(creds.TokenSource)}
	if m.workload != "" {
		source, err := impersonate.CredentialsTokenSource(ctx,
			impersonate.CredentialsConfig{TargetPrincipal: m.account(), Scopes: []string{cloudScope}}, options...)
		if err != nil {
			return nil, fmt.Errorf("act as %s: %w", m.account(), err)
		}
		if _, err := source.Token(); err != nil {
			return nil, fmt.Errorf("act as %s: %w", m.account(), err)
		}
		options = []option.ClientOption{option.WithTokenSource(source)}
	}
	return options, nil
}

// account is the service account of the workload whose rights are tested.
func (m *machine) account() string {
	return fmt.Sprintf("pix-%s@%s.iam.gserviceaccount.com", m.workload, m.project)
}

// caller says which project is looked at, and as whom.
func caller(_ context.Context, m *machine) []finding {
	const check = "credentials"
	switch {
	case m.project == "":
		return []finding{unknown("project", "no project is looked at: pixctl doctor -project P names one")}
	case m.allEmulated():
		return []finding{ok("project", "%s, of emulators", m.project)}
	case m.denied != nil && m.workload != "" && codeOf(m.denied) == codes.PermissionDenied:
		return []finding{wrong(check, fmt.Sprintf("gcloud iam service-accounts add-iam-policy-binding %s --project %s --role roles/iam.serviceAccountTokenCreator --member user:$(gcloud config get account)",
			m.account(), m.project), "%s", brief(m.denied))}
	case m.denied != nil:
		return []finding{wrong(check, login, "%s", brief(m.denied))}
	case m.workload != "":
		return []finding{ok("project", "%s, as %s", m.project, m.account())}
	default:
		return []finding{ok("project", "%s", m.project)}
	}
}

// question is one look at something far away, under the name that its finding has where there is no answer.
type question struct {
	check string
	ask   func(context.Context) []finding
}

// ask asks side by side, each question for its own time, and returns the findings in order.
func (m *machine) ask(ctx context.Context, list []question) []finding {
	found := make([][]finding, len(list))
	var asking sync.WaitGroup
	for i, q := range list {
		asking.Go(func() { found[i] = m.within(ctx, q) })
	}
	asking.Wait()
	return slices.Concat(found...)
}

// grace is for an answer that says itself why it gave up.
const grace = 500 * time.Millisecond

// within asks one question, or leaves it behind soon after its time.
func (m *machine) within(ctx context.Context, q question) []finding {
	select {
	case m.slots <- struct{}{}:
		defer func() { <-m.slots }()
	case <-ctx.Done():
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, m.timeout)
	defer cancel()
	done := make(chan []finding, 1)
	go func() { done <- q.ask(ctx) }()
	select {
	case list := <-done:
		return list
	case <-ctx.Done():
	}
	select {
	case list := <-done:
		return list
	case <-time.After(grace):
		return []finding{wrong(q.check, away, "does not answer within %s", m.timeout)}
	}
}

const away = "look at https://status.cloud.google.com and at this machine's network, then ask again"

// failed says what an error means for a check. Absent is the command that makes what is not there, api the service that
// must be enabled.
func (m *machine) failed(check, absent, api string, err error) finding {
	switch code := codeOf(err); {
	case errors.Is(err, m.denied) && m.denied != nil:
		return unknown(check, "there are no credentials to look with")
	case strings.Contains(err.Error(), "SERVICE_DISABLED"), strings.Contains(err.Error(), "has not been used in project"):
		return missing(check, fmt.Sprintf("gcloud services enable %s --project %s", api, m.project), "the API is not enabled")
	case code == codes.NotFound:
		return missing(check, absent, "does not exist")
	case code == codes.PermissionDenied:
		return unknown(check, "no right to look: %s", brief(err))
	case code == codes.Unauthenticated:
		return wrong(check, login, "the credentials are refused")
	case code == codes.Unimplemented:
		return unknown(check, "what answers here does not know the question")
	default:
		return wrong(check, away, "does not answer: %s", brief(err))
	}
}

// codeOf is the status of an error of either protocol.
func codeOf(err error) codes.Code {
	var rest *googleapi.Error
	if errors.As(err, &rest) {
		switch rest.Code {
		case http.StatusNotFound:
			return codes.NotFound
		case http.StatusForbidden:
			return codes.PermissionDenied
		case http.StatusUnauthorized:
			return codes.Unauthenticated
		case http.StatusNotImplemented, http.StatusMethodNotAllowed:
			return codes.Unimplemented
		}
		return codes.Unavailable
	}
	return status.Code(err)
}

const longestError = 240

// brief is the first line of an error, as far as a person reads.
func brief(err error) string {
	text, _, _ := strings.Cut(err.Error(), "\n")
	if r := []rune(text); len(r) > longestError {
		text = string(r[:longestError]) + "…"
	}
	return text
}

// span is a duration as a person says it.
func span(d time.Duration) string {
	const day = 24 * time.Hour
	if d >= day && d%day == 0 {
		return fmt.Sprintf("%d days", d/day)
	}
	return fmt.Sprintf("%.0f s", d.Seconds())
}
