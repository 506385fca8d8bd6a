package httpapi

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"mime"
	"reflect"
	"strings"
	"unicode/utf8"

	"github.com/danielgtaylor/huma/v2"

	"github.com/malikobaid/cityflow/internal/insight/llm"
	"github.com/malikobaid/cityflow/spec"
)

// Bounds of what may be asked.
const (
	maxQuestion = 1000
	maxMessage  = 2000
	maxMessages = 20
)

// Insights answers POST /v1/insights/{job_id}.
type Insights struct {
	SummaryMD string            `json:"summary_md" doc:"Markdown on baseline versus scenario"`
	Cached    bool              `json:"cached" doc:"True when the text was kept from before"`
	Source    string            `json:"source" enum:"rules,model" doc:"What wrote the text; the figures are the rules' in any case"`
	Meta      spec.InsightsMeta `json:"meta" doc:"The content of insights.meta.json"`
}

// Question is the body of POST /v1/insights/{job_id}/chat.
type Question struct {
	Query string `json:"query" minLength:"1" maxLength:"1000" doc:"A question about this job's result" example:"Do fewer people drive?"`
}

// Answer is a reply about a job.
type Answer struct {
	ReplyMD string `json:"reply_md" doc:"The answer as Markdown, without HTML and links"`
	Source  string `json:"source" enum:"rules,model" doc:"What answered"`
	Note    string `json:"note,omitempty" doc:"Why the language model did not answer although there is one"`
}

// ChatMessage is one message of a conversation.
type ChatMessage struct {
	Role    string `json:"role" enum:"user,assistant"`
	Content string `json:"content" minLength:"1" maxLength:"2000"`
}

// Chat is the body of POST /v1/chat.
type Chat struct {
	Messages []ChatMessage `json:"messages" nullable:"false" minItems:"1" maxItems:"20" doc:"The conversation so far; the last message is the user's"`
}

// ChatAnswer is a message of ours.
type ChatAnswer struct {
	Role    string `json:"role" enum:"assistant"`
	Content string `json:"content" doc:"Markdown without HTML and links"`
}

// ChatReply is the next message of a conversation.
type ChatReply struct {
	Message ChatAnswer `json:"message"`
	Source  string     `json:"source" enum:"rules,model" doc:"What answered: rules quote the documentation"`
	Note    string     `json:"note,omitempty" doc:"Why the language model did not answer although there is one"`
}

func (a *api) insightRoutes() {
	huma.Register(a.huma, operation("POST", "/v1/insights/{job_id}", "get-insights", "The answer in words", 404, 409, 503, 507),
		func(ctx context.Context, in *jobInput) (*struct{ Body Insights }, error) {
			w, err := a.Answers.Insights(ctx, in.JobID)
			if err != nil {
				return nil, a.fault(ctx, err)
			}
			return &struct{ Body Insights }{Insights{SummaryMD: w.Markdown, Cached: w.Cached, Source: w.Meta.Source, Meta: w.Meta}}, nil
		})
	ask := operation("POST", "/v1/insights/{job_id}/chat", "ask-about-job", "Ask about a result", 400, 404, 409, 413, 415, 422, 503, 507)
	huma.Register(a.huma, ask,
		func(ctx context.Context, in *struct {
			JobID       string `path:"job_id" maxLength:"64" doc:"The id that submit answered"`
			ContentType string `header:"Content-Type" hidden:"true"`
		}) (*struct{ Body Answer }, error) {
			var q Question
			ps, err := readJSON(ctx, in.ContentType, &q)
			if err != nil {
				return nil, err
			}
			if len(ps) == 0 {
				checkText(&ps, "query", q.Query, maxQuestion)
			}
			if err := ps.Err(); err != nil {
				return nil, a.fault(ctx, err)
			}
			r, err := a.Answers.About(ctx, in.JobID, q.Query)
			if err != nil {
				return nil, a.fault(ctx, err)
			}
			return &struct{ Body Answer }{Answer{ReplyMD: r.Markdown, Source: r.Source, Note: r.Note}}, nil
		})
	chat := operation("POST", "/v1/chat", "ask-about-cityflow", "Ask about CityFlow itself", 400, 413, 415, 422, 503, 507)
	chat.Description = "Answered from the documentation."
	huma.Register(a.huma, chat, func(ctx context.Context, in *struct {
		ContentType string `header:"Content-Type" hidden:"true"`
	}) (*struct{ Body ChatReply }, error) {
		var c Chat
		ps, err := readJSON(ctx, in.ContentType, &c)
		if err != nil {
			return nil, err
		}
		var said []llm.Said
		if len(ps) == 0 {
			said, ps = conversation(c.Messages)
		}
		if err := ps.Err(); err != nil {
			return nil, a.fault(ctx, err)
		}
		r, err := a.Answers.Help(ctx, said)
		if err != nil {
			return nil, a.fault(ctx, err)
		}
		return &struct{ Body ChatReply }{ChatReply{Message: ChatAnswer{Role: "assistant", Content: r.Markdown}, Source: r.Source, Note: r.Note}}, nil
	})
}

