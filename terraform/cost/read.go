package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
)

// environments are the folders under terraform/envs, the cheapest first.
func environments() []string { return []string{"dev", "staging", "prod"} }

// basis is everything that a price is computed from.
type basis struct {
	root     string
	prices   priceList
	load     load
	measured map[string]float64 // of docs/capacity.md, by the line's name
}

// priceList is prices.json.
type priceList struct {
	ReadOn    string           `json:"read_on"`
	Region    string           `json:"region"`
	Note      string           `json:"note"`
	BRLPerUSD exchange         `json:"brl_per_usd"`
	Prices    map[string]price `json:"prices"`
}

type exchange struct {
	Value  float64 `json:"value"`
	Sure   string  `json:"sure"`
	Source string  `json:"source"`
}

type price struct {
	USD    float64 `json:"usd"`
	Sure   string  `json:"sure"`
	Source string  `json:"source"`
}

// load is load.json.
type load struct {
	Note                 string                     `json:"note"`
	Environments         map[string]environmentLoad `json:"environments"`
	DecisionMilliseconds float64                    `json:"decision_milliseconds"`
	RowMilliseconds      float64                    `json:"row_milliseconds"`
	RecordMilliseconds   float64                    `json:"record_milliseconds"`
	AlertShare           float64                    `json:"alert_share"`
	LakeBytes            float64                    `json:"lake_bytes_per_payment"`
	LogBytes             float64                    `json:"log_bytes_per_payment"`
	EvidenceYears        float64                    `json:"evidence_years"`
}

type environmentLoad struct {
	PaymentsPerSecond float64        `json:"payments_per_second"`
	Busy              float64        `json:"busy"`
	Pods              map[string]pod `json:"pods"`
}

type pod struct {
	Replicas float64 `json:"replicas"`
	VCPU     float64 `json:"vcpu"`
	GiB      float64 `json:"gib"`
}

// sizes is what sizes.json of an environment says that costs something.
type sizes struct {
	Functions map[string]functionSize `json:"functions"`
	Bigtable  struct {
		Replica string `json:"replica_zone"`
		Nodes   struct {
			Min float64 `json:"min"`
			Max float64 `json:"max"`
		} `json:"nodes"`
	} `json:"bigtable"`
	Warehouse struct {
		ExpiryDays float64 `json:"expiry_days"`
	} `json:"warehouse"`
	Cluster *bool `json:"cluster"`
}

type functionSize struct {
	CPU       string  `json:"cpu"`
	MemoryMiB float64 `json:"memory_mib"`
	Min       float64 `json:"min_instances"`
	Max       float64 `json:"max_instances"`
}

func read(root string) (basis, error) {
	b := basis{root: root, measured: map[string]float64{}}
	here := filepath.Join(root, "terraform", "cost")
	if err := readStrictly(filepath.Join(here, "prices.json"), &b.prices); err != nil {
		return basis{}, err
	}
	if err := readStrictly(filepath.Join(here, "load.json"), &b.load); err != nil {
		return basis{}, err
	}
	return b, b.readMeasured(filepath.Join(root, "docs", "capacity.md"))
}

// readStrictly refuses a field that nobody reads: a misspelt one would be a price of nothing.
func readStrictly(path string, into any) error {
	data, err := os.ReadFile(path)
	if err != nil {
		return fmt.Errorf("read %s: %w", filepath.Base(path), err)
	}
	d := json.NewDecoder(bytes.NewReader(data))
	d.DisallowUnknownFields()
	if err := d.Decode(into); err != nil {
		return fmt.Errorf("read %s: %w", filepath.Base(path), err)
	}
	return nil
}

// readMeasured takes the table of what a payment needs.
func (b basis) readMeasured(path string) error {
	data, err := os.ReadFile(path)
	if err != nil {
		return fmt.Errorf("read capacity: %w", err)
	}
	_, text, ok := strings.Cut(string(data), "<!-- measured: written by the test -->")
	text, _, ends := strings.Cut(text, "<!-- end of measured -->")
	if !ok || !ends {
		return fmt.Errorf("read capacity: %s has no measured table", filepath.Base(path))
	}
	for _, line := range regexp.MustCompile(`(?m)^\| (.+?) \| ([0-9.]+) \|$`).FindAllStringSubmatch(text, -1) {
		value, err := strconv.ParseFloat(line[2], 64)
		if err != nil {
			return fmt.Errorf("read capacity: %s: %w", line[1], err)
		}
		b.measured[line[1]] = value
	}
	return nil
}

func (b basis) sizes(env string) (sizes, error) {
	var s sizes
	data, err := os.ReadFile(filepath.Join(b.root, "terraform", "envs", env, "sizes.json"))
	if err != nil {
		return s, fmt.Errorf("read sizes: %w", err)
	}
	if err := json.Unmarshal(data, &s); err != nil {
		return s, fmt.Errorf("read sizes: %w", err)
	}
	return s, nil
}
