package build

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/malikobaid/cityflow/internal/city"
)

func TestCarChargesAreCheckedTogether(t *testing.T) {
	c, err := parseConfig([]byte(goodYAML + `
car_charges:
  - {what: Parking, amounts: {work: 20, leisure: 7}, area: [[0, 0], [1, 0], [0, 1]], spares_residents: true, source: assumption, assumed: true}
`))
	if err != nil {
		t.Fatal(err)
	}
	want := []city.CarCharge{{What: "Parking", Area: [][2]float64{{0, 0}, {1, 0}, {0, 1}}, SparesResidents: true, Source: "assumption", Assumed: true}}
	want[0].Amounts[city.Work], want[0].Amounts[city.Leisure] = 20, 7
	if d := cmp.Diff(want, carCharges(c.CarCharges)); d != "" {
		t.Error(d)
	}
	_, err = parseConfig([]byte(goodYAML + `
car_charges:
  - {what: "", amounts: {job: 1, work: -1, leisure: .nan}, area: [[0, 0], [181, 0]], source: ""}
  - {what: Parking, area: [[0, 0], [1, 0], [0, 1]], source: assumption}
`))
	if err == nil {
		t.Fatal("no error")
	}
	for _, at := range []string{"[0].what", "[0].source", "[0].amounts.job", "[0].amounts.work", "[0].amounts.leisure", "[0].area", "[0].area[1]", "[1].amounts"} {
		if !strings.Contains(err.Error(), "city.yaml: car_charges"+at+":") {
			t.Errorf("%s is not reported in:\n%v", at, err)
		}
	}
	many := goodYAML + "car_charges:\n" + strings.Repeat("  - {what: a, amounts: {work: 1}, area: [[0, 0], [1, 0], [0, 1]], source: b}\n", maxCharges+1)
	if _, err := parseConfig([]byte(many)); err == nil {
		t.Error("any number is accepted")
	}
}
