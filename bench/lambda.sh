#!/bin/sh
# Cold start and memory of the API as a Lambda function, with the compiled
# cities of build/ and the cloud's stand-ins on loopback. Takes about a minute.
set -eu
cd "$(dirname "$0")/.."
exec go test -tags slow -count=1 -timeout 10m -run 'TestMeasure$' -v ./cmd/lambda-api -measure "$PWD/bench/results/lambda.json" -packs "$PWD/build"
