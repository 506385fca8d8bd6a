// Package docs is this documentation as files, so that questions about CityFlow
// are answered from the same pages that people read.
package docs

import "embed"

// Pages are the Markdown files of this folder and below.
//
//go:embed *.md decisions/*.md
var Pages embed.FS
