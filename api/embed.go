// Package api holds the contract that partners build on: openapi.yaml is written first, the server's types are generated from it, and
// requests are held against it.
package api

import (
	"bytes"
	"compress/gzip"
	_ "embed"
	"io"
	"sync"
)

//go:generate go run pack.go

// packed is openapi.yaml, compressed: the text is 0.24 MB in every binary otherwise.
//
//go:embed openapi.yaml.gz
var packed []byte

// OpenAPI gives the text of openapi.yaml, the same slice to everybody: nobody may change it. What is embedded is covered by a test, so a fault in
// it is a broken build.
var OpenAPI = sync.OnceValue(func() []byte {
	text, err := unpack(packed)
	if err != nil {
		panic("api: openapi.yaml.gz: " + err.Error())
	}
	return text
})

func unpack(packed []byte) ([]byte, error) {
	z, err := gzip.NewReader(bytes.NewReader(packed))
	if err != nil {
		return nil, err
	}
	return io.ReadAll(z)
}
