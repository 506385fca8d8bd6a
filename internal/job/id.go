package job

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base32"
	"encoding/binary"
	"encoding/json"
	"fmt"

	"github.com/malikobaid/cityflow/internal/telemetry"
)

var idText = base32.NewEncoding("abcdefghijklmnopqrstuvwxyz234567").WithPadding(base32.NoPadding)

// ValidID reports whether s can be a job id. Only valid ids become part of a
// key, so nothing a client sends can leave the folder of a job.
func ValidID(s string) bool {
	b, err := idText.DecodeString(s)
	return err == nil && len(b) == 16 && idText.EncodeToString(b) == s
}

// newID is 128 random bits: knowing the id is the permission to read the job.
func newID() string {
	var b [16]byte
	_, _ = rand.Read(b[:]) // never fails
	return idText.EncodeToString(b[:])
}

// idFor is the id of a submit that carries an Idempotency-Key. The same client
// repeating the same request gets the same id; without the secret nobody can
// work it out.
func idFor(secret []byte, client, idempotencyKey, runKey string) string {
	mac := hmac.New(sha256.New, secret)
	for _, s := range []string{client, idempotencyKey, runKey} {
		// Lengths keep ("ab","c") and ("a","bc") apart.
		var n [8]byte
		binary.BigEndian.PutUint64(n[:], uint64(len(s)))
		mac.Write(n[:])
		mac.Write([]byte(s))
	}
	return idText.EncodeToString(mac.Sum(nil)[:16])
}

// messageVersion is raised when the message changes meaning. A worker buries
// what it does not know, instead of guessing.
const messageVersion = 1

type message struct {
	V         int    `json:"v"`
	JobID     string `json:"job_id"`
	ConfigKey string `json:"config_key"`
	// Request and Traceparent only say who asked, for logs and spans: a worker
	// that does not know them, or a message without them, works the same.
	Request     string `json:"request,omitempty"`
	Traceparent string `json:"traceparent,omitempty"`
}

func encodeMessage(id string) []byte { return messageFrom(context.Background(), id) }

// messageFrom names the request that ctx belongs to.
func messageFrom(ctx context.Context, id string) []byte {
	b, err := json.Marshal(message{V: messageVersion, JobID: id, ConfigKey: Key(id, ConfigFile),
		Request: telemetry.RequestID(ctx), Traceparent: telemetry.Traceparent(ctx)})
	if err != nil {
		panic(fmt.Sprintf("job: message of %s does not encode: %v", id, err))
	}
	return b
}

func decodeMessage(b []byte) (message, error) {
	var m message
	if err := json.Unmarshal(b, &m); err != nil {
		return m, fmt.Errorf("message is not JSON: %w", err)
	}
	if m.V != messageVersion {
		return m, fmt.Errorf("message has version %d, this worker knows %d", m.V, messageVersion)
	}
	if !ValidID(m.JobID) || m.ConfigKey != Key(m.JobID, ConfigFile) {
		return m, fmt.Errorf("message names job %q with config %q", m.JobID, m.ConfigKey)
	}
	return m, nil
}
