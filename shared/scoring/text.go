package scoring

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// section is one block of key=value lines.
type section map[string]string

// document is a LightGBM text model cut into its sections; nothing is interpreted yet but the frame.
type document struct {
	header   section
	trees    []section
	boosting string // from the parameters block
	linear   bool   // linear_tree of the parameters block
}

// headerKeys and treeKeys are the keys that LightGBM 2 to 4 write. Any other key means a format newer than this reader,
// and is refused: it could change what a score is.
func headerKeys() []string {
	return []string{
		"version", "num_class", "num_tree_per_iteration", "label_index", "max_feature_idx", "objective", "average_output",
		"feature_names", "monotone_constraints", "feature_infos", "tree_sizes",
	}
}

func treeKeys() []string {
	return []string{
		"num_leaves", "num_cat", "split_feature", "split_gain", "threshold", "decision_type", "left_child", "right_child",
		"leaf_value", "leaf_weight", "leaf_count", "internal_value", "internal_weight", "internal_count",
		"cat_boundaries", "cat_threshold", "is_linear", "leaf_const", "num_features", "leaf_features", "leaf_coeff",
		"shrinkage",
	}
}

// lines walks a text line by line and knows the offset of each.
type lines struct {
	rest   string
	offset int // of the line that next returned
	after  int // of the line that follows
}

func (l *lines) next() (string, bool) {
	if l.rest == "" {
		return "", false
	}
	line, rest, _ := strings.Cut(l.rest, "\n")
	l.offset = l.after
	l.after += len(l.rest) - len(rest)
	l.rest = rest
	return line, true
}

// parseText cuts model.txt into sections and checks the frame: first line, known keys, one Tree= block for each entry
// of tree_sizes with exactly that size, the end marker and the parameters.
func parseText(text string, limits Limits) (*document, error) {
	in := &lines{rest: text}
	if first, _ := in.next(); first != "tree" {
		return nil, errors.New("model.txt does not begin with the line \"tree\": it is no LightGBM text model")
	}
	header, end, err := readSection(in, headerKeys())
	if err != nil {
		return nil, fmt.Errorf("header of model.txt: %w", err)
	}
	if err := header.has("version", "num_class", "num_tree_per_iteration", "max_feature_idx", "feature_names", "tree_sizes"); err != nil {
		return nil, fmt.Errorf("header of model.txt: %w", err)
	}
	doc := &document{header: header}
	if n := strings.Count(header["tree_sizes"], " ") + 1; n > limits.Trees {
		return nil, tooLarge("%d trees are more than the limit of %d", n, limits.Trees)
	}
	sizes, err := intList(header["tree_sizes"], limits.Trees)
	if err != nil {
		return nil, fmt.Errorf("tree_sizes: %w", err)
	}
	if end, err = readTrees(in, end, doc, sizes); err != nil {
		return nil, err
	}
	if end != "end of trees" {
		return nil, fmt.Errorf("model.txt has no \"end of trees\" after tree %d: it is truncated or damaged", len(doc.trees)-1)
	}
	return doc, readParameters(in, doc)
}

// readTrees reads the tree blocks; end is the line that ended the block before, and it returns the one after the last.
func readTrees(in *lines, end string, doc *document, sizes []int) (string, error) {
	keys := treeKeys()
	for i, size := range sizes {
		if end != "Tree="+strconv.Itoa(i) {
			return "", fmt.Errorf("tree_sizes lists %d trees, but tree %d does not follow: model.txt is truncated or damaged",
				len(sizes), i)
		}
		start := in.offset
		tree, next, err := readSection(in, keys)
		if err != nil {
			return "", fmt.Errorf("tree %d: %w", i, err)
		}
		if got := in.offset - start; got != size {
			return "", fmt.Errorf("tree %d takes %d bytes, tree_sizes says %d: the text was changed after LightGBM wrote it", i, got, size)
		}
		doc.trees, end = append(doc.trees, tree), next
	}
	return end, nil
}

// has wants lines that LightGBM always writes.
func (s section) has(keys ...string) error {
	for _, key := range keys {
		if _, ok := s[key]; !ok {
			return fmt.Errorf("there is no line %s=", key)
		}
	}
	return nil
}

// readSection reads key=value lines up to the first line that begins another block, which it returns. Blank lines
// separate blocks and mean nothing.
func readSection(in *lines, keys []string) (section, string, error) {
	s := section{}
	for {
		line, ok := in.next()
		if !ok {
			return nil, "", errors.New("the text ends within the block")
		}
		if line == "" {
			continue
		}
		if line == "end of trees" || strings.HasPrefix(line, "Tree=") {
			return s, line, nil
		}
		key, value, _ := strings.Cut(line, "=")
		if !slices.Contains(keys, key) {
			return nil, "", fmt.Errorf("unknown line %q", clip(line))
		}
		if _, twice := s[key]; twice {
			return nil, "", fmt.Errorf("%s appears twice", key)
		}
		s[key] = value
	}
}

// readParameters reads what decides the kind of model from the block that LightGBM writes after the trees.
func readParameters(in *lines, doc *document) error {
	for {
		line, ok := in.next()
		if !ok {
			return errors.New("model.txt has no \"end of parameters\": it is truncated or damaged")
		}
		if line == "end of parameters" {
			break
		}
		key, value, _ := strings.Cut(strings.Trim(line, "[]"), ": ")
		switch key {
		case "boosting":
			doc.boosting = value
		case "linear_tree":
			doc.linear = value != "0"
		}
	}
	return nil
}

// intList parses numbers parted by one space each, at most so many.
func intList(s string, most int) ([]int, error) {
	fields, err := list(s, most)
	if err != nil {
		return nil, err
	}
	out := make([]int, len(fields))
	for i, f := range fields {
		v, err := strconv.ParseInt(f, 10, 32)
		if err != nil {
			return nil, fmt.Errorf("%q is no 32-bit integer", clip(f))
		}
		out[i] = int(v)
	}
	return out, nil
}

// floatList parses floating-point numbers; ±inf and NaN are left to the caller to judge.
func floatList(s string, most int) ([]float64, error) {
	fields, err := list(s, most)
	if err != nil {
		return nil, err
	}
	out := make([]float64, len(fields))
	for i, f := range fields {
		if out[i], err = strconv.ParseFloat(f, 64); err != nil {
			return nil, fmt.Errorf("%q is no number%s", clip(f), commaHint(f))
		}
	}
	return out, nil
}

// commaHint tells a locale from other damage.
func commaHint(number string) string {
	if _, err := strconv.ParseFloat(strings.Replace(number, ",", ".", 1), 64); err != nil {
		return ""
	}
	return ": it has a decimal comma, so it was written or changed under a locale that is not C"
}

func list(s string, most int) ([]string, error) {
	if s == "" {
		return nil, nil
	}
	if n := strings.Count(s, " ") + 1; n > most {
		return nil, fmt.Errorf("a list of %d entries where at most %d fit", n, most)
	}
	return strings.Split(s, " "), nil
}
