package main

import (
	"crypto/sha256"
	"debug/buildinfo"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"regexp"
	"slices"
)

type spdxPackage struct {
	Name             string    `json:"name"`
	ID               string    `json:"SPDXID"`
	Version          string    `json:"versionInfo"`
	DownloadLocation string    `json:"downloadLocation"`
	FilesAnalyzed    bool      `json:"filesAnalyzed"`
	External         []spdxRef `json:"externalRefs"`
}

type spdxRef struct {
	Category string `json:"referenceCategory"`
	Type     string `json:"referenceType"`
	Locator  string `json:"referenceLocator"`
}

type spdxRelation struct {
	From string `json:"spdxElementId"`
	Type string `json:"relationshipType"`
	To   string `json:"relatedSpdxElement"`
}

// sbom lists what a program was built from, as SPDX 2.3: the toolchain wrote
// every module with its version into it.
func sbom(program io.ReaderAt, version string) ([]byte, error) {
	info, err := buildinfo.Read(program)
	if err != nil {
		return nil, fmt.Errorf("what it was built from cannot be read: %w", err)
	}
	notID := regexp.MustCompile(`[^A-Za-z0-9.-]+`)
	pkg := func(path, version string) spdxPackage {
		return spdxPackage{Name: path, ID: "SPDXRef-" + notID.ReplaceAllString(path+"-"+version, "-"), Version: version, DownloadLocation: "NOASSERTION",
			External: []spdxRef{{"PACKAGE-MANAGER", "purl", "pkg:golang/" + path + "@" + version}}}
	}
	main := pkg(info.Main.Path, version)
	packages := []spdxPackage{main, pkg("stdlib", info.GoVersion)}
	for _, d := range info.Deps {
		if d.Replace != nil {
			d = d.Replace
		}
		packages = append(packages, pkg(d.Path, d.Version))
	}
	slices.SortFunc(packages[1:], func(a, b spdxPackage) int {
		if a.Name < b.Name {
			return -1
		}
		return 1
	})
	relations := []spdxRelation{{"SPDXRef-DOCUMENT", "DESCRIBES", main.ID}}
	for _, p := range packages[1:] {
		relations = append(relations, spdxRelation{main.ID, "DEPENDS_ON", p.ID})
	}
	list, err := json.Marshal(packages)
	if err != nil {
		return nil, err
	}
	sum := sha256.Sum256(list)
	return json.MarshalIndent(map[string]any{
		"spdxVersion": "SPDX-2.3", "dataLicense": "CC0-1.0", "SPDXID": "SPDXRef-DOCUMENT", "name": "cityflow-" + version,
		"documentNamespace": "https://github.com/malikobaid/cityflow/sbom/" + hex.EncodeToString(sum[:]),
		"creationInfo":      map[string]any{"created": "1970-01-01T00:00:00Z", "creators": []string{"Tool: cityflow ship"}},
		"packages":          packages, "relationships": relations,
	}, "", " ")
}
