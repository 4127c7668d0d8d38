package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"path/filepath"
	"time"

	"golang.org/x/sync/errgroup"
	"google.golang.org/api/option"

	"github.com/sentinela-pix/sentinela/functions/score"
	"github.com/sentinela-pix/sentinela/shared/emulator"
	"github.com/sentinela-pix/sentinela/shared/event"
	"github.com/sentinela-pix/sentinela/shared/keyring/keytest"
	"github.com/sentinela-pix/sentinela/shared/pix"
	"github.com/sentinela-pix/sentinela/shared/pixtest"
	"github.com/sentinela-pix/sentinela/shared/pixtest/issuer"
	"github.com/sentinela-pix/sentinela/shared/store"
)

const (
	project  = "test" // that of scripts/pubsub
	caller   = "core@bank.example"
	audience = "https://scorer.example"
	tokenKey = "compare"
	writers  = 8 // payments of the history that are written at once
)

// ground is what scorers stand on: the store's emulator, a bus, and who signs their callers' tokens.
type ground struct {
	children      *children
	bigtable, bus string // addresses
	issuer        *issuer.Issuer
	header        http.Header // of a verified caller
	tokens        *pix.Tokenizer
}

// openGround starts store and bus, each a process of its own, from the programs in a directory. The children are the caller's.
func openGround(ctx context.Context, c *children, programs string) (*ground, error) {
	g := &ground{children: c}
	var err error
	if g.tokens, err = pix.NewTokenizer(pix.TokenKey{Version: 1, Secret: keytest.Key(tokenKey)}, nil); err != nil {
		return nil, fmt.Errorf("token key: %w", err)
	}
	if g.bigtable, err = freeAddress(ctx); err != nil {
		return nil, err
	}
	store, err := c.start("cbtemulator", nil, nil, filepath.Join(programs, "cbtemulator"), "-address", g.bigtable)
	if err != nil {
		return nil, err
	}
	if err := store.until(ctx, listens(g.bigtable)); err != nil {
		return nil, err
	}
	if _, err := c.start("pubsub", nil, &g.bus, filepath.Join(programs, "pubsub")); err != nil {
		return nil, err
	}
	return g, g.sign()
}

// sign mints the token that every call carries, as a caller's library does for an hour.
func (g *ground) sign() error {
	var err error
	if g.issuer, err = issuer.Start(); err != nil {
		return fmt.Errorf("start issuer: %w", err)
	}
	token, err := g.issuer.Mint(g.issuer.Of(caller, audience, time.Now()))
	if err != nil {
		return fmt.Errorf("mint token: %w", err)
	}
	g.header = http.Header{
		"Authorization": {"Bearer " + token}, "Content-Type": {"application/json"},
		score.ReplayHeader: {event.ReplayTrue}, // of a week that is over
	}
	return nil
}

func (g *ground) close() {
	if g.issuer != nil {
		g.issuer.Close()
	}
}

func (g *ground) config(instance string) store.Config {
	return store.Config{ProjectID: project, InstanceID: instance, CallTimeout: timeout}
}

func (g *ground) options() []option.ClientOption { return emulator.GRPC(g.bigtable) }

// remember makes an instance of the store and writes the events of payments into it, so that those to come find a history.
func (g *ground) remember(ctx context.Context, instance string, history []*pix.Submission) error {
	// The emulator collects garbage by walking every row each second, while new ones wait. Bigtable does not.
	admin := append(g.options(), option.WithGRPCDialOption(pixtest.KeepCells()))
	if err := store.CreateSchema(ctx, g.config(instance), store.Retention{}, admin...); err != nil {
		return fmt.Errorf("create table: %w", err)
	}
	s, err := store.Open(ctx, g.config(instance), g.options()...)
	if err != nil {
		return fmt.Errorf("open store: %w", err)
	}
	work, within := errgroup.WithContext(ctx)
	work.SetLimit(writers)
	for _, submission := range history {
		if within.Err() != nil {
			break
		}
		work.Go(func() error {
			tx := g.tokens.Tokenize(submission)
			return s.Record(within, &tx)
		})
	}
	if err := errors.Join(work.Wait(), s.Close(), ctx.Err()); err != nil {
		return fmt.Errorf("write history: %w", err)
	}
	return nil
}

// scorer starts one on an instance of the store, with every setting at its default but those that say where things are.
func (g *ground) scorer(ctx context.Context, name, instance string, command ...string) (*service, error) {
	address, err := freeAddress(ctx)
	if err != nil {
		return nil, err
	}
	operators, err := freeAddress(ctx)
	if err != nil {
		return nil, err
	}
	p, err := g.children.start(name, []string{
		"LISTEN_ADDR=" + address, "ADMIN_ADDR=" + operators, "PROJECT_ID=" + project, "BIGTABLE_INSTANCE=" + instance,
		"BIGTABLE_EMULATOR_HOST=" + g.bigtable, "PUBSUB_EMULATOR_HOST=" + g.bus, "TOKEN_KEY=" + keytest.Base64(tokenKey),
		"PUSH_ISSUER=" + g.issuer.URL(), "PUSH_AUDIENCE=" + audience + "/push", "PUSH_SERVICE_ACCOUNTS=push@p.iam.gserviceaccount.com",
		"CALLER_ISSUER=" + g.issuer.URL(), "CALLER_AUDIENCE=" + audience, "CALLERS=" + caller + "=decide+replay",
	}, nil, command...)
	if err != nil {
		return nil, err
	}
	s := &service{
		name: name, url: "http://" + address + "/v1/decisions", admin: "http://" + operators, header: g.header, process: p, client: newClient(),
		stands: func(answer []byte) bool { return !bytes.Contains(answer, []byte(`"provisional":true`)) },
	}
	return s, p.until(ctx, serves(s.admin+"/readyz"))
}