// readJSON reads a body, bounded by limit. Any other type is refused: it is what
// a foreign page's plain form can send, and an answer may cost money. A field
// of a wrong type is a problem with its path, a body that is no JSON an error.
func readJSON(ctx context.Context, contentType string, v any) (spec.Problems, error) {
	if t, _, err := mime.ParseMediaType(contentType); err != nil || t != "application/json" {
		return nil, mediaType.fault(fmt.Sprintf("The body is %q, want application/json.", contentType)).with("Accept", "application/json")
	}
	d := json.NewDecoder(requestOf(ctx).Body)
	d.DisallowUnknownFields()
	var wrong *json.UnmarshalTypeError
	var ps spec.Problems
	err := d.Decode(v)
	if err == nil && d.More() {
		err = errors.New("there is more behind the object")
	}
	if err == nil {
		return nil, nil
	}
	if name, unknown := strings.CutPrefix(err.Error(), "json: unknown field "); unknown {
		ps.Add(strings.Trim(name, `"`), "is no field of this request")
		return ps, nil
	}
	if errors.As(err, &wrong) && wrong.Field != "" {
		ps.Add(wrong.Field, "is a "+wrong.Value, "a "+wrong.Type.Kind().String())
		return ps, nil
	}
	return nil, malformed.fault("The body is not one JSON object such as the documentation shows.")
}

// describeInsights adds the bodies that the handlers read by themselves.
func (a *api) describeInsights() {
	doc := a.huma.OpenAPI()
	for path, body := range map[string]reflect.Type{"/v1/insights/{job_id}/chat": reflect.TypeFor[Question](), "/v1/chat": reflect.TypeFor[Chat]()} {
		doc.Paths[path].Post.RequestBody = &huma.RequestBody{Required: true, Content: map[string]*huma.MediaType{
			"application/json": {Schema: doc.Components.Schemas.Schema(body, true, "")}}}
	}
}

func checkText(ps *spec.Problems, path, text string, most int) {
	if strings.TrimSpace(text) == "" {
		ps.Add(path, "is empty", fmt.Sprintf("1 to %d characters", most))
	}
	if n := utf8.RuneCountInString(text); n > most {
		ps.Add(path, fmt.Sprintf("has %d characters", n), fmt.Sprintf("1 to %d characters", most))
	}
}

// conversation checks the messages and names every problem.
func conversation(messages []ChatMessage) ([]llm.Said, spec.Problems) {
	var ps spec.Problems
	var said []llm.Said
	if len(messages) == 0 || len(messages) > maxMessages {
		ps.Add("messages", fmt.Sprintf("holds %d messages", len(messages)), fmt.Sprintf("1 to %d", maxMessages))
	}
	for i, m := range messages[:min(len(messages), maxMessages)] {
		at := fmt.Sprintf("messages[%d]", i)
		checkText(&ps, at+".content", m.Content, maxMessage)
		if m.Role != "user" && m.Role != "assistant" {
			ps.Add(at+".role", fmt.Sprintf("unknown role %q", m.Role), "user", "assistant")
		}
		said = append(said, llm.Said{FromUs: m.Role == "assistant", Text: m.Content})
	}
	if n := len(messages); n > 0 && messages[n-1].Role == "assistant" {
		ps.Add(fmt.Sprintf("messages[%d].role", n-1), "the last message must be the user's", "user")
	}
	return said, ps
}
