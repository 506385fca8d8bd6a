// Command lambda-zip puts a program into the archive that AWS Lambda deploys:
// one file, named bootstrap, executable. The same program gives the same bytes
// on any machine and day, so that an unchanged function is not deployed again.
package main

import (
	"archive/zip"
	"bytes"
	"compress/flate"
	"crypto/sha256"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"
)

// most is what we allow ourselves: a large archive makes cold starts slow.
const most = 15 << 20

func main() {
	out := flag.String("o", "", "archive to write")
	flag.Parse()
	if *out == "" || flag.NArg() != 1 {
		fmt.Fprintln(os.Stderr, "usage: lambda-zip -o ARCHIVE PROGRAM")
		os.Exit(2)
	}
	if err := write(*out, flag.Arg(0)); err != nil {
		fmt.Fprintln(os.Stderr, "lambda-zip:", err)
		os.Exit(1)
	}
}

func write(out, program string) error {
	data, err := os.ReadFile(program) // #nosec G304 -- whoever builds names it
	if err != nil {
		return err
	}
	b, err := archive(data)
	if err != nil {
		return err
	}
	if len(b) > most {
		return fmt.Errorf("%s would have %d bytes, at most %d are allowed", out, len(b), most)
	}
	if err := os.MkdirAll(filepath.Dir(out), 0o750); err != nil {
		return err
	}
	if err := os.WriteFile(out, b, 0o600); err != nil {
		return err
	}
	fmt.Printf("%s: %.1f MB from %.1f MB, sha256 %x\n", out, float64(len(b))/1e6, float64(len(data))/1e6, sha256.Sum256(b))
	return nil
}

// archive depends on the program's bytes alone.
func archive(program []byte) ([]byte, error) {
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	z.RegisterCompressor(zip.Deflate, func(w io.Writer) (io.WriteCloser, error) { return flate.NewWriter(w, flate.BestCompression) })
	h := &zip.FileHeader{Name: "bootstrap", Method: zip.Deflate, Modified: time.Date(1980, 1, 1, 0, 0, 0, 0, time.UTC)}
	h.SetMode(0o755)
	w, err := z.CreateHeader(h)
	if err != nil {
		return nil, err
	}
	if _, err := w.Write(program); err != nil {
		return nil, err
	}
	err = z.Close() // writes the directory
	return b.Bytes(), err
}
