#!/usr/bin/env bash
# The demo under a real Prometheus with the rules, and under a real Grafana with the dashboards where there is one. Some payments a
# second are asked for, so that there is something to see. Ctrl-C ends everything. PROMETHEUS and GRAFANA name programs that are not
# in the path, RATE how many payments a second.
# usage: watch.sh PIXCTL
set -euo pipefail
cd "$(dirname "$0")/.."
pixctl=$1
prometheus=$(command -v "${PROMETHEUS:-prometheus}") || {
  echo "watch: there is no Prometheus. Debian: apt-get install prometheus; else https://prometheus.io/download, and name it in PROMETHEUS" >&2
  exit 1
}
for needed in curl setsid; do
  command -v "$needed" >/dev/null || { echo "watch: there is no $needed. Debian: apt-get install curl util-linux" >&2; exit 1; }
done
grafana=$(command -v "${GRAFANA:-grafana}" || command -v grafana-server || true)
work=$(mktemp -d)
children=()
names=()
finish() {
  trap - INT TERM EXIT
  for child in "${children[@]}"; do kill -INT -- "-$child" 2>/dev/null || true; done
  for child in "${children[@]}"; do wait "$child" 2>/dev/null || true; done
  rm -rf "$work"
}
trap finish EXIT
trap 'exit 0' INT TERM

free_port() {
  local port
  while port=$((20000 + RANDOM % 12000)); (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null; do :; done
  echo "$port"
}

# child NAME COMMAND...: in the background as a group of its own, away from the terminal's signals, its words in a file.
child() {
  local name=$1
  shift
  setsid "$@" >"$work/$name.out" 2>"$work/$name.log" &
  children+=($!)
  names+=("$name")
}

# answers URL NAME: waits until it does, or says why it never will.
answers() {
  for _ in {1..300}; do
    if curl -fsS -o "$work/answer" "$1" 2>/dev/null; then return; fi
    sleep 0.2
  done
  echo "watch: $2 does not answer" >&2
  tail -5 "$work/$2.log" >&2
  exit 1
}

child demo "$pixctl" demo -serve
for _ in {1..600}; do
  ! grep -q '^ready' "$work/demo.out" || break
  kill -0 "${children[0]}" 2>/dev/null || { tail -5 "$work/demo.log" >&2; exit 1; }
  sleep 0.2
done
grep -q '^ready' "$work/demo.out" || { echo "watch: the demo is not ready after two minutes" >&2; tail -5 "$work/demo.log" >&2; exit 1; }
value() { sed -n "s/^$1=//p" "$work/demo.out"; }
metrics=$(value METRICS_URL)
scorer=$(value SCORER_URL)
target=${metrics#http://}
port=$(free_port)
# The demo has no bridge and no export: what is missing here is no news.
awk '/^  - name: /{quiet = $3 == "sentinela-silent"} !quiet' dashboards/prometheus/rules.yaml >"$work/rules.yaml"
cat >"$work/prometheus.yml" <<YAML
global: {scrape_interval: 5s}
rule_files: [$work/rules.yaml]
scrape_configs:
  - job_name: sentinela
    static_configs: [{targets: ["${target%/metrics}"]}]
YAML
child prometheus "$prometheus" --config.file="$work/prometheus.yml" --storage.tsdb.path="$work/data" --web.listen-address="127.0.0.1:$port"
answers "http://127.0.0.1:$port/-/ready" prometheus
# A minute at a time, for payments are made before they are sent, and each time others.
child load bash -c 'for seed in {1..10000}; do "$@" -seed "$seed" || exit; done' load \
  "$pixctl" load -url "$scorer" -rate "${RATE:-20}" -warmup 0s -duration 1m

echo "alerts       http://127.0.0.1:$port/alerts"
echo "metrics      $metrics"
echo "scorer       $scorer"
if [[ -n $grafana ]]; then
  screen=$(free_port)
  mkdir -p "$work/provisioning/datasources" "$work/provisioning/dashboards" "$work/provisioning/plugins" "$work/provisioning/alerting"
  echo "{apiVersion: 1, datasources: [{name: Prometheus, type: prometheus, url: 'http://127.0.0.1:$port', isDefault: true}]}" >"$work/provisioning/datasources/prometheus.yaml"
  echo "{apiVersion: 1, providers: [{name: sentinela, options: {path: '$PWD/dashboards/grafana'}}]}" >"$work/provisioning/dashboards/sentinela.yaml"
  server=("$grafana")
  [[ $(basename "$grafana") != grafana ]] || server+=(server)
  home=$(dirname "$(dirname "$(readlink -f "$grafana")")")
  [[ -d $home/public ]] || home=/usr/share/grafana
  export GF_SERVER_HTTP_ADDR=127.0.0.1 GF_SERVER_HTTP_PORT=$screen GF_AUTH_ANONYMOUS_ENABLED=true GF_PATHS_DATA=$work/grafana \
    GF_PATHS_PROVISIONING=$work/provisioning GF_ANALYTICS_REPORTING_ENABLED=false GF_ANALYTICS_CHECK_FOR_UPDATES=false
  child grafana "${server[@]}" --homepath "$home"
  answers "http://127.0.0.1:$screen/api/health" grafana
  echo "dashboards   http://127.0.0.1:$screen/dashboards"
else
  echo "dashboards   there is no Grafana here: import dashboards/grafana/*.json into one, or name its program in GRAFANA"
fi
echo "Ctrl-C ends it"
wait -n "${children[@]}" || true
for i in "${!children[@]}"; do
  kill -0 "${children[$i]}" 2>/dev/null || { echo "watch: ${names[$i]} has ended" >&2; tail -5 "$work/${names[$i]}.log" >&2; }
done
exit 1
