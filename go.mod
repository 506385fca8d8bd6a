module github.com/malikobaid/cityflow

go 1.26

require (
	github.com/goccy/go-yaml v1.15.23
	github.com/google/go-cmp v0.7.0
	github.com/gowebpki/jcs v1.0.1
	github.com/klauspost/compress v1.17.11
	github.com/paulmach/osm v0.8.0
	gonum.org/v1/gonum v0.16.0
	pgregory.net/rapid v1.2.0
)

require (
	github.com/datadog/czlib v0.0.0-20160811164712-4bc9a24e37f2 // indirect
	github.com/paulmach/orb v0.11.1 // indirect
	github.com/paulmach/protoscan v0.2.1 // indirect
	go.mongodb.org/mongo-driver v1.11.4 // indirect
	google.golang.org/protobuf v1.27.1 // indirect
)
