# CityFlow. `make run` and `make test` do everything on a fresh machine; they
# need Go, Node, Python 3.11 and make.

VERSION ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo devel)
LDFLAGS := -s -w -X main.version=$(VERSION)
# Pure Go everywhere: no C compiler needed, the same program on every machine.
export CGO_ENABLED := 0

# Pages of docs are part of the program: questions are answered from them.
GO_FILES := $(shell find cmd internal spec web/embed.go -name '*.go' 2>/dev/null) $(shell find docs -name '*.go' -o -name '*.md') go.mod go.sum
WEB_FILES := $(shell find web -path web/node_modules -prune -o -path web/dist -prune -o -type f -print 2>/dev/null)
CITY_FILES := $(shell find cities -type f)

.PHONY: run build lambda image deploy test test-servers test-clouds lint test-go test-web test-lambda test-infra test-deploy test-slow test-own test-cloud test-e2e test-fuzz-api bench bench-lambda bench-sumo bench-traffic readme clean tools

run: build
	bin/cityflow serve

build: bin/cityflow build/.packs

bin/cityflow: $(GO_FILES) web/dist/index.html
	go build -trimpath -ldflags "$(LDFLAGS)" -o $@ ./cmd/cityflow

web/dist/index.html: web/node_modules/.installed $(WEB_FILES)
	cd web && npm run --silent build -- --logLevel warn

web/node_modules/.installed: web/package-lock.json
	cd web && npm ci --no-audit --no-fund --loglevel=error
	touch $@

# Compiled cities, and the settled morning that runs of Newport start from; the
# other cities settle in their first run.
build/.packs: bin/cityflow $(CITY_FILES)
	bin/cityflow city build --settle newport
	touch $@

test: tools lint test-go test-web build
	$(MAKE) --no-print-directory --output-sync=target -j3 test-slow test-servers test-clouds

# Tests that mostly wait for processes run beside those that compute.
test-servers:
	$(MAKE) --no-print-directory -j1 test-lambda test-own test-e2e test-fuzz-api
test-clouds:
	$(MAKE) --no-print-directory -j1 test-infra test-deploy test-cloud

