package stack

import (
	"context"
	"fmt"
	"time"

	"github.com/sentinela-pix/sentinela/models"
	"github.com/sentinela-pix/sentinela/shared/bus"
	"github.com/sentinela-pix/sentinela/shared/pix"
	"github.com/sentinela-pix/sentinela/shared/pixtest"
	"github.com/sentinela-pix/sentinela/shared/pixtest/bq"
	"github.com/sentinela-pix/sentinela/shared/pixtest/gcs"
	"github.com/sentinela-pix/sentinela/shared/store"
	"github.com/sentinela-pix/sentinela/shared/warehouse"
)

// kafkaPartitions is more than one, so that order across partitions is nobody's promise here either.
const kafkaPartitions = 4

// modelBucket is the model store's bucket in the Cloud Storage fake.
const modelBucket = "sentinela-models"

// demoTokenKey signs tokens on this machine only: it is public, and a deployment reads its own from Secret Manager.
const demoTokenKey = "a public key for demos and tests only"

func (s *Stack) startCloud(ctx context.Context) error {
	s.options.Progress("starting Kafka, Pub/Sub, Bigtable, BigQuery and Cloud Storage in this process")
	cloud, err := pixtest.Start(ctx, pixtest.Options{
		ProjectID:   ProjectID,
		KafkaTopics: map[string]int32{KafkaTopic: kafkaPartitions},
		PubSub:      true,
		Bigtable:    true,
		BigQuery:    bq.Start,
		Storage:     gcs.Seeded(modelBucket, models.Shipped()),
	})
	if err != nil {
		return fmt.Errorf("cloud: %w", err)
	}
	s.Cloud = cloud
	s.onStop("cloud", func(context.Context) error { return cloud.Close() })
	return nil
}

func (s *Stack) openClients(ctx context.Context) error {
	var err error
	if s.Tokenizer, err = pix.NewTokenizer(pix.TokenKey{Version: 1, Secret: []byte(demoTokenKey)}, nil); err != nil {
		return fmt.Errorf("token key: %w", err)
	}
	if s.Bus, err = bus.Open(ctx, bus.Config{ProjectID: ProjectID}, s.Cloud.PubSubOptions()...); err != nil {
		return fmt.Errorf("bus: %w", err)
	}
	s.onStop("bus", s.Bus.Close)
	if err := s.openStore(ctx); err != nil {
		return err
	}
	return s.openWarehouse(ctx)
}

func (s *Stack) openStore(ctx context.Context) error {
	cfg := store.Config{ProjectID: ProjectID, InstanceID: Instance}
	if err := store.CreateSchema(ctx, cfg, store.Retention{}, s.Cloud.BigtableOptions()...); err != nil {
		return fmt.Errorf("bigtable schema: %w", err)
	}
	var err error
	if s.Store, err = store.Open(ctx, cfg, append(s.Cloud.BigtableOptions(), s.options.Bigtable...)...); err != nil {
		return fmt.Errorf("store: %w", err)
	}
	s.onStop("store", func(context.Context) error { return s.Store.Close() })
	return nil
}

func (s *Stack) openWarehouse(ctx context.Context) error {
	cfg := warehouse.Config{ProjectID: ProjectID, Dataset: Dataset, Metrics: s.Registry}
	start := time.Now()
	if err := warehouse.EnsureSchema(ctx, cfg, s.Cloud.BigQueryOptions()...); err != nil {
		return fmt.Errorf("bigquery schema: %w", err)
	}
	var err error
	if s.Reader, err = warehouse.OpenReader(ctx, cfg, s.Cloud.BigQueryOptions()...); err != nil {
		return fmt.Errorf("warehouse reader: %w", err)
	}
	s.onStop("warehouse reader", func(context.Context) error { return s.Reader.Close() })
	options := append(s.Cloud.BigQueryStorageOptions(), s.options.Warehouse...)
	if s.warehouse, err = warehouse.Open(ctx, cfg, options...); err != nil {
		return fmt.Errorf("warehouse: %w", err)
	}
	s.onStop("warehouse", s.warehouse.Close)
	s.options.Progress("BigQuery tables and views are there (%.1f s)", time.Since(start).Seconds())
	return nil
}
