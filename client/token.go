package client

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
)

// maxToken bounds a token: the scorer takes no longer header.
const maxToken = 4 << 10

// TokenFile is the path of a file that holds the token, as Kubernetes projects one and renews it in place. It is read for
// every request: a token that was renewed counts at once.
type TokenFile string

// Token reads the file. Its error never holds what was read.
func (f TokenFile) Token(context.Context) (string, error) {
	file, err := os.Open(string(f))
	if err != nil {
		return "", fmt.Errorf("token file: %w", err)
	}
	defer func() { _ = file.Close() }()
	data, err := io.ReadAll(io.LimitReader(file, maxToken+1))
	if err != nil {
		return "", fmt.Errorf("token file: %w", err)
	}
	token := strings.TrimSpace(string(data))
	if token == "" || len(data) > maxToken || strings.ContainsAny(token, " \t\r\n") {
		return "", errors.New("token file: must hold one token and nothing else")
	}
	return token, nil
}
