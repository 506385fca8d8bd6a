module github.com/malikobaid/cityflow

go 1.26

require (
	github.com/google/go-cmp v0.7.0
	github.com/gowebpki/jcs v1.0.1
	gonum.org/v1/gonum v0.16.0
	pgregory.net/rapid v1.2.0
)
