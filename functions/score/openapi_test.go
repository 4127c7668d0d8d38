package score_test

import (
	"flag"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/pb33f/libopenapi"
	validator "github.com/pb33f/libopenapi-validator"
)

var update = flag.Bool("update", false, "write the schemas of docs/openapi.yaml")

const (
	contractFile = "../../docs/openapi.yaml"
	// written is the line after which the file follows from the code.
	written = "never edit it.\n"
)

// TestOpenAPISchemas: the schemas of payments and answers are those of the code.
func TestOpenAPISchemas(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile(contractFile)
	if err != nil {
		t.Fatal(err)
	}
	byHand, made, found := strings.Cut(string(text), written)
	if !found {
		t.Fatalf("%s has no line that ends in %q", contractFile, written)
	}
	want, err := schemas()
	if err != nil {
		t.Fatal(err)
	}
	if *update {
		if err := os.WriteFile(contractFile, []byte(byHand+written+want), 0o600); err != nil {
			t.Fatal(err)
		}
		return
	}
	if diff := cmp.Diff(want, made); diff != "" {
		t.Errorf("%s does not follow from the code; run go test ./functions/score -run OpenAPI -update (-code +file):\n%s", contractFile, diff)
	}
}

// openValidator reads the document as a tool of another make does.
func openValidator(t *testing.T) (libopenapi.Document, validator.Validator) {
	t.Helper()
	text, err := os.ReadFile(contractFile)
	if err != nil {
		t.Fatal(err)
	}
	document, err := libopenapi.NewDocument(text)
	if err != nil {
		t.Fatal(err)
	}
	v, problems := validator.NewValidator(document)
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	return document, v
}

// TestOpenAPIIsValid: it is OpenAPI 3.1.
func TestOpenAPIIsValid(t *testing.T) {
	t.Parallel()
	_, v := openValidator(t)
	if ok, problems := v.ValidateDocument(); !ok {
		for _, p := range problems {
			t.Errorf("%s: %s", p.Message, p.Reason)
			for _, s := range p.SchemaValidationErrors {
				t.Errorf("  %s %s", s.FieldPath, s.Reason)
			}
		}
	}
}
