# Sentinela: every target prints what it does; `make` alone lists them.
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
BUILD := build
# The BigQuery emulator's SQL engine is two huge generated packages. Compiled without inlining they take a third of the
# time (docs/adr/0005-emulator-build.md); nothing that is deployed contains them. The tag leaves out what Google's clients
# link for gRPC's service mesh, 125 packages that no configuration of ours uses: 8.6 of the scorer's 54 MB.
export GOFLAGS := -buildvcs=false -tags=disable_grpc_modules -gcflags=github.com/goccy/googlesqlwasm2go=-l -gcflags=github.com/goccy/go-googlesql=-l $(EXTRA_GOFLAGS)

PIXCTL := $(BUILD)/pixctl
LINT := $(BUILD)/tools/golangci-lint
ACTIONLINT := $(BUILD)/tools/actionlint
CYCLONEDX := $(BUILD)/tools/cyclonedx-gomod
VENV := $(BUILD)/venv
PY := $(VENV)/bin/python
VENV_LAKE := $(BUILD)/venv-lake
VENV_DEPLOY := $(BUILD)/venv-deploy
TFLINT := $(BUILD)/tools/tflint

.PHONY: help
help: ## list the targets
	@grep -hE '^[a-z0-9-]+:.*##' $(MAKEFILE_LIST) | awk -F':.*## ' '{printf "  make %-18s %s\n", $$1, $$2}'

.PHONY: demo
demo: ## the main job, whole, in one process: Kafka to audited decisions, then a summary
	@mkdir -p $(BUILD)
	@scripts/first.sh $(BUILD)/first
	@scripts/build.sh $(PIXCTL) ./scripts/pixctl
	@$(PIXCTL) demo

.PHONY: watch
watch: $(PIXCTL) ## the demo under a real Prometheus, and a real Grafana where there is one, until Ctrl-C
	@scripts/watch.sh $(PIXCTL)

.PHONY: loop
loop: $(PIXCTL) ## the learning loop, whole: decide, export, Spark, train, judge, promote; poison is refused (Java 17)
	@scripts/loop.sh $(VENV_LAKE) $(PIXCTL) $(LOOP)

.PHONY: pixctl
pixctl: $(PIXCTL) ## build build/pixctl

.PHONY: $(PIXCTL)
$(PIXCTL):
	@mkdir -p $(BUILD)
	@scripts/build.sh $(PIXCTL) ./scripts/pixctl

.PHONY: test
test: test-go test-python test-lake ## every test, Go and Python (installs what it needs)

# What mixin reads lies outside its module, where the cache of results does not look.
.PHONY: test-go
test-go: ## the Go tests only
	go test -timeout 20m ./...
	cd scripts/tools/mixin && go test -count 1 ./...

# Every package that starts a goroutine, also in its tests, and does not link the SQL engine; a test of shared/ holds it to that.
RACE := ./client ./shared/pix/... ./shared/event/... ./shared/feature ./shared/replay ./shared/engine/... ./shared/store/... ./scripts/gate ./scripts/compare ./scripts/deploy ./scripts/images ./scripts/upgrade \
  ./shared/scoring/... ./shared/modelstore/... ./shared/bus/... ./shared/identity/... ./shared/lifecycle/... \
  ./shared/reload/... ./shared/conn ./shared/lake ./shared/obs ./shared/warehouse ./shared/pixtest \
  ./shared/pixtest/fault ./shared/pixtest/loopback ./shared/pixtest/program ./shared/pixtest/push ./kafka-bridge/... ./functions/... ./scripts/pixctl/internal/command \
  ./scripts/pixctl/internal/demo ./scripts/pixctl/internal/doctor ./scripts/pixctl/internal/file \
  ./scripts/pixctl/internal/load ./scripts/internal/openloop ./scripts/pixctl/internal/release \
  ./scripts/pixctl/internal/score

.PHONY: test-race
test-race: ## the packages that start goroutines under the race detector
	go test -race -timeout 30m $(RACE)

.PHONY: test-python
test-python: $(VENV)/.ready ## the Python tests of models/
	cd models && ../$(PY) -m pytest -q

.PHONY: test-lake
test-lake: $(PIXCTL) ## the lake's tests: Spark, Delta and a real Kafka (Java 17)
	@mkdir -p $(BUILD)
	@go build -o $(BUILD) ./kafka-bridge ./scripts/pubsub
	@scripts/test-lake.sh $(VENV_LAKE)

.PHONY: fuzz
fuzz: ## every fuzz target, FUZZTIME each (20s by default)
	scripts/fuzz.sh $(or $(FUZZTIME),20s)

