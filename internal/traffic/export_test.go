package traffic

import "github.com/malikobaid/cityflow/internal/units"

// Platoon tells tests whose platoon it is and when it wants to leave.
func (s *Scenario) Platoon(size int, id uint32) (orig, dest units.NodeID, vehicles int, departS float64) {
	p := cut(s, size)
	for i, r := range s.Rows {
		if id < p.first[i+1] {
			return r.Orig, r.Dest, p.vehicles(id), p.departS(i, id-p.first[i])
		}
	}
	panic("no such platoon")
}

// Platoons is how many there are.
func (s *Scenario) Platoons(size int) uint32 { return cut(s, size).num() }
