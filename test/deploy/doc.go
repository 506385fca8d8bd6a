// Package deploy rehearses deploys on loopback: the scripts of scripts/deploy
// and the programs that they ship, against moto, a registry in this process and
// stand-ins of Lambda and CloudFront. And it writes down what calls to AWS the
// programs make (infra/stacks/testdata/calls.json), against which the module
// infra holds its policies.
//
//	all_test.go       the one command: first, again, stopped, rolled back; what it refuses
//	guide_test.go     docs/deploy.md, command by command
//	calls_test.go     every call of every program, and the list of them
//	web_test.go       the page: again, interrupted at each step, rolled back
//	function_test.go  a function's code: canary, alias, roll-back
//	worker_test.go    the worker's image: pushed, registered, rolled back; secrets
//	image_test.go     the worker's image, run as a container would run it
//
// moto has no CloudFormation deploy of these stacks, no API Gateway and no
// CloudFront that answers requests, and its Lambda runs no code without an
// engine: routes, caches and the creation of the stacks are not rehearsed.
//
// The tests are slow (build tag slow, `make test-deploy`) and need `make build`
// and the AWS command line.
package deploy
