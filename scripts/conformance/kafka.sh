#!/usr/bin/env bash
# Runs the bridge against Apache Kafka: the real binary, in a memory cgroup of 256 MiB, with every poison that a broker lets
# through, and the bridge's laws beside them. Kafka comes from Maven Central and runs alone, in KRaft mode, on loopback.
# KAFKA_BROKERS names one that runs already, KAFKA_TESTS the tests that are wanted. Without Java, Maven or the jars it says so
# and skips.
set -euo pipefail
cd "$(dirname "$0")/../.."
version=4.1.2
limit=$((256 << 20))
build=build/kafka
mkdir -p "$build"
work=$(mktemp -d)
broker=''
. scripts/conformance/lib/memory.bash
cleanup() {
  if [[ -n $broker ]]; then
    kill "$broker" 2>/dev/null || true
    wait "$broker" 2>/dev/null || true
  fi
  [[ -z $cgroup ]] || rmdir "$cgroup" 2>/dev/null || true
  rm -rf "$work"
}
trap cleanup EXIT

skip() { echo "kafka: SKIPPED, $1"; exit 0; }

free_port() {
  local port
  while port=$((20000 + RANDOM % 12000)); (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null; do :; done
  echo "$port"
}

kafka() { java -Xms128m -Xmx768m -Dorg.slf4j.simpleLogger.defaultLogLevel=warn -cp "$build/lib-$version/*" "$@"; }

start_broker() {
  local port controller
  port=$(free_port)
  controller=$(free_port)
  cat >"$work/server.properties" <<PROPERTIES
process.roles=broker,controller
node.id=1
controller.quorum.voters=1@127.0.0.1:$controller
listeners=PLAINTEXT://127.0.0.1:$port,CONTROLLER://127.0.0.1:$controller
advertised.listeners=PLAINTEXT://127.0.0.1:$port
controller.listener.names=CONTROLLER
log.dirs=$work/data
offsets.topic.replication.factor=1
offsets.topic.num.partitions=4
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
transaction.state.log.num.partitions=4
group.initial.rebalance.delay.ms=0
auto.create.topics.enable=false
PROPERTIES
  kafka kafka.tools.StorageTool format -t "$(kafka kafka.tools.StorageTool random-uuid)" -c "$work/server.properties" >"$work/format.log" 2>&1 ||
    { cat "$work/format.log" >&2; exit 1; }
  kafka kafka.Kafka "$work/server.properties" >"$work/broker.log" 2>&1 &
  broker=$!
  for _ in {1..300}; do
    (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null && break
    kill -0 "$broker" 2>/dev/null || { cat "$work/broker.log" >&2; exit 1; }
    sleep 0.2
  done
  export KAFKA_BROKERS="127.0.0.1:$port"
  echo "kafka: Apache Kafka $version on $KAFKA_BROKERS"
}

if [[ -z ${KAFKA_BROKERS:-} ]]; then
  command -v java >/dev/null || skip "there is no java (Debian: openjdk-17-jre-headless)"
  scripts/kafka-jars.sh || skip "without its jars"
  start_broker
fi
go build -o "$work/kafka-bridge" ./kafka-bridge
export BRIDGE_BINARY=$work/kafka-bridge
limit_memory kafka "$limit"
export BRIDGE_CGROUP=$cgroup
go test -count=1 -parallel 1 -timeout 20m -run "^TestKafka${KAFKA_TESTS:-}" -v ./kafka-bridge/bridge | grep -vE '^=== (RUN|PAUSE|CONT)'
