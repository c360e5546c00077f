package main

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"strconv"
	"strings"
)

// fillDatacenter adds the `datacenter` object to server answers that carry only
// `location`. Hetzner phases the old field out, while provider v1.54.0 reads a
// server's location from it alone and would otherwise replace the server.
type fillDatacenter struct{ next http.RoundTripper }

func (t fillDatacenter) RoundTrip(req *http.Request) (*http.Response, error) {
	res, err := t.next.RoundTrip(req)
	if err != nil || !strings.Contains(req.URL.Path, "/servers") ||
		!strings.HasPrefix(res.Header.Get("Content-Type"), "application/json") {
		return res, err
	}
	body, err := io.ReadAll(res.Body)
	_ = res.Body.Close()
	if err != nil {
		return nil, err
	}
	if filled, ok := withDatacenters(body); ok {
		body = filled
	}
	res.Body = io.NopCloser(bytes.NewReader(body))
	res.ContentLength = int64(len(body))
	res.Header.Set("Content-Length", strconv.Itoa(len(body)))
	return res, nil
}

func withDatacenters(body []byte) ([]byte, bool) {
	var answer map[string]any
	decoder := json.NewDecoder(bytes.NewReader(body))
	decoder.UseNumber() // ids must not pass through float64
	if decoder.Decode(&answer) != nil {
		return nil, false
	}
	if server, ok := answer["server"].(map[string]any); ok {
		fill(server)
	}
	if servers, ok := answer["servers"].([]any); ok {
		for _, entry := range servers {
			if server, ok := entry.(map[string]any); ok {
				fill(server)
			}
		}
	}
	filled, err := json.Marshal(answer)
	return filled, err == nil
}

func fill(server map[string]any) {
	location, ok := server["location"].(map[string]any)
	if !ok || server["datacenter"] != nil {
		return
	}
	name, _ := location["name"].(string)
	server["datacenter"] = map[string]any{
		"id": 0, "name": name + "-dc1", "description": name, "location": location,
		"server_types": map[string]any{"supported": []any{}, "available": []any{}, "available_for_migration": []any{}},
	}
}
