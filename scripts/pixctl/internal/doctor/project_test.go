package doctor

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"cloud.google.com/go/bigtable/admin/apiv2/adminpb"
	"cloud.google.com/go/pubsub/v2/apiv1/pubsubpb"
	"github.com/google/go-cmp/cmp"
	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/types/known/durationpb"

	"github.com/sentinela-pix/sentinela/scripts/pixctl/internal/command"
	"github.com/sentinela-pix/sentinela/shared/event"
)

// far are the groups that look at a project; models are tested apart.
const far = "topics,store,warehouse,rights,clocks,keys"

// look examines groups and returns their findings by check.
func look(t *testing.T, m *machine, only string) map[string]finding {
	t.Helper()
	list, err := chosen(only)
	if err != nil {
		t.Fatal(err)
	}
	found := map[string]finding{}
	for _, f := range m.examine(t.Context(), list) {
		found[f.Check] = f
		if (f.Verdict == verdictWrong || f.Verdict == verdictMissing) && f.Mend == "" {
			t.Errorf("%s does not say what mends it", f.Check)
		}
	}
	return found
}

// TestProjectThatIsWhole: where all is as declared nothing is wrong, missing or unknown, for whomever.
func TestProjectThatIsWhole(t *testing.T) {
	t.Parallel()
	for _, workload := range append(workloads(), "") {
		m := whole(t).start(t)
		m.workload = workload
		only := far
		if workload != "" {
			only = "rights"
		}
		found := look(t, m, only)
		for _, f := range found {
			if f.Verdict != verdictOK {
				t.Errorf("%+v", f)
			}
		}
		if least := 2; len(found) < least {
			t.Errorf("%s: %d lines", workload, len(found))
		}
	}
}

// broken is a project with one fault and the line that must say so.
type broken struct {
	breaks  func(*cloud)
	group   string
	check   string
	verdict string
	mend    string // is part of it
}

const (
	applyPubsub   = "terraform -chdir=terraform/envs/dev apply -target=module.sentinela.module.pubsub"
	applyBigtable = "terraform -chdir=terraform/envs/dev apply -target=module.sentinela.module.bigtable"
	applyBigQuery = "terraform -chdir=terraform/envs/dev apply -target=module.sentinela.module.bigquery"
	updateScore   = "gcloud pubsub subscriptions update score --project " + project + " "
)

func brokenTopics() map[string]broken {
	wrongly := func(check, mend string, breaks func(s *pubsubpb.Subscription)) broken {
		return broken{func(g *cloud) { breaks(g.subscriptions["score"]) }, "topics", "subscription score" + check, verdictWrong, mend}
	}
	return map[string]broken{
		"topic":        {func(g *cloud) { delete(g.topics, event.TopicLabels) }, "topics", "topic pix-labels-v1", verdictMissing, applyPubsub},
		"subscription": {func(g *cloud) { delete(g.subscriptions, "audit") }, "topics", "subscription audit", verdictMissing, applyPubsub},
		"filter":       {func(g *cloud) { g.subscriptions["alert"].Filter = "" }, "topics", "subscription alert filter", verdictWrong, applyPubsub},
		"a desk pushed": {func(g *cloud) {
			g.subscriptions[event.SubscriptionDesk].PushConfig = g.subscriptions["score"].PushConfig
		},
			"topics", "subscription pix-dead-letter-v1-desk push", verdictWrong, "--push-endpoint="},
		"deadline":   wrongly(" deadline", updateScore+"--ack-deadline=60", func(s *pubsubpb.Subscription) { s.AckDeadlineSeconds = 10 }),
		"retention":  wrongly(" retention", updateScore+"--message-retention-duration=604800s", func(s *pubsubpb.Subscription) { s.MessageRetentionDuration = durationpb.New(time.Hour) }),
		"expiration": wrongly(" expiration", updateScore+"--expiration-period=never", func(s *pubsubpb.Subscription) { s.ExpirationPolicy.Ttl = durationpb.New(31 * 24 * time.Hour) }),
		"native dead letters": wrongly(" dead letters", updateScore+"--clear-dead-letter-policy", func(s *pubsubpb.Subscription) {
			s.DeadLetterPolicy = &pubsubpb.DeadLetterPolicy{DeadLetterTopic: "projects/p/topics/other"}
		}),
		"another topic": wrongly(" topic", applyPubsub, func(s *pubsubpb.Subscription) { s.Topic = "_deleted-topic_" }),
		"order":         wrongly(" order", applyPubsub, func(s *pubsubpb.Subscription) { s.EnableMessageOrdering = true }),
		"detached":      wrongly(" detached", applyPubsub, func(s *pubsubpb.Subscription) { s.Detached = true }),
		"paused":        wrongly(" push", applyPubsub, func(s *pubsubpb.Subscription) { s.PushConfig = nil }),
		"path":          wrongly(" push", applyPubsub, func(s *pubsubpb.Subscription) { s.PushConfig.PushEndpoint = "https://pix-score.run.app/" }),
		"plain HTTP":    wrongly(" push", applyPubsub, func(s *pubsubpb.Subscription) { s.PushConfig.PushEndpoint = "http://pix-score.run.app/push" }),
		"no token":      wrongly(" token", applyPubsub, func(s *pubsubpb.Subscription) { s.PushConfig.AuthenticationMethod = nil }),
		"no audience":   wrongly(" token", applyPubsub, func(s *pubsubpb.Subscription) { s.PushConfig.GetOidcToken().Audience = "" }),
	}
}