.PHONY: faults
faults: ## the tests of the fault table, five times in another order each
	scripts/faults.sh 5

.PHONY: vuln
vuln: ## known vulnerabilities in what is deployed (needs vuln.go.dev)
	@mkdir -p $(BUILD)/tools
	go build -modfile=scripts/tools/vuln/go.mod -o $(BUILD)/tools/govulncheck golang.org/x/vuln/cmd/govulncheck
	$(BUILD)/tools/govulncheck ./...

.PHONY: lint
lint: $(LINT) $(ACTIONLINT) $(VENV)/.ready proto ## format, vet, house rules, workflows, protos, Python
	@test -z "$$(gofmt -l $$(git ls-files '*.go'))" || { echo "gofmt: run gofmt -w on:"; gofmt -l $$(git ls-files '*.go'); exit 1; }
	go mod tidy -diff
	go vet ./...
	$(LINT) run ./...
	cd scripts/tools/mixin && go mod tidy -diff && go vet ./... && $(CURDIR)/$(LINT) run ./...
	$(ACTIONLINT)
	$(VENV)/bin/ruff check models && $(VENV)/bin/ruff format --check models
	cd models && ../$(VENV)/bin/ruff check --config pyproject.toml ../scripts/compare && ../$(VENV)/bin/ruff format --check --config pyproject.toml ../scripts/compare

.PHONY: proto
proto: ## lint the protos, refuse a breaking change and generated code that is not what the protos give
	scripts/proto.sh lint
	scripts/proto.sh breaking
	scripts/proto.sh check

.PHONY: rules
rules: ## write the rules, policies and dashboards of dashboards/ again
	cd scripts/tools/mixin && go test . -update

.PHONY: bench
bench: bench-models ## Go benchmarks, in benchstat's format; scores and contributions beside LightGBM and lleaves
	go test -run '^$$' -bench . -benchmem ./shared/... ./models/... ./kafka-bridge/... ./functions/... ./scripts/pixctl/internal/load

.PHONY: bench-models
bench-models: $(VENV)/.ready ## of make bench, the part that compares models' scores and contributions
	scripts/bench-models.sh $(PY) $(BUILD)

.PHONY: bench-cold
bench-cold: ## how long a newcomer compiles until the first decision and until the whole demo (an empty compile cache)
	scripts/bench-cold.sh

.PHONY: bench-compare
bench-compare: ## the hot path's benchmarks beside those of the commit BASE (main by default), with benchstat
	scripts/bench-compare.sh $(or $(BASE),main) $(BUILD)

.PHONY: compare
compare: ## the scorer beside the Python service that would be written in its place, in one run; COMPARE=-scale, COMPARE=-h
	@go run ./scripts/compare $(COMPARE)

.PHONY: bench-demo
bench-demo: ## the demo beside that of the commit BASE (main by default), in turns: its rate and its processor
	scripts/bench-demo.sh $(or $(BASE),main) $(BUILD)

.PHONY: upgrade
upgrade: ## roll from the version before to this one and back under load, with lost machines (make test has the quick form)
	go test -timeout 20m -count 1 -v ./scripts/upgrade -long

