package lambdatest

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/aws/aws-lambda-go/events"
)

// Stage is the stage of the events; "$default" leaves the path alone.
type Stage string

// Event is what an HTTP API sends for a request, payload format 2.0. The path
// arrives decoded, as HTTP APIs send it.
func (stage Stage) Event(r *http.Request, id string) (*events.APIGatewayV2HTTPRequest, error) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, err
	}
	path := r.URL.Path
	if stage != "" && stage != "$default" {
		path = "/" + string(stage) + path
	}
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		host = r.RemoteAddr
	}
	e := &events.APIGatewayV2HTTPRequest{
		Version: "2.0", RouteKey: "$default", RawPath: path, RawQueryString: r.URL.RawQuery, Headers: map[string]string{},
		RequestContext: events.APIGatewayV2HTTPRequestContext{
			RouteKey: "$default", AccountID: "000000000000", APIID: "loopback", Stage: string(stage), RequestID: id,
			DomainName: r.Host, Time: time.Now().UTC().Format("02/Jan/2006:15:04:05 +0000"), TimeEpoch: time.Now().UnixMilli(),
			HTTP: events.APIGatewayV2HTTPRequestContextHTTPDescription{Method: r.Method, Path: path, Protocol: r.Proto, SourceIP: host, UserAgent: r.UserAgent()},
		},
	}
	for name, values := range r.Header {
		if name == "Cookie" {
			for _, v := range values {
				e.Cookies = append(e.Cookies, strings.Split(v, "; ")...)
			}
			continue
		}
		e.Headers[strings.ToLower(name)] = strings.Join(values, ",")
	}
	e.Headers["host"] = r.Host
	e.Headers["x-forwarded-for"] = strings.TrimPrefix(e.Headers["x-forwarded-for"]+", "+host, ", ")
	e.Headers["x-forwarded-proto"], e.Headers["x-forwarded-port"] = "https", "443"
	if len(body) > 0 {
		e.Headers["content-length"] = fmt.Sprint(len(body))
	}
	query, err := url.ParseQuery(r.URL.RawQuery)
	if err == nil && len(query) > 0 {
		e.QueryStringParameters = map[string]string{}
		for name, values := range query {
			e.QueryStringParameters[name] = strings.Join(values, ",")
		}
	}
	if e.Body = string(body); !utf8.Valid(body) {
		e.Body, e.IsBase64Encoded = base64.StdEncoding.EncodeToString(body), true
	}
	return e, nil
}

// gone are headers that API Gateway sets itself or refuses to pass on.
var gone = []string{"Connection", "Keep-Alive", "Transfer-Encoding", "Trailer", "Upgrade", "Content-Length"}

// Write sends a function's answer to the client as an HTTP API does.
func Write(w http.ResponseWriter, r *http.Request, answer []byte) error {
	var res events.APIGatewayV2HTTPResponse
	if err := json.Unmarshal(answer, &res); err != nil || res.StatusCode < 100 || res.StatusCode > 999 {
		http.Error(w, `{"message":"Internal Server Error"}`, http.StatusInternalServerError)
		return fmt.Errorf("lambdatest: the answer %.200q is none of payload format 2.0: %v", answer, err)
	}
	body := []byte(res.Body)
	if res.IsBase64Encoded {
		var err error
		if body, err = base64.StdEncoding.DecodeString(res.Body); err != nil {
			http.Error(w, `{"message":"Internal Server Error"}`, http.StatusInternalServerError)
			return fmt.Errorf("lambdatest: the answer's body is not base64: %w", err)
		}
	}
	for name, value := range res.Headers {
		if name = http.CanonicalHeaderKey(name); !slices.Contains(gone, name) || r.Method == http.MethodHead && name == "Content-Length" {
			w.Header().Set(name, value)
		}
	}
	for _, c := range res.Cookies {
		w.Header().Add("Set-Cookie", c)
	}
	if len(body) == 0 && w.Header().Get("Content-Type") == "" {
		w.Header()["Content-Type"] = nil // nothing to sniff
	}
	w.WriteHeader(res.StatusCode)
	if r.Method != http.MethodHead && len(body) > 0 {
		_, err := w.Write(body)
		return err
	}
	return nil
}