func brokenTables() map[string]broken {
	relation := func(check string, breaks func(g *cloud)) broken {
		return broken{breaks, "warehouse", "relation " + check, verdictWrong, applyBigQuery}
	}
	return map[string]broken{
		"table":  {func(g *cloud) { g.table = nil }, "store", "table", verdictMissing, applyBigtable},
		"family": {func(g *cloud) { delete(g.table.ColumnFamilies, "dec") }, "store", "family dec", verdictMissing, applyBigtable},
		"gc": {func(g *cloud) { g.table.ColumnFamilies["dec"] = g.table.ColumnFamilies["out"] },
			"store", "family dec", verdictWrong, applyBigtable},
		"no gc": {func(g *cloud) { g.table.ColumnFamilies["tile"].GcRule = nil }, "store", "family tile", verdictWrong, applyBigtable},
		"an intersection": {func(g *cloud) {
			g.table.ColumnFamilies["tile"].GcRule = &adminpb.GcRule{Rule: &adminpb.GcRule_Intersection_{Intersection: &adminpb.GcRule_Intersection{}}}
		}, "store", "family tile", verdictWrong, applyBigtable},
		"replication": {func(g *cloud) {
			g.table.ClusterStates["pix-b"] = &adminpb.Table_ClusterState{ReplicationState: adminpb.Table_ClusterState_INITIALIZING}
		}, "store", "replication", verdictWrong, "gcloud bigtable clusters list"},
		"profile": {func(g *cloud) { g.profile = nil }, "store", "app profile", verdictMissing, applyBigtable},
		"profile without transactions": {func(g *cloud) { g.profile.GetSingleClusterRouting().AllowTransactionalWrites = false },
			"store", "app profile", verdictWrong, "--transactional-writes"},
		"profile of several clusters": {func(g *cloud) { g.profile.RoutingPolicy = nil }, "store", "app profile", verdictWrong, "--route-to"},

		"dataset":   {func(g *cloud) { delete(g.objects, "/projects/"+project+"/datasets/fraud") }, "warehouse", "dataset", verdictMissing, applyBigQuery},
		"elsewhere": {func(g *cloud) { g.objects["/projects/"+project+"/datasets/fraud"]["location"] = "US" }, "warehouse", "dataset", verdictWrong, "-region"},
		"no relation": {func(g *cloud) { delete(g.objects, "/projects/"+project+"/datasets/fraud/tables/labels_latest") },
			"warehouse", "relation labels_latest", verdictMissing, applyBigQuery},
		"column": relation("labels", func(g *cloud) {
			fields := g.relation("labels")["schema"].(map[string]any)
			fields["fields"] = fields["fields"].([]any)[1:]
		}),
		"type":                relation("labels", func(g *cloud) { g.column("labels", 3)["type"] = "STRING" }),
		"mode":                relation("labels", func(g *cloud) { g.column("labels", 2)["mode"] = "REQUIRED" }),
		"description":         relation("labels", func(g *cloud) { g.column("labels", 2)["description"] = "" }),
		"another named":       relation("labels", func(g *cloud) { g.column("labels", 0)["name"] = "id" }),
		"partition":           relation("alerts", func(g *cloud) { delete(g.relation("alerts"), "timePartitioning") }),
		"clustering":          relation("alerts", func(g *cloud) { delete(g.relation("alerts"), "clustering") }),
		"filter not required": relation("alerts", func(g *cloud) { g.relation("alerts")["requirePartitionFilter"] = false }),
		"query":               relation("alerts_latest", func(g *cloud) { g.relation("alerts_latest")["view"] = map[string]any{"query": "SELECT 1"} }),
		"a table for a view":  relation("alerts_latest", func(g *cloud) { g.relation("alerts_latest")["type"] = "TABLE" }),
	}
}

