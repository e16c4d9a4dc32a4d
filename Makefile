# Short names for what people type here. `make help` prints the line behind each ##.
.DEFAULT_GOAL := help
.PHONY: help demo build test race bench generate lint check clean

tool := go tool -modfile=.ci/tools/go.mod

help: ## this list
	@sed -nE 's/^([a-z]+):.*## (.*)$$/  make \1\t\2/p' $(MAKEFILE_LIST) | expand -t 18

demo: ## play Hurricane Maria and La Soufrière on this machine and watch
	go run ./cmd/landfall demo

build: ## one static binary, bin/landfall
	CGO_ENABLED=0 go build -trimpath -ldflags='-s -w' -o bin/landfall ./cmd/landfall

test: ## every test
	go test ./...

race: ## what has goroutines of its own under the race detector
	.ci/run race

bench: ## latency and bursts beside the bare floor, see docs/performance.md
	go run ./internal/bench

generate: ## what is generated from api/openapi.yaml
	go generate ./...

lint: ## golangci-lint as pinned in .ci/tools/go.mod
	$(tool) golangci-lint run ./... ./.ci/tally/... ./.ci/compose/... ./.ci/goroutines/...

check: ## everything CI runs
	.ci/run

clean: ## what building left behind
	rm -rf bin
