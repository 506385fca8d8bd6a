package main

import (
	"embed"
	"io/fs"
	"os"
)

// page is the built web page: a folder where one is named (for working on the
// page), else the one inside the binary.
func page(dir string) fs.FS {
	if dir != "" {
		return os.DirFS(dir)
	}
	return embed.FS{} // empty: the server says how to build the page
}
