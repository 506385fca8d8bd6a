package main

type smokeCmd struct{}

func (smokeCmd) Run(e *env) error { return nil }
