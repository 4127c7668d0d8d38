#!/usr/bin/env bash
# Fetches Apache Kafka's jars from Maven Central into build/kafka, once, and checks every one against
# scripts/jars/kafka.sha256. Exit 1, with the reason, where they cannot be had, and 2 where they are not what they were.
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/jars/verify.bash
version=4.1.2
build=build/kafka
[[ ! -e $build/lib-$version/.ready ]] || exit 0
command -v mvn >/dev/null || { echo "kafka: there is no mvn to get Kafka with (Debian: maven)" >&2; exit 1; }
mkdir -p "$build"
log=$(mktemp)
trap 'rm -f "$log"' EXIT
cat >"$build/pom.xml" <<XML
<project xmlns="http://maven.apache.org/POM/4.0.0">
  <modelVersion>4.0.0</modelVersion>
  <groupId>sentinela</groupId><artifactId>kafka</artifactId><version>1</version><packaging>pom</packaging>
  <dependencies>
    <dependency><groupId>org.apache.kafka</groupId><artifactId>kafka_2.13</artifactId><version>$version</version></dependency>
    <dependency><groupId>org.slf4j</groupId><artifactId>slf4j-simple</artifactId><version>1.7.36</version></dependency>
  </dependencies>
</project>
XML
mvn -q -B -f "$build/pom.xml" dependency:copy-dependencies -DincludeScope=runtime -DoutputDirectory="lib-$version" >"$log" 2>&1 ||
  { echo "kafka: Kafka $version cannot be had from Maven Central: $(tail -1 "$log")" >&2; exit 1; }
verify_jars kafka "$build/lib-$version"
touch "$build/lib-$version/.ready"
