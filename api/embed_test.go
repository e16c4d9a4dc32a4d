package api_test

import (
	"bytes"
	"os"
	"testing"

	"landfall/api"
)

func TestTheBinaryCarriesTheContractAsItIsWritten(t *testing.T) {
	written, err := os.ReadFile("openapi.yaml")
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(api.OpenAPI(), written) {
		t.Error("openapi.yaml.gz is not what openapi.yaml says: run make generate")
	}
}
