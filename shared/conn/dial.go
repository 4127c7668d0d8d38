package conn

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
)

// dialTCP connects as gRPC's own dialer does: directly, or through the proxy that HTTPS_PROXY names.
func dialTCP(ctx context.Context, address string) (net.Conn, error) {
	proxy, err := http.ProxyFromEnvironment(&http.Request{URL: &url.URL{Scheme: "https", Host: address}})
	if err != nil {
		return nil, fmt.Errorf("find proxy: %w", err)
	}
	if proxy == nil {
		return new(net.Dialer).DialContext(ctx, "tcp", address) //nolint:wrapcheck // gRPC wraps it
	}
	c, err := new(net.Dialer).DialContext(ctx, "tcp", proxy.Host)
	if err != nil {
		return nil, fmt.Errorf("dial proxy: %w", err)
	}
	defer context.AfterFunc(ctx, func() { _ = c.Close() })()
	if err := tunnel(c, proxy, address); err != nil {
		return nil, errors.Join(fmt.Errorf("connect through proxy: %w", err), c.Close())
	}
	return c, nil
}

// tunnel asks the proxy at the other end of c to connect to address. The far end of a tunnel speaks after we do, so
// nothing of it is read here.
func tunnel(c net.Conn, proxy *url.URL, address string) error {
	request := &http.Request{Method: http.MethodConnect, URL: &url.URL{Host: address}, Host: address, Header: http.Header{}}
	if user := proxy.User; user != nil {
		password, _ := user.Password()
		request.SetBasicAuth(user.Username(), password)
		request.Header["Proxy-Authorization"] = request.Header["Authorization"]
		request.Header.Del("Authorization")
	}
	if err := request.Write(c); err != nil {
		return fmt.Errorf("ask: %w", err)
	}
	response, err := http.ReadResponse(bufio.NewReader(c), request)
	if err != nil {
		return fmt.Errorf("read answer: %w", err)
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("refused with status %d", response.StatusCode)
	}
	return nil
}
