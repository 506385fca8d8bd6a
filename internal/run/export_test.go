package run

// SettleQuickly makes the engine settle with fewer persons and iterations: for
// tests of whether something runs, not of what comes out. The states it keeps
// are not those of their keys: give it a source of its own.
func (e *Engine) SettleQuickly(persons, iterations int) {
	e.settling = settling{persons, iterations}
}
