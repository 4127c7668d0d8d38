package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
)

// namespace is that of the workloads in the cluster.
const namespace = "sentinela"

// workloads are the Deployments of the cluster, named as their images.
func workloads() []string { return []string{"scorer", "kafka-bridge"} }

// statuses wait until each workload runs what it was told to.
func statuses() []command {
	var calls []command
	for _, workload := range workloads() {
		calls = append(calls, call("kubectl", "--namespace", namespace, "rollout", "status", "deployment/"+workload, "--timeout", "10m"))
	}
	return calls
}

// images are the pushed images by name, each by its digest.
func (d *deployment) images() (map[string]string, error) {
	path := filepath.Join(d.build, "images", "checksums.txt")
	data, err := os.ReadFile(path) //nolint:gosec // what make push-images wrote
	if err != nil {
		return nil, fmt.Errorf("the pushed images: %w: make push-images comes first", err)
	}
	images := map[string]string{}
	line := regexp.MustCompile(`^([0-9a-f]{64})  (\S+)$`)
	for text := range strings.Lines(string(data)) {
		match := line.FindStringSubmatch(strings.TrimSpace(text))
		if match == nil {
			return nil, fmt.Errorf("%s: a line is no digest and name", path)
		}
		images[match[2][strings.LastIndex(match[2], "/")+1:]] = match[2] + "@sha256:" + match[1]
	}
	for _, name := range append(workloads(), "functions") {
		if images[name] == "" {
			return nil, fmt.Errorf("%s names no image %s: make push-images writes all", path, name)
		}
	}
	return images, nil
}

// service is what Cloud Run says of one.
type service struct {
	Metadata struct{ Name string }
	Status   struct {
		LatestReadyRevisionName string
		Traffic                 []struct {
			RevisionName string
			Percent      int
		}
	}
}

// services are those that there are, by the function's name. That none is there is an answer, that nobody answers an error.
func (d *deployment) services(ctx context.Context) (map[string]service, error) {
	text, err := d.run(ctx, call("gcloud", "run", "services", "list", "--project", d.project, "--region", d.region, "--format", "json"))
	if err != nil {
		return nil, err
	}
	var list []service
	if err := json.Unmarshal([]byte(text), &list); err != nil {
		return nil, fmt.Errorf("read Cloud Run's services: %w", err)
	}
	services := map[string]service{}
	for _, s := range list {
		if function, ours := strings.CutPrefix(s.Metadata.Name, "pix-"); ours {
			services[function] = s
		}
	}
	return services, nil
}

// look finds what serves: the revision that has the traffic, whichever is the newest, and each workload's rollout.
func (d *deployment) look(ctx context.Context) (before, error) {
	was := before{Revisions: map[string]string{}, Rollouts: map[string]int{}}
	services, err := d.services(ctx)
	if err != nil {
		return was, err
	}
	for function, s := range services {
		revision, err := s.serves()
		if err != nil {
			return was, err
		}
		was.Revisions[function] = revision
	}
	if len(services) == 0 {
		return was, nil // the first apply makes the cluster too
	}
	if _, err := d.run(ctx, d.credentials()); err != nil {
		return was, err
	}
	for _, workload := range workloads() {
		text, err := d.run(ctx, call(
			"kubectl", "--namespace", namespace, "get", "deployment/"+workload, "--ignore-not-found",
			"--output", `jsonpath={.metadata.annotations.deployment\.kubernetes\.io/revision}`,
		))
		if err != nil {
			return was, err
		}
		if text = strings.TrimSpace(text); text == "" {
			continue
		}
		if was.Rollouts[workload], err = strconv.Atoi(text); err != nil {
			return was, fmt.Errorf("rollout of %s: %w", workload, err)
		}
	}
	return was, nil
}

// credentials lets kubectl ask the cluster by its name: by its address nobody may who is not in authorized_ranges.
func (d *deployment) credentials() command {
	return call("gcloud", "container", "clusters", "get-credentials", "sentinela", "--project", d.project, "--region", d.region, "--dns-endpoint")
}

// serves is the one revision that has the traffic.
func (s *service) serves() (string, error) {
	revision := ""
	for _, t := range s.Status.Traffic {
		switch {
		case t.Percent == 0 || t.RevisionName == revision:
		case revision != "":
			return "", fmt.Errorf("%s: %s and %s share the traffic: end that release first, or take it back", s.Metadata.Name, revision, t.RevisionName)
		default:
			revision = t.RevisionName
		}
	}
	if revision == "" {
		return "", fmt.Errorf("%s has no revision that serves: look at it, and delete it where nothing ever served", s.Metadata.Name)
	}
	return revision, nil
}
