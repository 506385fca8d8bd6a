// Package lambdatest runs the real binary of a function on this machine. It is
// a stand-in for the Lambda Runtime API (2018-06-01) on a loopback port: a
// Function starts processes of the binary as Lambda does, one invocation at a
// time for each, more of them when all are busy, and hands them raw events. As
// an http.Handler it also plays API Gateway, so that browsers, smoke tests and
// fuzzers can talk to the binary that will be deployed.
//
// It holds to: deadlines that the process sees and that the stand-in enforces
// by ending the process; request ids; errors of the function and of its start
// told apart; nothing left running after Close. A test aid: it never reaches a
// program.
package lambdatest
