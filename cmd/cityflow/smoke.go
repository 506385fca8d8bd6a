package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"golang.org/x/net/html"

	"github.com/malikobaid/cityflow/spec"
)

type smokeCmd struct {
	Web     string        `required:"" placeholder:"URL" help:"Where the page is: the site that has /web/index.html."`
	API     string        `required:"" placeholder:"URL" help:"Where the API is; a trailing /v1 does not matter."`
	AWS     bool          `help:"The deployment is on AWS: visits are measured by the page itself, not at /metrics."`
	Visits  string        `enum:"required,configured,none" default:"required" help:"With --aws: whether visits must have been measured in the last week (asked of CloudWatch, where there are AWS credentials), it is enough that the page is told how, or nothing is measured (required, configured, none)."`
	City    string        `placeholder:"CITY" help:"City of the small job. Default: the first that is enabled."`
	Token   string        `env:"CITYFLOW_TOKEN" placeholder:"TOKEN" help:"Token of a private deployment; only the host of the API gets to see it."`
	Timeout time.Duration `default:"3m" help:"Patience for the small job."`
}

// smoke is one walk through a running CityFlow.
type smoke struct {
	ctx      context.Context
	client   *http.Client
	web, api *url.URL
	aws      bool
	token    string // "" where the API is open
	measured string // what is expected of visits
	// learned on the way
	city string
	job  *spec.Status
	site struct {
		FilesBaseURL *string    `json:"filesBaseUrl"`
		RUM          *rumConfig `json:"rum"`
	}
}

// Result of one acceptance test.
type smokeResult struct {
	Test   int    `json:"test"`
	Name   string `json:"name"`
	OK     bool   `json:"ok"`
	Detail string `json:"detail"`
}

func (c *smokeCmd) Run(e *env) error {
	web, err := baseURL("--web", c.Web)
	if err != nil {
		return err
	}
	api, err := baseURL("--api", strings.TrimSuffix(strings.TrimSuffix(c.API, "/"), "/v1"))
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(e.ctx, c.Timeout)
	defer cancel()
	s := &smoke{ctx: ctx, client: &http.Client{Timeout: 30 * time.Second}, web: web, api: api, aws: c.AWS, measured: c.Visits, city: c.City, token: c.Token}
	defer s.client.CloseIdleConnections()
	var results []smokeResult
	failed := 0
	for i, t := range []struct {
		name string
		run  func() (string, error)
	}{
		{"the page renders and its links work", s.page},
		{"the API answers", s.answers},
		{"a small job completes with its artifacts", s.smallJob},
		{"the results page and its data load", s.results},
		{"visits are measured", s.analytics},
	} {
		detail, err := t.run()
		r := smokeResult{Test: i + 1, Name: t.name, OK: err == nil, Detail: detail}
		if err != nil {
			r.Detail = err.Error()
			failed++
		}
		results = append(results, r)
		if !e.json {
			word := "ok    "
			if !r.OK {
				word = "FAILED"
			}
			fmt.Fprintf(e.stdout, "%s %d %s: %s\n", word, r.Test, r.Name, r.Detail)
		}
	}
	if e.json {
		enc := json.NewEncoder(e.stdout)
		enc.SetIndent("", "  ")
		if err := enc.Encode(results); err != nil {
			return err
		}
	}
	if failed > 0 {
		return fmt.Errorf("%d of %d acceptance tests failed", failed, len(results))
	}
	return nil
}

func baseURL(flag, raw string) (*url.URL, error) {
	u, err := url.Parse(strings.TrimSuffix(raw, "/") + "/")
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		return nil, usagef("%s %q, want a URL such as http://localhost:8080", flag, raw)
	}
	return u, nil
}

// maxFetch bounds what one answer may hold.
const maxFetch = 256 << 20

// fetch sends a request and wants a 2xx answer. Addresses may be relative.
func (s *smoke) fetch(method string, base *url.URL, ref, body string) ([]byte, *http.Response, error) {
	u, err := base.Parse(ref)
	if err != nil {
		return nil, nil, fmt.Errorf("address %q: %w", ref, err)
	}
	req, err := http.NewRequestWithContext(s.ctx, method, u.String(), strings.NewReader(body))
	if err != nil {
		return nil, nil, err
	}
	if body != "" {
		req.Header.Set("Content-Type", "application/json")
	}
	if s.token != "" && u.Host == s.api.Host && u.Scheme == s.api.Scheme {
		req.Header.Set("Authorization", "Bearer "+s.token)
	}
	res, err := s.client.Do(req)
	if err != nil {
		return nil, nil, err
	}
	defer res.Body.Close()
	b, err := io.ReadAll(io.LimitReader(res.Body, maxFetch))
	if err != nil {
		return nil, nil, fmt.Errorf("%s %s: %w", method, u, err)
	}
	if res.StatusCode/100 != 2 {
		return nil, nil, fmt.Errorf("%s %s: %s %.300s", method, u, res.Status, b)
	}
	return b, res, nil
}

