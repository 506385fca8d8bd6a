package main

import (
	"io/fs"
	"os"

	site "github.com/malikobaid/cityflow/web"
)

// page is the built web page: a folder where one is named (for working on the
// page), else the one inside the binary.
func page(dir string) fs.FS {
	if dir != "" {
		return os.DirFS(dir)
	}
	return site.FS()
}
