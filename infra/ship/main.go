// Command ship builds the worker's image without an engine and pushes it. The
// image is one static program for two architectures, the certificates that it
// needs to talk to AWS, and nothing else: no shell, no packages, no root. The
// same input gives the same digest on every machine.
//
//	ship image -amd64 BIN -arm64 BIN -roots bundle.der -version V -out DIR
//	ship push -layout DIR -repository REPO -tag TAG [-user AWS] [-insecure]   (password on standard input)
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"

	"github.com/google/go-containerregistry/pkg/authn"
	// Named here so that its version is pinned; ship reads its file bundle.der.
	_ "golang.org/x/crypto/x509roots/fallback"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, os.Args[1:], os.Stdin, os.Stdout); err != nil {
		fmt.Fprintf(os.Stderr, "ship: %v\n", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string, stdin io.Reader, stdout io.Writer) error {
	if len(args) == 0 {
		return errors.New("want image or push")
	}
	fs := flag.NewFlagSet("ship "+args[0], flag.ContinueOnError)
	switch args[0] {
	case "image":
		var in input
		fs.StringVar(&in.binaries[0], "amd64", "", "program for linux/amd64")
		fs.StringVar(&in.binaries[1], "arm64", "", "program for linux/arm64")
		fs.StringVar(&in.roots, "roots", "", "certificates, DER one after another")
		fs.StringVar(&in.version, "version", "", "version for the labels")
		out := fs.String("out", "", "folder of the OCI layout, made anew")
		if err := fs.Parse(args[1:]); err != nil {
			return err
		}
		digest, err := write(in, *out)
		if err != nil {
			return err
		}
		fmt.Fprintln(stdout, digest)
		return nil
	case "push":
		layout := fs.String("layout", "", "folder of the OCI layout")
		repository := fs.String("repository", "", "registry and repository")
		tag := fs.String("tag", "", "tag; one that is there stays what it is")
		user := fs.String("user", "", "user; the password comes on standard input")
		insecure := fs.Bool("insecure", false, "allow plain HTTP (a registry on this machine)")
		if err := fs.Parse(args[1:]); err != nil {
			return err
		}
		auth := authn.Anonymous
		if *user != "" {
			password, err := io.ReadAll(io.LimitReader(stdin, 64<<10))
			if err != nil {
				return err
			}
			auth = &authn.Basic{Username: *user, Password: strings.TrimSpace(string(password))}
		}
		ref, err := push(ctx, *layout, *repository, *tag, auth, *insecure)
		if err != nil {
			return err
		}
		fmt.Fprintln(stdout, ref)
		return nil
	}
	return fmt.Errorf("%q: want image or push", args[0])
}
