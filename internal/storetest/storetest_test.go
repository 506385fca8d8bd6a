package storetest

import (
	"testing"

	"gocloud.dev/blob"
	"gocloud.dev/blob/fileblob"
	"gocloud.dev/blob/memblob"
)

func TestMemory(t *testing.T) {
	Run(t, func(*testing.T) *blob.Bucket { return memblob.OpenBucket(nil) })
}

// As cmd/cityflow opens it.
func TestFolder(t *testing.T) {
	Run(t, func(t *testing.T) *blob.Bucket {
		b, err := fileblob.OpenBucket(t.TempDir(), &fileblob.Options{NoTempDir: true, Metadata: fileblob.MetadataDontWrite})
		if err != nil {
			t.Fatal(err)
		}
		return b
	})
}