func (s *smoke) fetchJSON(method string, base *url.URL, ref, body string, v any) error {
	b, _, err := s.fetch(method, base, ref, body)
	if err != nil {
		return err
	}
	if err := json.Unmarshal(b, v); err != nil {
		return fmt.Errorf("%s %s: %w", method, ref, err)
	}
	return nil
}

// page fetches the start page and everything that it and the pages it links
// to refer to. Navigation must be in the delivered HTML, before any script.
func (s *smoke) page() (string, error) {
	const most = 300
	start := s.web.JoinPath("web/index.html")
	queue, seen := []*url.URL{start}, map[string]bool{start.String(): true}
	scripts, pages := 0, 0
	for len(queue) > 0 && len(seen) < most {
		at := queue[0]
		queue = queue[1:]
		b, res, err := s.fetch(http.MethodGet, at, "", "")
		if err != nil {
			return "", err
		}
		if !strings.HasPrefix(res.Header.Get("Content-Type"), "text/html") {
			continue
		}
		pages++
		doc, err := references(b)
		if err != nil {
			return "", fmt.Errorf("%s: %w", at, err)
		}
		if at == start && doc.navLinks == 0 {
			return "", fmt.Errorf("%s has no <nav> with links in the delivered HTML", at)
		}
		scripts += doc.scripts
		for _, ref := range doc.refs {
			u, err := at.Parse(ref.address)
			if err != nil {
				return "", fmt.Errorf("%s refers to %q: %w", at, ref.address, err)
			}
			u.Fragment = ""
			if u.Scheme != "http" && u.Scheme != "https" || u.Host != s.web.Host {
				if ref.loaded && u.Scheme != "data" {
					return "", fmt.Errorf("%s loads %s from another host", at, u)
				}
				continue // links out are the reader's choice
			}
			if !seen[u.String()] {
				seen[u.String()] = true
				queue = append(queue, u)
			}
		}
	}
	if scripts == 0 {
		return "", errors.New("the page loads no script: the bundle is missing")
	}
	return fmt.Sprintf("%d pages, %d addresses, all of them there", pages, len(seen)), nil
}

type reference struct {
	address string
	loaded  bool // by the browser itself, not by a click
}

type htmlDoc struct {
	refs              []reference
	navLinks, scripts int
}

// references reads what an HTML document points to.
func references(b []byte) (htmlDoc, error) {
	var d htmlDoc
	root, err := html.Parse(bytes.NewReader(b))
	if err != nil {
		return d, err
	}
	var walk func(n *html.Node, nav bool)
	walk = func(n *html.Node, nav bool) {
		attr := map[string]string{}
		for _, a := range n.Attr {
			attr[a.Key] = a.Val
		}
		if n.Type == html.ElementNode {
			switch n.Data {
			case "nav":
				nav = true
			case "a":
				if h := attr["href"]; h != "" {
					d.refs = append(d.refs, reference{h, false})
					if nav {
						d.navLinks++
					}
				}
			case "script":
				if attr["src"] != "" {
					d.scripts++
				}
			}
			if n.Data == "link" && attr["rel"] != "canonical" && attr["href"] != "" {
				d.refs = append(d.refs, reference{attr["href"], true})
			}
			if src := attr["src"]; src != "" {
				d.refs = append(d.refs, reference{src, true})
			}
		}
		for c := range n.ChildNodes() {
			walk(c, nav)
		}
	}
	walk(root, false)
	return d, nil
}

func (s *smoke) answers() (string, error) {
	var health struct{ Status, Version string }
	if err := s.fetchJSON(http.MethodGet, s.api, "v1/health", "", &health); err != nil {
		return "", err
	}
	var cities []spec.CityInfo
	if err := s.fetchJSON(http.MethodGet, s.api, "v1/cities", "", &cities); err != nil {
		return "", err
	}
	found := ""
	for _, c := range cities {
		if c.Enabled && found == "" && (s.city == "" || s.city == c.Slug) {
			found = c.Slug
		}
	}
	if found == "" {
		return "", fmt.Errorf("no city %s is enabled among %d", s.city, len(cities))
	}
	s.city = found
	return fmt.Sprintf("version %s, %d cities", health.Version, len(cities)), nil
}

