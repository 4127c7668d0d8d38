package doctor

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/sentinela-pix/sentinela/scripts/pixctl/internal/command"
	"github.com/sentinela-pix/sentinela/shared/event"
)

// kafka looks at the topic that the bridge reads and at its group, where the environment names brokers.
func kafka(ctx context.Context, m *machine) []finding {
	brokers := m.getenv("KAFKA_BROKERS")
	if brokers == "" && m.project == "" {
		return nil
	}
	if brokers == "" {
		return []finding{unknown("kafka", "KAFKA_BROKERS names no broker: the bridge's topic and group are not looked at")}
	}
	if m.getenv("KAFKA_TLS") == "true" || m.getenv("KAFKA_SASL_MECHANISM") != "" {
		return []finding{unknown("kafka", "pixctl speaks to brokers without TLS and passwords only: ask with kafka-topics.sh")}
	}
	client, err := kgo.NewClient(kgo.SeedBrokers(strings.Split(brokers, ",")...))
	if err != nil {
		return []finding{wrong("kafka", "set KAFKA_BROKERS to host:port with commas between", "not addresses: %s", brief(err))}
	}
	defer client.Close()
	k := &cluster{
		client: client, m: m, brokers: brokers,
		topic: command.First(m.getenv("KAFKA_TOPIC"), event.KafkaTransactions),
		group: command.First(m.getenv("KAFKA_GROUP"), "kafka-bridge"),
	}
	return m.ask(ctx, []question{{"kafka topic", k.lookTopic}, {"kafka time", k.lookTime}, {"kafka group", k.lookGroup}})
}

// cluster is what Kafka is asked about.
type cluster struct {
	client                *kgo.Client
	m                     *machine
	brokers, topic, group string
}

func (k *cluster) silent(check string, err error) []finding {
	return []finding{wrong(check, "mend KAFKA_BROKERS or the way there", "does not answer: %s", brief(err))}
}

func (k *cluster) lookTopic(ctx context.Context) []finding {
	const check = "kafka topic"
	request := kmsg.NewPtrMetadataRequest()
	request.AllowAutoTopicCreation = false
	wanted := kmsg.NewMetadataRequestTopic()
	wanted.Topic = &k.topic
	request.Topics = append(request.Topics, wanted)
	answer, err := request.RequestWith(ctx, k.client)
	if err != nil {
		return k.silent(check, err)
	}
	create := fmt.Sprintf("kafka-topics.sh --bootstrap-server %s --create --topic %s --config message.timestamp.type=LogAppendTime", k.brokers, k.topic)
	if len(answer.Topics) != 1 {
		return []finding{missing(check, create, "%s does not exist", k.topic)}
	}
	switch err := kerr.ErrorForCode(answer.Topics[0].ErrorCode); {
	case err == nil:
		return []finding{ok(check, "%s has %d partitions", k.topic, len(answer.Topics[0].Partitions))}
	case errors.Is(err, kerr.UnknownTopicOrPartition):
		return []finding{missing(check, create, "%s does not exist", k.topic)}
	case errors.Is(err, kerr.TopicAuthorizationFailed):
		return []finding{unknown(check, "no right to look")}
	default:
		return k.silent(check, err)
	}
}

// stamp is the setting that says whose clock dates a record.
const stamp = "message.timestamp.type"

func (k *cluster) lookTime(ctx context.Context) []finding {
	const check = "kafka time"
	request := kmsg.NewPtrDescribeConfigsRequest()
	wanted := kmsg.NewDescribeConfigsRequestResource()
	wanted.ResourceType, wanted.ResourceName, wanted.ConfigNames = kmsg.ConfigResourceTypeTopic, k.topic, []string{stamp}
	request.Resources = append(request.Resources, wanted)
	answer, err := request.RequestWith(ctx, k.client)
	if err != nil {
		return k.silent(check, err)
	}
	value := ""
	for _, r := range answer.Resources {
		for _, c := range r.Configs {
			if c.Name == stamp && c.Value != nil {
				value = *c.Value
			}
		}
	}
	switch {
	case value == "LogAppendTime":
		return []finding{ok(check, "the broker dates records")}
	case value == "", k.m.getenv("REPLAY") == "true", k.m.emulated(pubsubEmulator):
		return []finding{unknown(check, "the topic says %q: right where payments are replayed, as the demo does", value)}
	default:
		return []finding{wrong(check, fmt.Sprintf("kafka-configs.sh --bootstrap-server %s --alter --entity-type topics --entity-name %s --add-config %s=LogAppendTime", k.brokers, k.topic, stamp),
			"the producer dates records (%s): nothing then says when a payment came, nor that the bridge's clock is wrong", value)}
	}
}

func (k *cluster) lookGroup(ctx context.Context) []finding {
	const check = "kafka group"
	request := kmsg.NewPtrDescribeGroupsRequest()
	request.Groups = []string{k.group}
	answer, err := request.RequestWith(ctx, k.client)
	if err != nil {
		return k.silent(check, err)
	}
	for _, g := range answer.Groups {
		if kerr.ErrorForCode(g.ErrorCode) == nil && len(g.Members) > 0 {
			return []finding{ok(check, "%s is %s with %d members", k.group, g.State, len(g.Members))}
		}
	}
	return []finding{missing(check, "kubectl -n sentinela rollout restart deployment/kafka-bridge", "nobody reads as %s: payments wait in Kafka", k.group)}
}
