package stack

import (
	"context"
	"fmt"
	"time"

	"github.com/sentinela-pix/sentinela/models"
	"github.com/sentinela-pix/sentinela/shared/bus"
	"github.com/sentinela-pix/sentinela/shared/event"
	"github.com/sentinela-pix/sentinela/shared/keyring"
	"github.com/sentinela-pix/sentinela/shared/pixtest"
	"github.com/sentinela-pix/sentinela/shared/pixtest/gcs"
	"github.com/sentinela-pix/sentinela/shared/store"
	"github.com/sentinela-pix/sentinela/shared/warehouse"
)

// kafkaPartitions is more than one, so that order across partitions is nobody's promise here either.
const kafkaPartitions = 4

// modelBucket is the model store's bucket in the Cloud Storage fake.
const modelBucket = "sentinela-models"

// demoKeys sign tokens on this machine only: they are public, and a deployment reads its own from Secret Manager.
func demoKeys() keyring.Config {
	return keyring.Config{TokenKey: []byte(keyring.DemoKey), TokenKeyVersion: 1, AllowDemoTokenKey: true}
}

func (s *Stack) startCloud(ctx context.Context) error {
	names := "Kafka, Pub/Sub, Bigtable, BigQuery and Cloud Storage"
	if s.options.Warehouse == nil {
		names = "Kafka, Pub/Sub, Bigtable and Cloud Storage"
	}
	s.options.Progress("starting %s in this process", names)
	cloud, err := pixtest.Start(ctx, pixtest.Options{
		ProjectID:     ProjectID,
		KafkaTopics:   map[string]int32{KafkaTopic: kafkaPartitions},
		LogAppendTime: s.options.Live, // what is not live is dated by its producer
		PubSub:        true,
		Bigtable:      true,
		InProcess:     s.options.InProcess,
		BigQuery:      s.options.Warehouse,
		Storage:       gcs.Seeded(modelBucket, models.Shipped()),
	})
	if err != nil {
		return fmt.Errorf("cloud: %w", err)
	}
	s.Cloud = cloud
	s.onStop("cloud", func(context.Context) error { return cloud.Close() })
	return nil
}

// openClients opens what the stack itself, its producers and its investigators use.
func (s *Stack) openClients(ctx context.Context) error {
	keys := demoKeys()
	var err error
	if s.Tokenizer, err = keys.Tokenizer(); err != nil {
		return err
	}
	if s.Bus, err = bus.Open(ctx, bus.Config{ProjectID: ProjectID}, s.Cloud.PubSubOptions()...); err != nil {
		return fmt.Errorf("bus: %w", err)
	}
	s.onStop("bus", s.Bus.Close)
	if s.Store, err = store.Open(ctx, storeConfig(), s.Cloud.BigtableOptions()...); err != nil {
		return fmt.Errorf("store: %w", err)
	}
	s.onStop("store", func(context.Context) error { return s.Store.Close() })
	if s.options.Warehouse == nil {
		return nil
	}
	if s.Reader, err = warehouse.OpenReader(ctx, warehouseConfig(), s.Cloud.BigQueryOptions()...); err != nil {
		return fmt.Errorf("warehouse reader: %w", err)
	}
	s.onStop("warehouse reader", func(context.Context) error { return s.Reader.Close() })
	return nil
}

// createSchemas does what Terraform does in a project.
func (s *Stack) createSchemas(ctx context.Context) error {
	start := time.Now()
	if err := store.CreateSchema(ctx, storeConfig(), store.Retention{}, s.Cloud.BigtableOptions()...); err != nil {
		return fmt.Errorf("bigtable schema: %w", err)
	}
	if s.options.Warehouse != nil {
		if err := warehouse.EnsureSchema(ctx, warehouseConfig(), s.Cloud.BigQueryOptions()...); err != nil {
			return fmt.Errorf("bigquery schema: %w", err)
		}
	}
	if err := s.createTopics(ctx); err != nil {
		return err
	}
	s.options.Progress("topics and tables are there (%.1f s)", time.Since(start).Seconds())
	return nil
}

// createTopics makes the topics and their subscriptions. What a function takes is delivered by startPush.
func (s *Stack) createTopics(ctx context.Context) error {
	for _, topic := range event.Topics() {
		if err := s.Bus.EnsureTopic(ctx, topic.Name); err != nil {
			return fmt.Errorf("topic %s: %w", topic.Name, err)
		}
		for _, sub := range topic.Subscriptions {
			wanted := bus.Subscription{Name: sub.Name, Topic: topic.Name, AckDeadline: sub.AckDeadline, Filter: sub.Filter}
			if err := s.Bus.EnsureSubscription(ctx, wanted); err != nil {
				return fmt.Errorf("subscription %s: %w", sub.Name, err)
			}
		}
	}
	return nil
}

func storeConfig() store.Config {
	return store.Config{ProjectID: ProjectID, InstanceID: Instance, Table: Table}
}

func warehouseConfig() warehouse.Config {
	return warehouse.Config{ProjectID: ProjectID, Dataset: Dataset}
}
