package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"
)

// deployment is one release into one environment.
type deployment struct {
	environment, project, region, build string

	dir    string // of the checkout; empty for where this process is
	shares []int  // of the traffic, in percent, one after the other
	watch  string // how long each is watched; empty for not at all
	run    runner
	out    io.Writer
}

// wayBack bounds the way back, which nothing interrupts.
const wayBack = 20 * time.Minute

func newDeployment(environment, build string, getenv func(string) string) (*deployment, error) {
	d := &deployment{environment: environment, build: build, project: getenv("PROJECT_ID"), region: getenv("REGION")}
	switch environment {
	case "dev":
		d.shares = []int{100}
	case "staging":
		d.shares, d.watch = []int{100}, "30m"
	case "prod":
		d.shares, d.watch = []int{5, 25, 50, 100}, "15m"
	default:
		return nil, fmt.Errorf("%q is no environment: dev, staging or prod", environment)
	}
	if d.project == "" || d.region == "" {
		return nil, errors.New("set PROJECT_ID and REGION to those of the environment")
	}
	return d, nil
}

// before is what served when a deployment began: of each function its revision, of each workload of the cluster the number of
// its rollout. One that was not there is not in it.
type before struct {
	Revisions map[string]string `json:"revisions"`
	Rollouts  map[string]int    `json:"rollouts"`
}

func (d *deployment) terraform(args ...string) command {
	return append(call("terraform", "-chdir="+d.root()), args...)
}

// root is the environment's directory.
func (d *deployment) root() string { return filepath.Join("terraform", "envs", d.environment) }

// work is where a deployment keeps its files.
func (d *deployment) work(name string) string {
	return filepath.Join(d.build, "deploy", d.environment, name)
}

// deploy looks at everything that can be looked at, then moves traffic, and takes it back where that does not go well.
func (d *deployment) deploy(ctx context.Context) error {
	images, err := d.images()
	if err != nil {
		return err
	}
	if _, err := os.Stat(filepath.Join(d.dir, d.root(), "terraform.tfvars")); err != nil {
		return fmt.Errorf("the environment's settings: %w; copy terraform.tfvars.example there, edit it and commit it", err)
	}
	if _, err := os.Stat(d.work("before.json")); err == nil {
		return errors.New("a deployment before this one was killed: make back takes back what it left")
	}
	if _, err := d.run(ctx, d.terraform("init", "-input=false", "-lockfile=readonly", "-backend-config=bucket="+d.project+"-tfstate")); err != nil {
		return err
	}
	was, err := d.look(ctx)
	if err != nil {
		return err
	}
	if err := d.keep(was); err != nil {
		return err
	}
	if err := d.move(ctx, images, was); err != nil {
		return errors.Join(err, d.back(context.WithoutCancel(ctx)))
	}
	fmt.Fprintf(d.out, "deploy: %s serves %s\n", d.environment, images["functions"])
	return d.forget()
}

// move brings the images in, the functions by shares.
func (d *deployment) move(ctx context.Context, images map[string]string, was before) error {
	first := len(was.Revisions) == 0
	shares, judge := d.shares, d.judge
	if first { // nothing to compare with, and nobody asks yet
		shares, judge = []int{100}, func(context.Context) error { return nil }
	}
	for _, share := range shares {
		fmt.Fprintf(d.out, "deploy: %d %% of the traffic\n", share)
		if err := d.apply(ctx, images["functions"], was.canary(share)); err != nil {
			return err
		}
		if err := judge(ctx); err != nil {
			return err
		}
	}
	if err := d.cluster(ctx, images); err != nil {
		return err
	}
	if err := judge(ctx); err != nil {
		return err
	}
	_, err := d.run(ctx, call(
		filepath.Join(d.build, "pixctl"), "doctor", "-project", d.project, "-env", d.environment, "-region", d.region,
		"-only", "project,artefacts,keys,topics,store,warehouse,buckets,clocks", // the rights that it tests are a person's
	))
	return err
}

// canary is the variable of that name: everything goes to the newest revision where the share is whole.
func (b before) canary(share int) map[string]any {
	split := map[string]any{}
	if share < 100 {
		for function, revision := range b.Revisions {
			split[function] = map[string]any{"stable_revision": revision, "percent": share}
		}
	}
	return split
}

