//go:build slow

package sqs

import (
	"strings"
	"testing"

	"github.com/malikobaid/cityflow/internal/awstest"
	"github.com/malikobaid/cityflow/internal/queue"
	"github.com/malikobaid/cityflow/internal/queue/queuetest"
)

// The same over a network that loses requests and answers.
func TestNothingIsLostWhenTheNetworkGoesWrong(t *testing.T) {
	s := awstest.Moto(t)
	d := driver()
	d.Open = func(t *testing.T, _ string) queue.Queue {
		p := awstest.NewProxy(t, s.URL, awstest.Faults{Seed: 1, NotStored: 0.1, Cut: 0.1, StoredButError: 0.1, Single: true})
		t.Cleanup(func() {
			if t.Failed() {
				t.Log(p.Counts(), p.Struck())
			}
		})
		return open(t, strings.Replace(s.Queue(t, 100), s.URL, p.URL, 1), options)
	}
	queuetest.RunFaulty(t, d, queuetest.Shares{})
}
