// Package api holds the contract that partners build on: openapi.yaml is written first, the server's types are generated from it, and
// requests are held against it.
package api

import _ "embed"

// OpenAPI is the text of openapi.yaml.
//
//go:embed openapi.yaml
var OpenAPI []byte
