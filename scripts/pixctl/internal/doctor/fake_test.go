package doctor

import (
	"context"
	"encoding/json"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path"
	"path/filepath"
	"strings"
	"testing"

	"cloud.google.com/go/bigtable/admin/apiv2/adminpb"
	"cloud.google.com/go/iam/apiv1/iampb"
	"cloud.google.com/go/pubsub/v2/apiv1/pubsubpb"
	"google.golang.org/api/option"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/durationpb"

	"github.com/sentinela-pix/sentinela/shared/emulator"
	"github.com/sentinela-pix/sentinela/shared/event"
	"github.com/sentinela-pix/sentinela/shared/store"
	"github.com/sentinela-pix/sentinela/shared/warehouse"
)

const project = "sentinela-test"

// cloud is a project as Google's services would tell it, whole until a test breaks something. It answers over gRPC as
// Pub/Sub and Bigtable and over HTTP as BigQuery, Cloud Storage, Secret Manager and the Resource Manager.
type cloud struct {
	pubsubpb.UnimplementedPublisherServer
	pubsubpb.UnimplementedSubscriberServer

	topics        map[string]bool
	subscriptions map[string]*pubsubpb.Subscription
	table         *adminpb.Table
	profile       *adminpb.AppProfile
	objects       map[string]map[string]any // over HTTP, by path
	lacking       string                    // a permission that nobody has

	refuse codes.Code // of every call
	hang   bool       // no call is answered
	over   chan struct{}
}

// whole is a project in which everything is as declared.
func whole(t *testing.T) *cloud {
	t.Helper()
	g := &cloud{over: make(chan struct{}), topics: map[string]bool{}, subscriptions: map[string]*pubsubpb.Subscription{}, objects: map[string]map[string]any{}}
	for _, topic := range event.Topics() {
		g.topics[topic.Name] = true
		for _, s := range topic.Subscriptions {
			g.subscriptions[s.Name] = subscription(topic.Name, s)
		}
	}
	g.table = &adminpb.Table{
		ColumnFamilies: map[string]*adminpb.ColumnFamily{},
		ClusterStates:  map[string]*adminpb.Table_ClusterState{"pix-a": {ReplicationState: adminpb.Table_ClusterState_READY}},
	}
	for name, l := range store.Families(store.Retention{}) {
		g.table.ColumnFamilies[name] = &adminpb.ColumnFamily{GcRule: rule(l)}
	}
	g.profile = &adminpb.AppProfile{RoutingPolicy: &adminpb.AppProfile_SingleClusterRouting_{
		SingleClusterRouting: &adminpb.AppProfile_SingleClusterRouting{ClusterId: "pix-a", AllowTransactionalWrites: true},
	}}
	g.warehouse(t)
	for _, name := range []string{"models", "lake"} {
		g.objects["/storage/v1/b/"+project+"-"+name] = map[string]any{
			"location": "SOUTHAMERICA-EAST1", "versioning": map[string]any{"enabled": true},
			"iamConfiguration": map[string]any{"publicAccessPrevention": "enforced", "uniformBucketLevelAccess": map[string]any{"enabled": true}},
		}
	}
	g.objects["/v1/projects/"+project+"/secrets/pix-token-key/versions"] = map[string]any{"versions": []any{map[string]any{"name": "1"}}}
	return g
}

func subscription(topic string, s event.Subscription) *pubsubpb.Subscription {
	p := &pubsubpb.Subscription{
		Name: s.Name, Topic: "projects/" + project + "/topics/" + topic, Filter: s.Filter, AckDeadlineSeconds: int32(s.AckDeadline.Seconds()),
		MessageRetentionDuration: durationpb.New(s.Retention), ExpirationPolicy: &pubsubpb.ExpirationPolicy{},
	}
	if s.Function != "" {
		url := "https://pix-" + s.Function + ".run.app"
		p.PushConfig = &pubsubpb.PushConfig{
			PushEndpoint: url + event.PushPath,
			AuthenticationMethod: &pubsubpb.PushConfig_OidcToken_{OidcToken: &pubsubpb.PushConfig_OidcToken{
				ServiceAccountEmail: "push-" + s.Function + "@" + project + ".iam.gserviceaccount.com", Audience: url,
			}},
		}
	}
	return p
}

