package stacks

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write testdata/statements.txt anew")

// TestEveryStatementIsTheOneReviewed compares every IAM statement of every
// template, word for word, with those that were looked at: who may what, on
// what, on which condition, and whom each role trusts. A change of any of them
// is a line in the difference of testdata/statements.txt (-update writes it).
func TestEveryStatementIsTheOneReviewed(t *testing.T) {
	var got []string
	add := func(who string, doc any) {
		for _, s := range statementsOf("", doc) {
			line := fmt.Sprintf("%s | %s %s", who, s.effect, strings.Join(s.actions, ","))
			for _, x := range []struct {
				word string
				v    any
			}{{"to", s.principal}, {"on", s.resources}, {"if", s.conditions}} {
				if said := text(x.v); said != "null" {
					line += " | " + x.word + " " + said
				}
			}
			got = append(got, line)
		}
	}
	for _, r := range plan(t).resources {
		who := r.Stack + " " + r.ID
		switch r.Type {
		case "AWS::IAM::Role":
			if name, ok := r.get("RoleName").(string); ok {
				who = r.Stack + " role " + name
			}
			add(who+" trusts", r.get("AssumeRolePolicyDocument"))
			ps, _ := r.get("Policies").([]any)
			for _, p := range ps {
				add(who, dig(p, "PolicyDocument"))
			}
			if managed := r.get("ManagedPolicyArns"); managed != nil {
				got = append(got, who+" | managed "+text(managed))
			}
		case "AWS::IAM::Policy", "AWS::IAM::ManagedPolicy", "AWS::S3::BucketPolicy", "AWS::SQS::QueuePolicy", "AWS::SNS::TopicPolicy":
			add(who, r.get("PolicyDocument"))
		case "AWS::Logs::ResourcePolicy":
			got = append(got, who+" | "+text(r.get("PolicyDocument")))
		default:
			if doc := r.get("PolicyDocument"); doc != nil {
				t.Errorf("%s (%s) has a policy that nobody looks at", who, r.Type)
			}
		}
	}
	slices.Sort(got)
	path := filepath.Join("testdata", "statements.txt")
	if *update {
		if err := os.WriteFile(path, []byte(strings.Join(got, "\n")+"\n"), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	want := strings.Split(strings.TrimSuffix(string(b), "\n"), "\n")
	for _, l := range got {
		if !slices.Contains(want, l) {
			t.Errorf("not looked at:\n  %s", l)
		}
	}
	for _, l := range want {
		if !slices.Contains(got, l) {
			t.Errorf("looked at, and gone:\n  %s", l)
		}
	}
}

// TestStarsStandForNamesOnly: the star of a statement on objects stands for
// names that are made up later (recorded as <id>, <file> ...), not for parts of
// a bucket that have names.
func TestStarsStandForNamesOnly(t *testing.T) {
	a, n := plan(t), 0
	recorded := recordedCalls(t)
	for who, role := range rolesOfPrograms {
		for _, s := range a.one(t, "", "AWS::IAM::Role", "RoleName="+role).permissions() {
			for _, res := range s.resources {
				head, found := strings.CutSuffix(fmt.Sprint(res), "/*")
				if !found || !strings.HasPrefix(head, "arn:aws:s3:::") {
					continue
				}
				n++
				parts := map[string]bool{}
				for _, c := range recorded[who] {
					if rest, ok := strings.CutPrefix(c.resource, head+"/"); ok && slices.Contains(s.actions, c.action) {
						part, _, _ := strings.Cut(rest, "/")
						parts[part] = true
					}
				}
				if !strings.Contains(strings.TrimPrefix(head, "arn:aws:s3:::"), "/") {
					t.Errorf("%s of %s reaches the whole bucket, and what it does is in %v", s.where, role, parts)
				}
			}
		}
	}
	if n < 10 {
		t.Errorf("only %d statements on objects were looked at", n)
	}
}
