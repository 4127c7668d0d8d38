package scoring

import (
	"bytes"
	"fmt"
)

// An artefact passes through editors, archives, proxies and stores, and what arrives under its name may be something else.
// Who reads the refusal looks for the place where that happened, so it says what the file is instead.

// beginnings are the first bytes of what has been found in the place of a file of an artefact.
func beginnings() []struct{ first, what string } {
	return []struct{ first, what string }{
		{"\xef\xbb\xbf", "it begins with a byte order mark: an editor has rewritten it"},
		{"\xff\xfe", "it is UTF-16: an editor or a shell has rewritten it"},
		{"\xfe\xff", "it is UTF-16: an editor or a shell has rewritten it"},
		{"\x1f\x8b", "it is compressed with gzip"},
		{"PK\x03\x04", "it is a ZIP archive"},
		{"\x80\x02", pickled}, {"\x80\x03", pickled}, {"\x80\x04", pickled}, {"\x80\x05", pickled},
		{"version https://git-lfs", "it is a pointer of Git LFS: the file itself was not fetched"},
		{"<", "it is HTML or XML, such as a page that reports an error"},
	}
}

const pickled = "it is a Python pickle: a booster is exported with sentinela_models"

// foreign says what a file is that cannot be what its name says, nil where it may be that.
func foreign(name string, data []byte) error {
	what := ""
	trimmed := bytes.TrimLeft(data, " \t\r\n")
	for _, b := range beginnings() {
		if bytes.HasPrefix(trimmed, []byte(b.first)) {
			what = b.what
		}
	}
	switch {
	case len(trimmed) == 0:
		what = "it is empty"
	case what != "":
	case name == ModelFile:
		what = foreignModel(data, trimmed)
	case bytes.HasPrefix(data, []byte("tree\n")):
		what = "it is a LightGBM text model, and no JSON"
	}
	if what == "" {
		return nil
	}
	return fmt.Errorf("%s cannot be read: %s", name, what)
}

// foreignModel says what is in the place of a LightGBM text.
func foreignModel(data, trimmed []byte) string {
	head := data[:min(len(data), 4096)]
	switch {
	case trimmed[0] == '{' && bytes.Contains(head, []byte(`"learner"`)):
		return "it is a model of XGBoost in JSON; only LightGBM's text is served"
	case trimmed[0] == '{' || trimmed[0] == '[':
		return "it is JSON; LightGBM's text is expected, as Booster.save_model writes it, not dump_model"
	case data[0] == '\x08' && (bytes.Contains(head, []byte("onnx")) || bytes.Contains(head, []byte("ai."))):
		return "it is ONNX; only LightGBM's text is served"
	case bytes.IndexByte(head, 0) >= 0:
		return "it is binary; LightGBM's text is expected"
	case bytes.IndexByte(data, '\r') >= 0:
		return "it has carriage returns, which LightGBM does not write: Git or an editor has changed its line ends"
	case len(trimmed) < len(data):
		return "it begins with a blank line or a space, which LightGBM does not write: an editor has changed it"
	case bytes.HasPrefix(data, []byte("tree\n")):
		return ""
	default:
		return `its first line is not "tree": it is no LightGBM text model`
	}
}