func rule(l store.Lifetime) *adminpb.GcRule {
	age := &adminpb.GcRule{Rule: &adminpb.GcRule_MaxAge{MaxAge: durationpb.New(l.Age)}}
	versions := &adminpb.GcRule{Rule: &adminpb.GcRule_MaxNumVersions{MaxNumVersions: int32(l.Versions)}}
	switch {
	case l.Versions == 0:
		return age
	case l.Age == 0:
		return versions
	default:
		return &adminpb.GcRule{Rule: &adminpb.GcRule_Union_{Union: &adminpb.GcRule_Union{Rules: []*adminpb.GcRule{age, versions}}}}
	}
}

// warehouse adds the dataset as BigQuery's REST API tells it.
func (g *cloud) warehouse(t *testing.T) {
	t.Helper()
	dataset := "/projects/" + project + "/datasets/fraud"
	g.objects[dataset] = map[string]any{"location": "southamerica-east1"}
	for name, l := range warehouse.Layouts() {
		g.objects[dataset+"/tables/"+name] = map[string]any{
			"type": "TABLE", "schema": map[string]any{"fields": schema(t, name)},
			"timePartitioning":       map[string]any{"type": "DAY", "field": l.Partition},
			"requirePartitionFilter": true, "clustering": map[string]any{"fields": l.Clustered},
		}
	}
	for _, name := range warehouse.Views() {
		sql := strings.ReplaceAll(string(file(t, name+".sql")), "${dataset}", project+".fraud")
		g.objects[dataset+"/tables/"+name] = map[string]any{
			"type": "VIEW", "view": map[string]any{"query": sql}, "schema": map[string]any{"fields": schema(t, name)},
		}
	}
}

// relation is a table or view, for a test to break.
func (g *cloud) relation(name string) map[string]any {
	return g.objects["/projects/"+project+"/datasets/fraud/tables/"+name]
}

// column is a column of a relation, by its place.
func (g *cloud) column(relation string, i int) map[string]any {
	return g.relation(relation)["schema"].(map[string]any)["fields"].([]any)[i].(map[string]any)
}

func schema(t *testing.T, name string) (fields []any) {
	t.Helper()
	if err := json.Unmarshal(file(t, name+".json"), &fields); err != nil {
		t.Fatal(err)
	}
	return fields
}

func file(t *testing.T, name string) []byte {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(repository("."), "shared/warehouse/schema", name))
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func (g *cloud) GetTopic(_ context.Context, r *pubsubpb.GetTopicRequest) (*pubsubpb.Topic, error) {
	if !g.topics[path.Base(r.GetTopic())] {
		return nil, status.Error(codes.NotFound, "Resource not found")
	}
	return &pubsubpb.Topic{Name: r.GetTopic()}, nil
}

func (g *cloud) GetSubscription(_ context.Context, r *pubsubpb.GetSubscriptionRequest) (*pubsubpb.Subscription, error) {
	if s := g.subscriptions[path.Base(r.GetSubscription())]; s != nil {
		return s, nil
	}
	return nil, status.Error(codes.NotFound, "Resource not found")
}

// tableServer is Bigtable's administration of tables; Google's services have methods of one name, so each has a type.
type tableServer struct {
	adminpb.UnimplementedBigtableTableAdminServer
	*cloud
}

func (s tableServer) GetTable(context.Context, *adminpb.GetTableRequest) (*adminpb.Table, error) {
	if s.table == nil {
		return nil, status.Error(codes.NotFound, "Table not found")
	}
	return s.table, nil
}

func (s tableServer) TestIamPermissions(_ context.Context, r *iampb.TestIamPermissionsRequest) (*iampb.TestIamPermissionsResponse, error) {
	return &iampb.TestIamPermissionsResponse{Permissions: s.granted(r.GetPermissions())}, nil
}