.PHONY: conformance
conformance: $(VENV)/.ready ## the same suites against second implementations; a missing one is skipped with a line that says so
	@for suite in scripts/conformance/*.sh; do "$$suite"; done

.PHONY: plan
plan: ## what terraform apply would change in ENVIRONMENT, into build/plan
	scripts/deploy/plan.sh $(ENVIRONMENT) $(BUILD)

.PHONY: deploy
deploy: $(PIXCTL) ## bring the pushed images into ENVIRONMENT: a canary, watched, and back by itself
	go build -o $(BUILD)/ ./scripts/gate ./scripts/deploy
	$(BUILD)/deploy $(ENVIRONMENT)

.PHONY: back
back: ## take back what a killed deployment of ENVIRONMENT left
	@mkdir -p $(BUILD)
	go build -o $(BUILD)/ ./scripts/deploy
	$(BUILD)/deploy -back $(ENVIRONMENT)

.PHONY: comment
comment: ## put the file COMMENT into a comment of PULL_REQUEST under TITLE
	@scripts/deploy/comment.sh $(PULL_REQUEST) "$(TITLE)" $(COMMENT)

.PHONY: release-notes
release-notes: ## make TAG a release on GitHub, with notes from its pull requests
	gh release create "$(TAG)" --verify-tag --generate-notes

.PHONY: bundle-validate
bundle-validate: ## let Databricks check the bundle for TARGET
	cd models && databricks bundle validate --target $(TARGET)

.PHONY: bundle-deploy
bundle-deploy: ## deploy the bundle to TARGET
	cd models && databricks bundle deploy --target $(TARGET)

.PHONY: model
model: $(PIXCTL) $(VENV)/.ready ## simulate, replay, train and verify the shipped models
	scripts/model.sh $(PIXCTL) $(PY)

.PHONY: images
images: $(CYCLONEDX) ## the container images as OCI layouts in build/images; IMAGES='-push REGISTRY' pushes, '-again' builds twice
	go run ./scripts/images $(IMAGES)

.PHONY: push-images
push-images: $(CYCLONEDX) ## make images, held to the digests in EXPECT, pushed to REGISTRY; their names are in build/images/checksums.txt
	go run ./scripts/images -push "$${REGISTRY:?REGISTRY: as southamerica-east1-docker.pkg.dev/PROJECT/sentinela}" -expect "$${EXPECT-none}" -output "$${GITHUB_OUTPUT:-}"

.PHONY: sign-images
sign-images: ## sign the pushed images, for whoever pulls them and for Binary Authorization
	scripts/deploy/sign.sh $(BUILD)

KUBECONFORM := $(BUILD)/tools/kubeconform
KUSTOMIZE := $(if $(shell command -v kubectl),,$(BUILD)/tools/kustomize)

.PHONY: k8s-check
k8s-check: $(KUBECONFORM) $(KUSTOMIZE) ## render the manifests and judge them: schemas, kube-score, settings
	scripts/k8s-check.sh $(BUILD)/tools

.PHONY: deploy-check
deploy-check: k8s-check $(TFLINT) $(VENV_DEPLOY)/.ready ## judge terraform/, k8s/ and the workflows offline: tflint, kubeconform, kube-score, checkov, zizmor
	scripts/deploy-check.sh $(BUILD)/tools $(VENV_DEPLOY)/bin

.PHONY: terraform-validate
terraform-validate: ## terraform validate and terraform test with the real providers and no account; skipped where there are none
	scripts/terraform-validate.sh

.PHONY: clean
clean: ## remove build/
	rm -rf $(BUILD)

$(VENV)/.ready: models/requirements.txt
	python3 -m venv $(VENV)
	$(PY) -m pip install --quiet --require-hashes -r models/requirements.txt
	@touch $@

$(VENV_LAKE)/.ready: models/requirements-lake.txt
	python3 -m venv $(VENV_LAKE)
	$(VENV_LAKE)/bin/python -m pip install --quiet --require-hashes -r models/requirements-lake.txt
	@touch $@

$(VENV_DEPLOY)/.ready: scripts/tools/deploy/requirements.txt
	python3 -m venv $(VENV_DEPLOY)
	$(VENV_DEPLOY)/bin/python -m pip install --quiet --require-hashes -r scripts/tools/deploy/requirements.txt
	@touch $@

$(TFLINT): scripts/tools/tflint/go.mod
	@mkdir -p $(BUILD)/tools
	go build -modfile=scripts/tools/tflint/go.mod -o $@ github.com/terraform-linters/tflint

$(LINT): scripts/tools/lint/go.mod
	@mkdir -p $(BUILD)/tools
	@echo "building golangci-lint (minutes the first time)"
	go build -modfile=scripts/tools/lint/go.mod -o $@ github.com/golangci/golangci-lint/v2/cmd/golangci-lint

$(CYCLONEDX): scripts/tools/sbom/go.mod
	@mkdir -p $(BUILD)/tools
	go build -modfile=scripts/tools/sbom/go.mod -o $@ github.com/CycloneDX/cyclonedx-gomod/cmd/cyclonedx-gomod

$(KUBECONFORM): scripts/tools/kube/go.mod
	@mkdir -p $(BUILD)/tools
	go build -modfile=scripts/tools/kube/go.mod -o $(BUILD)/tools/ github.com/yannh/kubeconform/cmd/kubeconform github.com/zegl/kube-score/cmd/kube-score

$(BUILD)/tools/kustomize: scripts/tools/kustomize/go.mod
	@mkdir -p $(BUILD)/tools
	go build -modfile=scripts/tools/kustomize/go.mod -o $@ sigs.k8s.io/kustomize/kustomize/v5

$(ACTIONLINT): scripts/tools/actions/go.mod
	@mkdir -p $(BUILD)/tools
	go build -modfile=scripts/tools/actions/go.mod -o $@ github.com/rhysd/actionlint/cmd/actionlint
