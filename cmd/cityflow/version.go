package main

import (
	"github.com/malikobaid/cityflow/internal/city"
	"github.com/malikobaid/cityflow/internal/run"
)

func versions() map[string]any {
	return map[string]any{"version": buildVersion(), "model": run.ModelVersion, "pack_format": city.PackFormat}
}
