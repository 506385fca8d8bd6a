// Package web holds the built web pages inside the binary.
//
// The pages are built by `npm run build` in this folder into dist/, which is
// not committed; only dist/.keep is, so that `go build` works on a checkout
// without Node. Callers ask Built before they promise pages: a binary made
// without them must say so rather than serve an empty site. It leans on
// nothing else of CityFlow.
package web

import (
	"embed"
	"fmt"
	"io/fs"
)

// The prefix "all:" keeps dist/.keep, without which an unbuilt checkout would
// not compile.
//
//go:embed all:dist
var dist embed.FS

// FS is the built site: index.html, assets/, config/site.json. It holds only
// `.keep` when the pages were not built.
func FS() fs.FS {
	sub, err := fs.Sub(dist, "dist")
	if err != nil {
		// The folder is embedded above; its name is a constant.
		panic(fmt.Sprintf("web: embedded folder %q: %v", "dist", err))
	}
	return sub
}

// Built says whether the binary carries the pages.
func Built() bool {
	_, err := fs.Stat(FS(), "index.html")
	return err == nil
}
