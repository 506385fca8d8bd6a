package spec

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"

	"github.com/gowebpki/jcs"
)

// Config is a run request merged with every default: what `config.json` holds
// and what the worker runs. Two equal configs give equal bytes.
type Config struct {
	Schema int `json:"schema"`
	// ModelVersion and CityDigest are written by whoever merged the request;
	// the worker recomputes both when it names the run it really did.
	ModelVersion string `json:"model_version"`
	CityDigest   string `json:"city_digest"`
	City         string `json:"city"` // slug
	Date         string `json:"date"`
	Window       Window `json:"window"`
	Agents       int    `json:"agents"`
	// ModeShare is the target in percent. NonWalk says that the car, bike and
	// transit shares are among non-walk trips and walking is modelled.
	ModeShare ModeShare `json:"mode_share"`
	NonWalk   bool      `json:"mode_share_non_walk"`
	// ShareSource is "user", or where the default comes from.
	ShareSource   string         `json:"mode_share_source"`
	TrafficLevel  string         `json:"traffic_level"` // peak | off-peak
	Replications  int            `json:"replications"`
	Seed          uint64         `json:"seed"`
	Iterations    int            `json:"iterations"`
	AverageLast   int            `json:"average_last"`
	Modifications []Modification `json:"modifications"`
}

// Window is the simulated time of day, "HH:MM".
type Window struct {
	From string `json:"from"`
	To   string `json:"to"`
}

// ModeShare is percent of trips by mode.
type ModeShare struct {
	Car     float64 `json:"car"`
	Bike    float64 `json:"bike"`
	Walk    float64 `json:"walk"`
	Transit float64 `json:"transit"`
}

// Canonical is the RFC 8785 form of any value of this package.
func Canonical(v any) ([]byte, error) {
	raw, err := json.Marshal(v)
	if err != nil {
		return nil, fmt.Errorf("encode for canonical form: %w", err)
	}
	out, err := jcs.Transform(raw)
	if err != nil {
		return nil, fmt.Errorf("canonical form: %w", err)
	}
	return out, nil
}

// RunKey is the identity of a run: SHA-256 (hex) of the canonical config.
func (c Config) RunKey() string {
	b, err := Canonical(c)
	if err != nil {
		// A Config holds only plain values that always encode.
		panic(fmt.Sprintf("spec: config does not encode: %v", err))
	}
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:])
}