test-go: web/dist/index.html tools
	@test -z "$$(gofmt -l cmd internal spec test web/*.go docs/*.go)" || { gofmt -l cmd internal spec test web/*.go docs/*.go; echo "not gofmt-ed"; exit 1; }
	go vet ./...
	go vet -tags slow ./...
	go test ./...

test-web: web/dist/index.html tools
	cd web && npm run --silent check && npm test --silent && npm run --silent budget
	@if command -v chromium >/dev/null; then cd web && npm run --silent e2e; else echo "SKIPPED: the page tests need chromium"; fi

# What AWS Lambda deploys: one archive for each function, for arm64. The same
# sources give the same bytes.
lambda: $(patsubst cmd/%,build/%.zip,$(filter-out cmd/lambda-zip,$(wildcard cmd/lambda-*)))

build/lambda-%.zip: $(GO_FILES)
	GOOS=linux GOARCH=arm64 go build -tags lambda.norpc -trimpath -buildvcs=false -ldflags "$(LDFLAGS)" -o build/lambda-$*/bootstrap ./cmd/lambda-$*
	go run ./cmd/lambda-zip -o $@ build/lambda-$*/bootstrap

# The worker's image for AWS, for both architectures, without an engine: the
# same source gives the same digest, whether or not the page is built: a worker
# shows none, and leaves it out.
image: $(foreach a,amd64 arm64,build/worker-$(a))
	cd infra && go run ./ship image -amd64 ../build/worker-amd64 -arm64 ../build/worker-arm64 -version "$(VERSION)" -out ../build/image \
		-roots "$$(go list -m -f '{{.Dir}}' golang.org/x/crypto/x509roots/fallback)/bundle.der"

build/worker-%: $(GO_FILES)
	@mkdir -p build
	@python3 -c 'import json, os; print(json.dumps({"Replace": {os.path.abspath(os.path.join(d, f)): "" for d, _, fs in os.walk("web/dist") for f in fs if f != ".keep"}}))' >build/no-page.json
	GOOS=linux GOARCH=$* go build -overlay build/no-page.json -trimpath -buildvcs=false -ldflags "$(LDFLAGS)" -o $@ ./cmd/cityflow

# The deployment: stacks, image, saved queries, workflows, scripts (no account needed).
test-infra:
	infra/check

# Deploys rehearsed with the real scripts and programs, the guide to a
# deployment walked, and every call to AWS written down for the policies
# (-update after a change).
test-deploy: tools
	PATH="$(CURDIR)/build/venv/bin:$$PATH" go test -tags slow -count=1 -timeout 20m ./test/deploy/

# CityFlow on AWS, as infra/config.yaml says (docs/deploy.md). DRY=1 shows what
# would change; STACKS=no ships code, image and page alone.
deploy:
	@scripts/deploy/all --check $(if $(filter no,$(STACKS)),--code-only)
	$(MAKE) --no-print-directory build lambda image
	@scripts/deploy/all $(if $(DRY),--dry-run) $(if $(filter no,$(STACKS)),--code-only)

# The real function, as processes, behind a stand-in of its runtime and gateway.
test-lambda: tools
	go test -tags slow -count=1 -timeout 10m ./cmd/lambda-api/

# The model on a real city, at several sample sizes; jobs and queues over a
# network that fails (minutes).
test-slow: build tools
	go test -tags slow -count=1 -timeout 20m ./internal/run/ ./internal/job/ ./internal/queue/sqs/
	go test -tags slow -count=1 -timeout 10m ./internal/city/export/ ./internal/city/tiles/
	go test -tags slow -count=1 -timeout 10m -run RawMap ./internal/city/osm/
	go test -tags slow -count=1 -timeout 10m -run ChicagoAt ./internal/traffic/
	go test -tags slow -count=1 -timeout 10m -run TestTheGuide ./cmd/cityflow/
	go test -tags slow -count=1 -timeout 20m -run 'NoJobWaits|ADayNever' ./internal/reconcile/

# Real servers and workers that are killed, full disks, folders that cannot be
# written, a cluster of three that loses a node, versions that do not match
# (minutes). CITYFLOW_CHAOS=1,2,3 puts the chaos through several seeds.
test-own: web/dist/index.html
	go test -tags slow -count=1 -timeout 20m ./test/own/

# The deployment on AWS with the programs that are deployed, on loopback: a
# visitor's journey, then chaos (about five minutes).
test-cloud: build tools
	go test -tags slow -count=1 -timeout 15m -v ./test/cloud/

# The linters are pinned in tools/go.mod. gosec: conversions between integers
# (G115) stay within what a pack may hold, which city.Validate checks; indices
# of arrays of fixed length (G602) are checked by the compiler. Suppressions of
# single lines carry their reason beside them.
lint: web/dist/index.html
	go tool -modfile=tools/go.mod staticcheck -tags slow ./...
	go tool -modfile=tools/go.mod gosec -quiet -exclude=G115,G602 -exclude-dir=web -exclude-dir=tools -exclude-dir=infra ./...

# Requests made up from the OpenAPI document, sent to the real program.
test-fuzz-api: build
	python3 scripts/fuzz-api.py

# The real program with a real browser, then its own acceptance tests.
test-e2e: build tools
	python3 scripts/e2e.py

# What tests need besides Go and Node: a browser, installed where we may, and
# the Python programs of scripts/requirements.lock in build/venv. What is missing
# is said loudly, and fails in CI.
tools:
	@scripts/need-chromium
	@scripts/python-env

# make bench BENCH="streets cores": some of them only.
BENCH ?= quick whatif full load assign import streets cores
bench: build
	for what in $(BENCH); do python3 bench/run.py $$what || exit 1; done

# Beside SUMO, which is installed for it (150 MB).
bench-sumo: build
	python3 bench/sumo.py

bench-lambda: build tools
	bench/lambda.sh

# Traffic beside UXsim, which it installs into a venv of its own (minutes).
# make bench-traffic ONLY=chicago-30,chicago-5: some scenarios only.
bench-traffic: bin/cityflow
	python3 bench/traffic.py $(if $(ONLY),--only $(ONLY))

# The terminal output and the picture that README.md shows.
readme: build tools
	python3 scripts/readme.py

clean:
	rm -rf bin build web/dist/* web/node_modules