func brokenRest() map[string]broken {
	secret := "/v1/projects/" + project + "/secrets/pix-token-key/versions"
	bucket := func(check, mend string, breaks func(b map[string]any)) broken {
		return broken{func(g *cloud) { breaks(g.objects["/storage/v1/b/"+project+"-models"]) }, "buckets", "bucket of models" + check, verdictWrong, mend}
	}
	return map[string]broken{
		"right to query":     {func(g *cloud) { g.lacking = "bigquery.tables.getData" }, "rights", "caller on relation labels", verdictMissing, "module.grants_of_data"},
		"right on a project": {func(g *cloud) { g.lacking = "bigquery.jobs.create" }, "rights", "caller on project " + project, verdictMissing, "module.grants_of_data"},
		"right to act as the desk": {func(g *cloud) { g.lacking = "iam.serviceAccounts.getAccessToken" },
			"rights", "caller on account pix-desk@" + project + ".iam.gserviceaccount.com", verdictMissing, "module.grants_of_accounts"},
		"secret": {func(g *cloud) { delete(g.objects, secret) }, "keys", "secret pix-token-key", verdictMissing, "module.secrets"},
		"secret without a version": {func(g *cloud) { g.objects[secret] = map[string]any{} },
			"keys", "secret pix-token-key", verdictMissing, "openssl rand -base64 32 | gcloud secrets versions add pix-token-key"},
		"bucket":           {func(g *cloud) { delete(g.objects, "/storage/v1/b/"+project+"-lake") }, "buckets", "bucket of lake", verdictMissing, "module.storage"},
		"bucket elsewhere": bucket(" location", "-region", func(b map[string]any) { b["location"] = "EU" }),
		"no versions":      bucket(" versioning", "--versioning", func(b map[string]any) { delete(b, "versioning") }),
		"public": bucket(" public access", "--public-access-prevention", func(b map[string]any) {
			b["iamConfiguration"].(map[string]any)["publicAccessPrevention"] = "inherited"
		}),
		"rights by object": bucket(" uniform access", "--uniform-bucket-level-access", func(b map[string]any) {
			delete(b["iamConfiguration"].(map[string]any), "uniformBucketLevelAccess")
		}),
	}
}

// TestEachFaultIsNamed: each fault alone is noticed, under its own name, with what mends it.
func TestEachFaultIsNamed(t *testing.T) {
	t.Parallel()
	for part, cases := range map[string]map[string]broken{"topics": brokenTopics(), "tables": brokenTables(), "rest": brokenRest()} {
		for name, c := range cases {
			t.Run(part+"/"+name, func(t *testing.T) {
				t.Parallel()
				g := whole(t)
				c.breaks(g)
				found := look(t, g.start(t), c.group)
				f := found[c.check]
				if f.Verdict != c.verdict || !strings.Contains(f.Mend, c.mend) {
					t.Errorf("%+v, want %s, mended by %q", f, c.verdict, c.mend)
				}
				if c.verdict == verdictWrong && strings.Contains(c.check, "subscription ") && found[strings.Join(strings.Fields(c.check)[:2], " ")].Verdict == verdictOK {
					t.Error("the subscription is called right all the same")
				}
			})
		}
	}
}

// TestLimitsOfTheEnvironment: who gives a function more time needs a longer deadline, and a message may not live longer than
// it is kept.
func TestLimitsOfTheEnvironment(t *testing.T) {
	t.Parallel()
	m := whole(t).start(t)
	m.getenv = func(name string) string {
		return map[string]string{"HANDLE_TIMEOUT": "55s", "EXPORT_TIMEOUT": "9m", "MAX_MESSAGE_AGE": "168h"}[name]
	}
	found := look(t, m, "topics")
	if f := found["subscription score deadline"]; !strings.HasSuffix(f.Mend, "--ack-deadline=65") {
		t.Errorf("%+v", f)
	}
	if f := found["subscription export deadline"]; f.Verdict != "" {
		t.Errorf("%+v", f)
	}
	if f := found["subscription label retention"]; f.Verdict != verdictWrong {
		t.Errorf("%+v", f)
	}
}

