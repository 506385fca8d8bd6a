package lambdatest

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
)

// API is Lambda's own Invoke call for some functions, for programs that invoke
// others (AWS_ENDPOINT_URL_LAMBDA). Versions and aliases are all the same.
func API(functions ...*Function) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("POST /2015-03-31/functions/{name}/invocations", func(w http.ResponseWriter, r *http.Request) {
		name := r.PathValue("name")
		if rest, ok := strings.CutPrefix(name, "arn:"); ok { // arn:aws:lambda:region:account:function:name
			_, name, _ = strings.Cut(rest, ":function:")
		}
		name, _, _ = strings.Cut(name, ":")
		payload, err := io.ReadAll(io.LimitReader(r.Body, 6<<20))
		if err != nil {
			return
		}
		w.Header().Set("Content-Type", "application/json")
		for _, f := range functions {
			if f.Name != name {
				continue
			}
			if r.Header.Get("X-Amz-Invocation-Type") == "Event" {
				f.InvokeAsync(payload)
				w.WriteHeader(http.StatusAccepted)
				return
			}
			invoke(w, r, f, payload)
			return
		}
		w.Header().Set("X-Amzn-Errortype", "ResourceNotFoundException")
		w.WriteHeader(http.StatusNotFound)
		fmt.Fprintf(w, `{"Type":"User","Message":"Function not found: %s"}`, name)
	})
	return mux
}

func invoke(w http.ResponseWriter, r *http.Request, f *Function, payload []byte) {
	b, err := f.Invoke(r.Context(), payload)
	var failed *FunctionError
	switch {
	case errors.Is(err, ErrThrottled):
		w.Header().Set("X-Amzn-Errortype", "TooManyRequestsException")
		w.WriteHeader(http.StatusTooManyRequests)
		fmt.Fprint(w, `{"Reason":"ReservedFunctionConcurrentInvocationLimitExceeded","Type":"User","message":"Rate Exceeded."}`)
	case errors.As(err, &failed):
		w.Header().Set("X-Amz-Function-Error", "Unhandled")
		_ = json.NewEncoder(w).Encode(failed)
	case err != nil:
		http.Error(w, `{"Message":"Service Error"}`, http.StatusInternalServerError)
	default:
		_, _ = w.Write(b)
	}
}
