package jetstream

import "testing"

func TestEveryHostOfAClusterGetsTheUser(t *testing.T) {
	for url, want := range map[string]string{
		"nats://a:4222":                  "nats://a:4222",
		"nats://a,b":                     "nats://a,b",
		"tls://u:p@a:4222,b:4222":        "tls://u:p@a:4222,tls://u:p@b:4222",
		"nats://u:p@a,nats://v:q@b:4222": "nats://u:p@a,nats://v:q@b:4222",
	} {
		if got := everyHost(url); got != want {
			t.Errorf("%s: %s, want %s", url, got, want)
		}
	}
}
