package spec

import (
	"bytes"
	"encoding/json"
	"fmt"
)

type stopRefObject struct {
	ID   string   `json:"id,omitempty"`
	Name string   `json:"name,omitempty"`
	Lon  *float64 `json:"lon,omitempty"`
	Lat  *float64 `json:"lat,omitempty"`
	// Chosen is written in merged configs and ignored in requests.
	Chosen bool `json:"chosen,omitempty"`
}

// MarshalJSON writes a bare string for a stop known only by id or name.
func (s StopRef) MarshalJSON() ([]byte, error) {
	if s.Lon == nil && s.Lat == nil && !s.Chosen {
		if s.ID != "" && s.Name == "" {
			return json.Marshal(s.ID)
		}
		if s.ID == "" {
			return json.Marshal(s.Name)
		}
	}
	return json.Marshal(stopRefObject(s))
}

// UnmarshalJSON reads a string as "id or name" (kept in ID until resolved) or
// an object {id, name, lon, lat}; other fields are errors.
func (s *StopRef) UnmarshalJSON(b []byte) error {
	b = bytes.TrimSpace(b)
	if len(b) > 0 && b[0] == '"' {
		*s = StopRef{}
		return json.Unmarshal(b, &s.ID)
	}
	var o stopRefObject
	dec := json.NewDecoder(bytes.NewReader(b))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&o); err != nil {
		return fmt.Errorf("want a stop id, a stop name or {lon, lat, name}")
	}
	*s = StopRef(o)
	return nil
}
