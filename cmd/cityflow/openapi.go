package main

import "github.com/malikobaid/cityflow/internal/httpapi"

type openapiCmd struct{}

func (openapiCmd) Run(e *env) error {
	_, err := e.stdout.Write(append(httpapi.OpenAPI(buildVersion()), '\n'))
	return err
}