// TestNewerColumnIsNoFault: the release before must find its successor's tables right.
func TestNewerColumnIsNoFault(t *testing.T) {
	t.Parallel()
	for mode, want := range map[string]string{"NULLABLE": verdictOK, "REQUIRED": verdictWrong} {
		g := whole(t)
		fields := g.relation("labels")["schema"].(map[string]any)
		fields["fields"] = append(fields["fields"].([]any), map[string]any{"name": "newer", "type": "STRING", "mode": mode})
		if f := look(t, g.start(t), "warehouse")["relation labels"]; f.Verdict != want {
			t.Errorf("%+v, want %s", f, want)
		}
	}
}

// TestNoRightToLook: what may not be looked at is unknown, neither right nor wrong, and an error only with -strict.
func TestNoRightToLook(t *testing.T) {
	t.Parallel()
	g := whole(t)
	g.refuse = codes.PermissionDenied
	found := look(t, g.start(t), far+",buckets")
	for _, f := range found {
		if strings.HasPrefix(f.Check, "clock") || f.Check == "TOKEN_KEY" {
			continue
		}
		if f.Verdict != verdictUnknown {
			t.Errorf("%+v", f)
		}
	}
	list := []finding{unknown("a", "b")}
	if err := report(&bytes.Buffer{}, list, style{}); err != nil {
		t.Error(err)
	}
	if err := report(&bytes.Buffer{}, list, style{strict: true}); command.ExitCode(err) != command.ExitRefused {
		t.Errorf("strict: %v", err)
	}
}

// TestWhoDoesNotAnswer: a service that hangs is a verdict after its time, and Ctrl-C does not wait for that.
func TestWhoDoesNotAnswer(t *testing.T) {
	t.Parallel()
	g := whole(t)
	g.hang = true
	m := g.start(t)
	m.timeout = 100 * time.Millisecond
	for _, f := range look(t, m, far+",buckets") {
		if f.Check != "TOKEN_KEY" && f.Check != "model signatures" && (f.Verdict != verdictWrong || !strings.Contains(f.Detail, "does not answer")) {
			t.Errorf("%+v", f)
		}
	}
	m.timeout = time.Hour
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	list, _ := chosen(far + ",buckets")
	m.examine(ctx, list)
}

// TestWhatIsDeafToItsContext: a look that does not end with its time is left behind.
func TestWhatIsDeafToItsContext(t *testing.T) {
	t.Parallel()
	m := healthy(nil)
	m.timeout = time.Millisecond
	release := make(chan struct{})
	defer close(release)
	found := m.ask(t.Context(), []question{{"deaf", func(context.Context) []finding { <-release; return nil }}})
	if len(found) != 1 || found[0].Verdict != verdictWrong || found[0].Check != "deaf" {
		t.Errorf("%+v", found)
	}
}

// TestErrorsMeanSomething: each status has its verdict.
func TestErrorsMeanSomething(t *testing.T) {
	t.Parallel()
	for code, want := range map[codes.Code]string{
		codes.Unavailable: verdictWrong, codes.Unauthenticated: verdictWrong, codes.Unimplemented: verdictUnknown, codes.PermissionDenied: verdictUnknown,
	} {
		g := whole(t)
		g.refuse = code
		m := g.start(t)
		if code == codes.Unavailable { // which a client asks again for as long as it may
			m.timeout = time.Second
		}
		if f := look(t, m, "topics")["topic pix-labels-v1"]; f.Verdict != want {
			t.Errorf("%s: %+v, want %s", code, f, want)
		}
	}
	m := healthy(nil)
	m.project = project
	f := m.failed("c", "", pubsubAPI, fmt.Errorf("rpc error: reason = SERVICE_DISABLED"))
	if f.Verdict != verdictMissing || f.Mend != "gcloud services enable pubsub.googleapis.com --project "+project {
		t.Errorf("%+v", f)
	}
	m.denied = fmt.Errorf("no credentials")
	if f := caller(t.Context(), m)[0]; f.Verdict != verdictWrong || f.Mend != login {
		t.Errorf("%+v", f)
	}
	for _, f := range topics(t.Context(), m) {
		if f.Verdict != verdictUnknown {
			t.Errorf("without credentials: %+v", f)
		}
	}
}

