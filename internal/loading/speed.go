package loading

import "math"

// SpeedMS is the mean present speed of the vehicles on link l at the end of the
// last Advance; its free speed when it is empty, 0 when all stand.
//
// It is read off Newell's solution: a platoon that free flow has brought to where
// the queue is moves as the queue does, and the queue at a distance y from the
// end repeats the flow q that left the link y/w ago, at speed q/(k_j - q/w).
// Between the exits of two platoons the flow is taken as even.
func (ld *Loader) SpeedMS(l int) float64 {
	k := &ld.links[l]
	length := float64(ld.lengthM[l])
	free := length / k.freeS
	if k.out == k.in {
		return free
	}
	jam, wave := ld.storage[l]/length, math.Inf(1)
	if k.waveS > 0 {
		wave = length / k.waveS
	}
	now := ld.now
	// The stretch of queue under look, from its near end: it left the link at
	// exit rates of flow, and over vehicles stand between it and the end at y.
	j := k.out // platoon whose exit begins the stretch, plus one
	oldest := k.wave
	var y, ahead, flow, far float64
	until := now
	step := func() {
		if j == oldest || j == 0 {
			flow, far = 0, math.Inf(1)
			return
		}
		j--
		s := &ld.slots[k.base+j&k.mask]
		span := until - s.t
		if until == now {
			span = max(span, float64(s.size)*k.outS)
		}
		// Above capacity only when the diagram has changed since.
		flow = min(float64(s.size)/span, 1/k.headS)
		until = s.t
		far = (now - s.t) * wave
	}
	step()
	if until < now { // part of the last platoon may still be passing the end
		ahead = flow*(now-until) - float64(ld.slots[k.base+j&k.mask].size)
	}
	var moving, all, count float64
	for i := k.out; i != k.in; i++ {
		s := &ld.slots[k.base+i&k.mask]
		v := free
		if s.pace > 0 {
			v = min(v, 1/float64(s.pace))
		}
		// Position of the platoon in the queue: where count vehicles are ahead.
		at := y
		for {
			density := jam - flow/wave
			at = y + (count-ahead)/density
			if at <= far || j == 0 && math.IsInf(far, 1) {
				break
			}
			ahead += (far - y) * density
			y = far
			step()
		}
		if v*(now-s.t) > length-at {
			v = min(v, flow/(jam-flow/wave))
		}
		moving += v * float64(s.size)
		all += float64(s.size)
		count += float64(s.size)
	}
	return moving / all
}

// Closed reports that nobody may enter link l.
func (ld *Loader) Closed(l int) bool { return ld.links[l].closed || !ld.usable[l] }

// FreeS is the present free-flow time of link l, seconds.
func (ld *Loader) FreeS(l int) float64 { return ld.links[l].freeS }
