package doctor

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"strings"

	"google.golang.org/api/option"
	"google.golang.org/grpc/codes"

	"github.com/sentinela-pix/sentinela/scripts/pixctl/internal/verify"
	"github.com/sentinela-pix/sentinela/shared/emulator"
	"github.com/sentinela-pix/sentinela/shared/modelstore"
	"github.com/sentinela-pix/sentinela/shared/pix"
	"github.com/sentinela-pix/sentinela/shared/scoring"
)

const storageAPI = "storage.googleapis.com"

// buckets looks at where models and the lake are, and at the models that are in force there.
func buckets(ctx context.Context, m *machine) []finding {
	if m.project == "" {
		return nil
	}
	at, err := m.site(ctx, storageSite)
	if err != nil {
		return []finding{m.failed("buckets", "", storageAPI, err)}
	}
	list := []question{{"bucket of models", func(ctx context.Context) []finding { return m.lookBucket(ctx, at, "models", m.models) }}}
	if lake := m.getenv("LAKE"); lake == "" || bucketOf(lake) != "" {
		list = append(list, question{"bucket of lake", func(ctx context.Context) []finding { return m.lookBucket(ctx, at, "lake", m.lake) }})
	}
	return m.ask(ctx, list)
}

// bucketState is what Cloud Storage says of a bucket.
type bucketState struct {
	Location   string `json:"location"`
	Versioning struct {
		Enabled bool `json:"enabled"`
	} `json:"versioning"`
	IAM struct {
		PublicAccessPrevention string `json:"publicAccessPrevention"`
		Uniform                struct {
			Enabled bool `json:"enabled"`
		} `json:"uniformBucketLevelAccess"`
	} `json:"iamConfiguration"`
}

func (m *machine) lookBucket(ctx context.Context, at site, what, name string) []finding {
	check := "bucket of " + what
	var found bucketState
	if err := at.get(ctx, "/storage/v1/b/"+url.PathEscape(name), &found); err != nil {
		return []finding{m.failed(check, m.terraform(storageModule), storageAPI, err)}
	}
	if m.emulated(storageEmulator) {
		return []finding{ok(check, "%s exists", name), unknown(check+" protection", "the emulator's buckets keep no versions and have no access to prevent")}
	}
	mend := "gcloud storage buckets update gs://" + name + " "
	var list []finding
	if !strings.EqualFold(found.Location, m.region) {
		list = append(list, wrong(check+" location", "give the region that is meant with -region; else make another bucket and gcloud storage cp -r",
			"%s lies in %s, not in %s", name, found.Location, m.region))
	}
	if !found.Versioning.Enabled {
		list = append(list, wrong(check+" versioning", mend+"--versioning", "%s keeps no versions: what is overwritten is lost", name))
	}
	if found.IAM.PublicAccessPrevention != "enforced" {
		list = append(list, wrong(check+" public access", mend+"--public-access-prevention", "%s may be opened to everybody", name))
	}
	if !found.IAM.Uniform.Enabled {
		list = append(list, wrong(check+" uniform access", mend+"--uniform-bucket-level-access", "objects of %s may have rights of their own", name))
	}
	if list == nil {
		list = []finding{ok(check, "%s keeps versions and cannot be opened to everybody", name)}
	}
	return list
}

// modelsInForce loads what is in force in the bucket as a scorer would.
func modelsInForce(ctx context.Context, m *machine) (list []finding) {
	if m.project == "" {
		return nil
	}
	const check = "models in force"
	keys, err := verify.Keys(m.getenv("MODEL_SIGNING_KEYS"))
	if err != nil {
		return []finding{wrong(check, "set MODEL_SIGNING_KEYS to a PEM file of public keys, or unset it", "%s", brief(err))}
	}
	if m.denied != nil && !m.emulated(storageEmulator) {
		return []finding{m.failed(check, "", storageAPI, m.denied)}
	}
	location := m.getenv("MODELS_LOCATION")
	if bucketOf(location) != m.models {
		location = "gs://" + m.models
	}
	store, err := modelstore.Open(ctx, location, m.storageOptions()...)
	if err != nil {
		return []finding{m.failed(check, "", storageAPI, err)}
	}
	defer func() { _ = store.Close() }()
	for _, role := range []pix.Role{pix.PayerRole, pix.ReceiverRole} {
		list = append(list, m.inForce(ctx, placed{store, location, role}, keys)...)
	}
	if len(keys) == 0 {
		list = append(list, unknown("model signatures", "MODEL_SIGNING_KEYS names no keys to check them with"))
	}
	return list
}

// placed is where a role's model is.
type placed struct {
	store    *modelstore.Store
	location string
	role     pix.Role
}

// artefact reads one role's model, in the time that a question has, or says why there is none.
func (m *machine) artefact(ctx context.Context, check string, p placed, unread func(error) finding) (modelstore.Artefact, []finding) {
	var artefact modelstore.Artefact
	found := m.ask(ctx, []question{{check, func(ctx context.Context) (list []finding) {
		var err error
		if artefact, err = p.store.Load(ctx, p.role); err != nil {
			list = []finding{unread(err)}
		}
		return list
	}}})
	if found == nil {
		return artefact, nil
	}
	return modelstore.Artefact{}, found // what was left behind may still write the other
}

// inForce says of one role's model whether it would be served. What is measured against the time is the reading alone: to
// verify a model takes a busy machine as long as it takes.
func (m *machine) inForce(ctx context.Context, p placed, keys scoring.Keys) []finding {
	check := fmt.Sprintf("%s model in force", p.role)
	artefact, unread := m.artefact(ctx, check, p, func(err error) finding { return m.unread(check, p, err) })
	if unread != nil || ctx.Err() != nil {
		return unread
	}
	model, err := verified(artefact, keys)
	if err != nil {
		return []finding{wrong(check, fmt.Sprintf("pixctl model rollback -store %s %s", p.location, p.role), "%s: would be refused: %s", p.location, brief(err))}
	}
	return []finding{ok(check, "%s: version %s", p.location, model.Version())}
}

// unread says why there is no model to verify.
func (m *machine) unread(check string, p placed, err error) finding {
	var network *url.Error
	switch {
	case errors.Is(err, modelstore.ErrNone):
		return missing(check, fmt.Sprintf("pixctl model add -store %s %s DIR, then pixctl model promote -store %s %s VERSION", p.location, p.role, p.location, p.role),
			"%s holds none", p.location)
	case codeOf(err) != codes.Unknown, errors.As(err, &network), errors.Is(err, context.DeadlineExceeded):
		return m.failed(check, m.terraform(storageModule), storageAPI, err)
	default:
		return wrong(check, fmt.Sprintf("pixctl model rollback -store %s %s", p.location, p.role), "%s: cannot be read: %s", p.location, brief(err))
	}
}

func (m *machine) storageOptions() []option.ClientOption {
	if at := m.places[storageSite]; at != "" {
		return []option.ClientOption{option.WithEndpoint(at + "/storage/v1/"), option.WithoutAuthentication()}
	}
	if m.emulated(storageEmulator) {
		return emulator.Storage(m.getenv)
	}
	return m.google
}
