package scoring

import (
	"errors"
	"fmt"
	"slices"
	"strings"
)

// checkHeader refuses every kind of model but one: boosted trees with one binary log-odds output, over exactly the
// manifest's features.
func checkHeader(doc *document, features []string) error {
	h := doc.header
	if _, forest := h["average_output"]; forest {
		return errors.New("the model averages its trees (random forest); only gbdt, dart and goss are served")
	}
	if !slices.Contains([]string{"v2", "v3", "v4"}, h["version"]) {
		return fmt.Errorf("text version %q is not v2, v3 or v4", clip(h["version"]))
	}
	if doc.boosting == "" {
		return errors.New("the parameters of model.txt do not say how it was boosted")
	}
	// They train trees differently and add them up alike. LightGBM 4 calls goss a way to draw rows for gbdt.
	if !slices.Contains([]string{"gbdt", "dart", "goss"}, doc.boosting) {
		return fmt.Errorf("boosting is %q; only gbdt, dart and goss are served", clip(doc.boosting))
	}
	if doc.linear {
		return errors.New("the model has linear trees, which are not served")
	}
	if h["num_class"] != "1" || h["num_tree_per_iteration"] != "1" {
		return errors.New("the model has more than one output; only a binary objective is served")
	}
	if err := h.has("objective"); err != nil {
		return fmt.Errorf("%w, so it was trained with a function of its own; only \"binary sigmoid:1\" is served", err)
	}
	if h["objective"] != "binary sigmoid:1" {
		return fmt.Errorf("objective is %q; only \"binary sigmoid:1\" is served", clip(h["objective"]))
	}
	if want := fmt.Sprint(len(features) - 1); h["max_feature_idx"] != want {
		return fmt.Errorf("max_feature_idx is %q, the manifest has %d features", clip(h["max_feature_idx"]), len(features))
	}
	if err := sameNames(strings.Split(h["feature_names"], " "), features); err != nil {
		return fmt.Errorf("feature_names of model.txt against the manifest: %w", err)
	}
	if len(doc.trees) == 0 {
		return errors.New("the model has no trees")
	}
	return nil
}

// sameNames reports the first place where two ordered lists differ.
func sameNames(got, want []string) error {
	for i := range min(len(got), len(want)) {
		if got[i] != want[i] {
			return fmt.Errorf("feature %d is %q, expected %q", i, clip(got[i]), want[i])
		}
	}
	if len(got) != len(want) {
		return fmt.Errorf("%d features, expected %d", len(got), len(want))
	}
	return nil
}