// smallJob submits the default what-if of a city with few agents, waits for
// it, and compares every artifact with the manifest.
func (s *smoke) smallJob() (string, error) {
	if s.city == "" {
		return "", errors.New("there is no city to run")
	}
	body, err := json.Marshal(map[string]any{"city": s.city, "num_agents": 300, "replications": 2})
	if err != nil {
		return "", err
	}
	var sub spec.Submitted
	if err := s.fetchJSON(http.MethodPost, s.api, "v1/submit", string(body), &sub); err != nil {
		return "", err
	}
	begun := time.Now()
	var st spec.Status
	for {
		if err := s.fetchJSON(http.MethodGet, s.api, "v1/status/"+sub.JobID, "", &st); err != nil {
			return "", err
		}
		if st.State != spec.Queued && st.State != spec.Running {
			break
		}
		select {
		case <-s.ctx.Done():
			return "", fmt.Errorf("job %s is still %s (%s) after %.0f s", sub.JobID, st.State, st.Message, time.Since(begun).Seconds())
		case <-time.After(500 * time.Millisecond):
		}
	}
	if st.State != spec.Complete {
		return "", fmt.Errorf("job %s is %s: %s", sub.JobID, st.State, st.Message)
	}
	if err := s.checkArtifacts(&st); err != nil {
		return "", err
	}
	s.job = &st
	return fmt.Sprintf("%s in %.1f s (cached: %v), %d artifacts equal the manifest", s.city, time.Since(begun).Seconds(), sub.Cached, len(st.Artifacts)), nil
}

func (s *smoke) checkArtifacts(st *spec.Status) error {
	urls := map[string]string{}
	var some string
	for _, a := range st.Artifacts {
		urls[a.Name], some = a.URL, a.URL
	}
	if some == "" {
		return errors.New("the job lists no artifacts")
	}
	var m spec.Manifest
	if err := s.fetchJSON(http.MethodGet, s.api, some[:strings.LastIndex(some, "/")+1]+"manifest.json", "", &m); err != nil {
		return err
	}
	if len(m.Artifacts) != len(urls) || m.RunKey != st.RunKey {
		return fmt.Errorf("the status (%d artifacts, run %s) and the manifest (%d, %s) disagree", len(urls), st.RunKey, len(m.Artifacts), m.RunKey)
	}
	for _, a := range m.Artifacts {
		if urls[a.Name] == "" {
			return fmt.Errorf("the status does not list %s", a.Name)
		}
		b, _, err := s.fetch(http.MethodGet, s.api, urls[a.Name], "")
		if err != nil {
			return err
		}
		sum := sha256.Sum256(b)
		if strings.HasPrefix(a.Name, "insights.") {
			continue // may be written again, better, after the job
		}
		if int64(len(b)) != a.Bytes || a.SHA256 != "" && hex.EncodeToString(sum[:]) != a.SHA256 {
			return fmt.Errorf("%s differs from the manifest: %d bytes, want %d", a.Name, len(b), a.Bytes)
		}
	}
	for _, name := range []string{"config.json", "summary.json"} {
		if urls[name] == "" {
			return fmt.Errorf("there is no %s", name)
		}
	}
	return nil
}

// results loads what the results page loads, from where the page would.
func (s *smoke) results() (string, error) {
	if s.job == nil {
		return "", errors.New("there is no complete job to show")
	}
	if err := s.fetchJSON(http.MethodGet, s.web, "web/config/site.json", "", &s.site); err != nil {
		return "", err
	}
	if s.site.FilesBaseURL == nil {
		return "", errors.New("web/config/site.json has no filesBaseUrl")
	}
	if _, _, err := s.fetch(http.MethodGet, s.web, "web/results.html?job_id="+s.job.JobID, ""); err != nil {
		return "", err
	}
	files, err := s.web.Parse(strings.TrimSuffix(*s.site.FilesBaseURL, "/") + "/")
	if err != nil {
		return "", fmt.Errorf("filesBaseUrl: %w", err)
	}
	var sum spec.Summary
	if err := s.fetchJSON(http.MethodGet, files, "jobs/"+s.job.JobID+"/summary.json", "", &sum); err != nil {
		return "", err
	}
	if len(sum.Verdict) == 0 || len(sum.KPIs) == 0 {
		return "", errors.New("summary.json has no verdict or no indicators")
	}
	var in struct {
		SummaryMD string `json:"summary_md"`
	}
	if err := s.fetchJSON(http.MethodPost, s.api, "v1/insights/"+s.job.JobID, "", &in); err != nil {
		return "", err
	}
	if strings.TrimSpace(in.SummaryMD) == "" {
		return "", errors.New("the insights are empty")
	}
	return fmt.Sprintf("%q, %d indicators, insights of %d characters", sum.Verdict[0], len(sum.KPIs), len(in.SummaryMD)), nil
}

func (s *smoke) analytics() (string, error) {
	if s.aws {
		return s.visits()
	}
	b, _, err := s.fetch(http.MethodGet, s.api, "metrics", "")
	if err != nil {
		return "", err
	}
	if !bytes.Contains(b, []byte("cityflow_http_requests_total{")) {
		return "", errors.New("/metrics counts no requests")
	}
	return fmt.Sprintf("/metrics answers with %d lines", bytes.Count(b, []byte("\n"))), nil
}
