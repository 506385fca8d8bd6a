// Package cloud holds the tests of the whole deployment on AWS, with the
// programs that are deployed: both functions as `bootstrap` processes behind a
// stand-in of Lambda's runtime, workers as processes that a stand-in of ECS
// starts, S3, SQS and SSM of moto, a stand-in of CloudFront before the page and
// the files. Everything is on loopback, bounded in time, and ends with the test.
//
//	journey_test.go  a visitor's way from the page to the answers in words
//	chaos_test.go    sixty jobs while everything fails that can fail
//
// They are slow (build tag slow, `make test-cloud`) and need `make build`: the
// built page and the compiled Newport.
package cloud