// TestClockOfAServer: a clock that is minutes off in either direction is wrong.
func TestClockOfAServer(t *testing.T) {
	t.Parallel()
	for off, want := range map[time.Duration]string{
		0: verdictOK, -time.Minute: verdictOK, -6 * time.Minute: verdictWrong, 6 * time.Minute: verdictWrong,
	} {
		m := whole(t).start(t)
		m.now = func() time.Time { return time.Now().Add(off) }
		if f := look(t, m, "clocks")["clock and server"]; f.Verdict != want || want == verdictWrong && f.Mend != "timedatectl set-ntp true" {
			t.Errorf("%s: %+v, want %s", off, f, want)
		}
	}
}

// TestNeedsNameWhatExists: a workload publishes what the table of topics says, and no need is for nothing.
func TestNeedsNameWhatExists(t *testing.T) {
	t.Parallel()
	m := &machine{project: "p", models: "p-models", lake: "p-lake"}
	for _, w := range workloads() {
		list := m.needs(w)
		letters := slices.ContainsFunc(list, func(n need) bool { return n.kind == "topic" && n.name == event.TopicDeadLetter })
		if letters == (w == "desk") {
			t.Errorf("%s publishes dead letters: %v", w, letters)
		}
		for _, n := range list {
			if n.name == "" || len(n.permissions) == 0 {
				t.Errorf("%s: %+v", w, n)
			}
		}
	}
}

// TestRightsOfAWorkload: each right that a workload lacks is named on its own resource, and nowhere else.
func TestRightsOfAWorkload(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ workload, lacking, check string }{
		{"score", "pubsub.topics.publish", "score on topic pix-decisions-v1"},
		{"score", "bigtable.tables.mutateRows", "score on table pix"},
		{"scorer", "storage.objects.get", "scorer on bucket " + project + "-models"},
		{"bridge", "pubsub.topics.publish", "bridge on topic pix-transactions-v1"},
		{"bridge", "secretmanager.versions.access", "bridge on secret kafka-sasl-password"},
		{"scorer", "secretmanager.versions.access", "scorer on secret pix-token-key"},
		{"audit", "bigquery.tables.updateData", "audit on relation decisions"},
		{"export", "storage.objects.create", "export on folder " + project + "-lake/exports"},
		{"export", "bigquery.readsessions.create", "export on project " + project},
		{"export", "bigquery.jobs.create", "export on project " + project},
		{"desk", "pubsub.subscriptions.consume", "desk on subscription pix-dead-letter-v1-desk"},
		{"desk", "pubsub.topics.publish", "desk on topic pix-labels-v1"},
		{"desk", "pubsub.topics.publish", "desk on topic pix-exports-v1"},
	} {
		g := whole(t)
		g.lacking = c.lacking
		m := g.start(t)
		m.workload = c.workload
		for check, f := range look(t, m, "rights") {
			lacks := strings.Contains(f.Detail, "without "+c.lacking)
			if (check == c.check) && !lacks || lacks != (f.Verdict == verdictMissing) {
				t.Errorf("%s without %s: %+v", c.workload, c.lacking, f)
			}
		}
	}
}

// TestUsage: mistakes in the flags are told before anything is asked.
func TestUsage(t *testing.T) {
	t.Parallel()
	for _, args := range [][]string{{"-only", "nonsense"}, {"-project", "No Project"}, {"-project", project, "-as-workload", "nobody"}, {"-timeout", "0"}} {
		var out, errs bytes.Buffer
		std := command.IO{Out: &out, Err: &errs, Getenv: func(string) string { return "" }}
		if code := command.Dispatch(t.Context(), std, []command.Command{Command()}, append([]string{"doctor"}, args...)); code != command.ExitUsage {
			t.Errorf("%v: exit code %d: %s", args, code, errs.String())
		}
	}
}

// TestSecretsOfTheContract: what doctor looks for is what the code reads and Terraform makes.
func TestSecretsOfTheContract(t *testing.T) {
	t.Parallel()
	data, err := os.ReadFile("../../../../terraform/contract.json")
	if err != nil {
		t.Fatal(err)
	}
	var contract struct{ Secrets map[string]string }
	if err := json.Unmarshal(data, &contract); err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, s := range known() {
		names = append(names, s.name)
	}
	slices.Sort(names)
	if diff := cmp.Diff(slices.Sorted(maps.Values(contract.Secrets)), names); diff != "" {
		t.Error(diff)
	}
}