func (d *deployment) apply(ctx context.Context, image string, canary map[string]any) error {
	settings, err := json.Marshal(map[string]any{
		"project_id": d.project, "region": d.region, "images": map[string]string{"functions": image}, "canary": canary,
	})
	if err != nil {
		return fmt.Errorf("encode settings: %w", err)
	}
	file, err := filepath.Abs(d.work("release.tfvars.json"))
	if err == nil {
		err = write(file, settings)
	}
	if err != nil {
		return err
	}
	_, err = d.run(ctx, d.terraform("apply", "-input=false", "-auto-approve", "-lock-timeout=10m", "-var-file="+file))
	return err
}

// judge watches the newest revisions.
func (d *deployment) judge(ctx context.Context) error {
	if d.watch == "" {
		return nil
	}
	services, err := d.services(ctx)
	if err != nil {
		return err
	}
	var newest []string
	for _, function := range slices.Sorted(maps.Keys(services)) {
		newest = append(newest, services[function].Status.LatestReadyRevisionName)
	}
	_, err = d.run(ctx, call(
		filepath.Join(d.build, "gate"), "-for", d.watch, "-set", "REVISIONS="+strings.Join(newest, "|"),
		"-prometheus", "https://monitoring.googleapis.com/v1/projects/"+d.project+"/location/global/prometheus",
	))
	return err
}

// cluster brings scorer and bridge in.
func (d *deployment) cluster(ctx context.Context, images map[string]string) error {
	overlay, err := filepath.Rel(d.work(""), filepath.Join(d.dir, "k8s", "overlays", d.environment))
	if err != nil {
		return fmt.Errorf("place of the overlay: %w", err)
	}
	file := "apiVersion: kustomize.config.k8s.io/v1beta1\nkind: Kustomization\nresources: [" + overlay + "]\nimages:\n"
	for _, workload := range workloads() {
		name, digest, _ := strings.Cut(images[workload], "@")
		file += fmt.Sprintf("  - {name: %s, newName: %s, digest: %s}\n", workload, name, digest)
	}
	if err := write(d.work("kustomization.yaml"), []byte(file)); err != nil {
		return err
	}
	calls := []command{d.credentials(), call("kubectl", "apply", "-k", d.work(""))}
	for _, c := range append(calls, statuses()...) {
		if _, err := d.run(ctx, c); err != nil {
			return err
		}
	}
	return nil
}

// back brings traffic and pods to what served before, as far as it can, whatever of it fails.
func (d *deployment) back(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, wayBack)
	defer cancel()
	data, err := os.ReadFile(d.work("before.json"))
	if errors.Is(err, fs.ErrNotExist) {
		fmt.Fprintln(d.out, "deploy: there is nothing to take back")
		return nil
	}
	var was before
	if err == nil {
		err = json.Unmarshal(data, &was)
	}
	if err != nil {
		return fmt.Errorf("read what served before: %w", err)
	}
	fmt.Fprintln(d.out, "deploy: bringing back what served before")
	var failures []error
	for _, function := range slices.Sorted(maps.Keys(was.Revisions)) {
		_, err := d.run(ctx, call(
			"gcloud", "run", "services", "update-traffic", "pix-"+function, "--project", d.project, "--region", d.region,
			"--to-revisions", was.Revisions[function]+"=100", "--quiet",
		))
		failures = append(failures, err)
	}
	if len(was.Rollouts) > 0 {
		_, err := d.run(ctx, d.credentials())
		failures = append(failures, err)
	}
	for _, workload := range slices.Sorted(maps.Keys(was.Rollouts)) {
		_, err := d.run(ctx, call(
			"kubectl", "--namespace", namespace, "rollout", "undo", "deployment/"+workload, "--to-revision="+strconv.Itoa(was.Rollouts[workload]),
		))
		failures = append(failures, err)
	}
	if err := errors.Join(failures...); err != nil {
		return fmt.Errorf("the way back: %w; make back tries again", err)
	}
	if len(was.Revisions) > 0 {
		fmt.Fprintln(d.out, "deploy: Terraform's state still names the new image. Deploy another; an apply by hand before that would send traffic to it.")
	}
	return d.forget()
}

func (d *deployment) keep(was before) error {
	data, err := json.Marshal(was)
	if err != nil {
		return fmt.Errorf("encode what serves: %w", err)
	}
	return write(d.work("before.json"), data)
}

func (d *deployment) forget() error {
	if err := os.Remove(d.work("before.json")); err != nil {
		return fmt.Errorf("forget what served before: %w", err)
	}
	return nil
}

func write(path string, data []byte) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o750); err != nil {
		return fmt.Errorf("write: %w", err)
	}
	if err := os.WriteFile(path, data, 0o600); err != nil {
		return fmt.Errorf("write: %w", err)
	}
	return nil
}