// instanceServer is Bigtable's administration of instances.
type instanceServer struct {
	adminpb.UnimplementedBigtableInstanceAdminServer
	*cloud
}

func (s instanceServer) GetAppProfile(context.Context, *adminpb.GetAppProfileRequest) (*adminpb.AppProfile, error) {
	if s.profile == nil {
		return nil, status.Error(codes.NotFound, "App profile not found")
	}
	return s.profile, nil
}

func (g *cloud) granted(asked []string) (granted []string) {
	for _, p := range asked {
		if p != g.lacking {
			granted = append(granted, p)
		}
	}
	return granted
}

// policyServer is the IAM service that stands beside Pub/Sub.
type policyServer struct {
	iampb.UnimplementedIAMPolicyServer
	*cloud
}

func (p policyServer) TestIamPermissions(_ context.Context, r *iampb.TestIamPermissionsRequest) (*iampb.TestIamPermissionsResponse, error) {
	return &iampb.TestIamPermissionsResponse{Permissions: p.granted(r.GetPermissions())}, nil
}

// intercept hangs or refuses where a test wants it.
func (g *cloud) intercept(ctx context.Context, request any, _ *grpc.UnaryServerInfo, next grpc.UnaryHandler) (any, error) {
	if g.hang {
		<-g.over
		return nil, status.Error(codes.Aborted, "the test is over")
	}
	if g.refuse != codes.OK {
		return nil, status.Error(g.refuse, "refused by the test")
	}
	return next(ctx, request)
}

// ServeHTTP answers what is over HTTP.
func (g *cloud) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if g.hang {
		<-g.over
		return
	}
	answer := g.objects[r.URL.Path]
	switch {
	case g.refuse != codes.OK:
		http.Error(w, `{"error": {"message": "refused by the test"}}`, http.StatusForbidden)
		return
	case strings.HasSuffix(r.URL.Path, ":testIamPermissions"):
		var asked struct{ Permissions []string }
		_ = json.NewDecoder(r.Body).Decode(&asked)
		answer = map[string]any{"permissions": g.granted(asked.Permissions)}
	case strings.HasSuffix(r.URL.Path, "/iam/testPermissions"):
		answer = map[string]any{"permissions": g.granted(r.URL.Query()["permissions"])}
	case answer == nil && r.Method != http.MethodHead:
		http.Error(w, `{"error": {"message": "not found"}}`, http.StatusNotFound)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(answer)
}

// start serves the project until the test ends and returns a machine that looks at it as at Google's own services.
func (g *cloud) start(t *testing.T) *machine {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	server := grpc.NewServer(grpc.UnaryInterceptor(g.intercept))
	pubsubpb.RegisterPublisherServer(server, g)
	pubsubpb.RegisterSubscriberServer(server, g)
	adminpb.RegisterBigtableTableAdminServer(server, tableServer{cloud: g})
	adminpb.RegisterBigtableInstanceAdminServer(server, instanceServer{cloud: g})
	iampb.RegisterIAMPolicyServer(server, policyServer{cloud: g})
	served := make(chan struct{})
	go func() { defer close(served); _ = server.Serve(listener) }()
	web := httptest.NewServer(g)
	t.Cleanup(func() { close(g.over); server.Stop(); <-served; web.CloseClientConnections(); web.Close() })
	rpc := emulator.GRPC(listener.Addr().String())
	m := healthy(nil)
	m.project, m.environment, m.region, m.instance, m.profile, m.dataset = project, "dev", "southamerica-east1", "pix", "pix-single", "fraud"
	m.reach = map[string][]option.ClientOption{pubsubEmulator: rpc, bigtableEmulator: rpc, bigqueryEmulator: emulator.REST(web.URL)}
	m.places = map[string]string{storageSite: web.URL, secretsSite: web.URL, projectSite: web.URL, accountSite: web.URL}
	if err := m.check(); err != nil {
		t.Fatal(err)
	}
	return m
}
