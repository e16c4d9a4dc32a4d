//go:build ignore

// Pack compresses openapi.yaml into openapi.yaml.gz, unless that holds the same text already: another release of Go may compress the same text
// to other bytes, and what has not changed is not written again.
package main

import (
	"bytes"
	"compress/gzip"
	"io"
	"log"
	"os"
)

const name = "openapi.yaml"

func main() {
	log.SetFlags(0)
	log.SetPrefix("pack: ")
	text, err := os.ReadFile(name)
	if err != nil {
		log.Fatal(err)
	}
	if bytes.Equal(held(), text) {
		return
	}
	var packed bytes.Buffer
	z, err := gzip.NewWriterLevel(&packed, gzip.BestCompression)
	if err != nil {
		log.Fatal(err)
	}
	_, _ = z.Write(text) // into memory
	_ = z.Close()
	if err := os.WriteFile(name+".gz", packed.Bytes(), 0o644); err != nil {
		log.Fatal(err)
	}
}

// held gives the text that is packed so far; nil for none, or for what cannot be read.
func held() []byte {
	packed, err := os.ReadFile(name + ".gz")
	if err != nil {
		return nil
	}
	z, err := gzip.NewReader(bytes.NewReader(packed))
	if err != nil {
		return nil
	}
	text, err := io.ReadAll(z)
	if err != nil {
		return nil
	}
	return text
}
