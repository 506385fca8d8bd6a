package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
	"time"
)

// TestSmokeAsksForVisits: what the page is told is complete, and the questions
// of the dashboard have answers.
func TestSmokeAsksForVisits(t *testing.T) {
	whole := rumConfig{AppMonitorID: "01234567-89ab-cdef-0123-456789abcdef", IdentityPoolID: "eu-west-2:0", Region: "eu-west-2", SampleRate: 0.1, Endpoint: "https://dataplane.rum.eu-west-2.amazonaws.com"}
	half := whole
	half.IdentityPoolID = ""
	answers := map[string]string{} // part of the query -> rows
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		b, _ := io.ReadAll(r.Body)
		w.Header().Set("Content-Type", "application/x-amz-json-1.1")
		var in struct{ LogGroupName, QueryString, QueryID string }
		if err := json.Unmarshal(b, &in); err != nil {
			t.Error(err)
		}
		if strings.HasSuffix(r.Header.Get("X-Amz-Target"), ".StartQuery") {
			if in.LogGroupName != "/aws/vendedlogs/RUMService_cityflow01234567" || answers == nil {
				w.WriteHeader(http.StatusBadRequest)
				fmt.Fprint(w, `{"__type":"ResourceNotFoundException","message":"no"}`)
				return
			}
			fmt.Fprintf(w, `{"queryId":%q}`, in.QueryString)
			return
		}
		for part, rows := range answers {
			if strings.Contains(in.QueryID, part) {
				fmt.Fprintf(w, `{"status":"Complete","results":%s}`, rows)
				return
			}
		}
		fmt.Fprint(w, `{"status":"Failed"}`)
	}))
	defer srv.Close()
	t.Setenv("AWS_ENDPOINT_URL", srv.URL)
	for _, k := range []string{"AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"} {
		t.Setenv(k, os.DevNull)
	}
	t.Setenv("AWS_EC2_METADATA_DISABLED", "true")
	t.Setenv("AWS_REGION", "eu-west-1") // not where the monitor is
	full := map[string]string{"visitors by bin": `[[{"field":"bin(1d)","value":"a"},{"field":"visitors","value":"3"}],[{"field":"visitors","value":"7"}]]`, "average_seconds": `[[{"field":"average_seconds","value":"61.5"}]]`}
	for _, x := range []struct {
		name, measured string
		rum            *rumConfig
		keys           bool
		answers        map[string]string
		ok             bool
		says           string
	}{
		{"off", "none", nil, true, full, true, "measures nothing"},
		{"not told", "required", nil, true, full, false, "configures no measuring"},
		{"half told", "configured", &half, true, full, false, "half its settings"},
		{"told", "configured", &whole, true, map[string]string{}, true, "is configured"},
		{"no credentials", "required", &whole, false, full, true, "not checked"},
		{"visits", "required", &whole, true, full, true, "at most 7 measured visitors a day, average session 62 s"},
		{"nobody", "required", &whole, true, map[string]string{"visitors by bin": `[]`, "average_seconds": `[]`}, false, "no visit of the last"},
		{"never", "required", &whole, true, nil, false, "no visit was ever measured"},
		{"failed", "required", &whole, true, map[string]string{}, false, "is Failed"},
	} {
		key := ""
		if x.keys {
			key = "testing"
		}
		t.Setenv("AWS_ACCESS_KEY_ID", key)
		t.Setenv("AWS_SECRET_ACCESS_KEY", key)
		answers = x.answers
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		s := &smoke{ctx: ctx, aws: true, measured: x.measured}
		s.site.RUM = x.rum
		detail, err := s.analytics()
		cancel()
		if err != nil {
			detail = err.Error()
		}
		if (err == nil) != x.ok || !strings.Contains(detail, x.says) {
			t.Errorf("%s: %q %v, want %q", x.name, detail, err, x.says)
		}
	}
}
