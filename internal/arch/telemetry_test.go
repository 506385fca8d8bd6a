package arch

import (
	"fmt"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/malikobaid/cityflow/internal/telemetry"
)

// The page about metrics lists exactly the instruments there are.
func TestTelemetryPageAndTableAgree(t *testing.T) {
	page, err := os.ReadFile(root() + "/docs/telemetry.md")
	if err != nil {
		t.Fatal(err)
	}
	var want []string
	for _, in := range telemetry.Instruments {
		want = append(want, strings.Join(strings.Fields(fmt.Sprintf("| `%s` | %s | %s | %s | %s |", in.Name, in.Kind, in.Unit, strings.Join(in.Labels, ", "), in.Help)), " "))
	}
	var got []string
	for _, line := range regexp.MustCompile("(?m)^\\| `cityflow_.*$").FindAllString(string(page), -1) {
		got = append(got, strings.Join(strings.Fields(line), " "))
	}
	if strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("the page says\n%s\nthe table says\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}
