package httpapi

import (
	"context"
	"net/http"
	"strings"

	"github.com/danielgtaylor/huma/v2"
)

// pmtiles is the registered type of PMTiles archives.
const pmtiles = "application/vnd.pmtiles"

// tileRoutes serve the basemap of each city as one file, of which a map reads
// ranges. Which tile lies where is in the file: no tile server is needed.
func (a *api) tileRoutes() {
	op := operation("GET", "/tiles/{slug}.pmtiles", "get-tiles", "The basemap of a city, a PMTiles archive; Range requests work", 404, 406)
	a.rawAt("/tiles/{file}", op, map[string]*huma.MediaType{pmtiles: {}}, func(w http.ResponseWriter, r *http.Request) {
		slug, ok := strings.CutSuffix(r.PathValue("file"), ".pmtiles")
		if !ok || a.Basemap == nil {
			notFound.fault("There is no such basemap.").write(w)
			return
		}
		archive, digest, err := a.Basemap(r.Context(), slug)
		if err != nil {
			faultOf(a.fault(r.Context(), err)).write(w)
			return
		}
		// The page asks for one version by its digest, which never changes.
		cache := "public, max-age=3600"
		if v := r.URL.Query().Get("v"); len(v) >= 12 && strings.HasPrefix(digest, v) {
			cache = "public, max-age=31536000, immutable"
		}
		serveTagged(w, r, pmtiles, cache, `"`+digest[:24]+`"`, archive)
	}, pathParam("slug", "City, by its slug"))
}

// Basemaps gives the archive of a city and the SHA-256 of its bytes in hex;
// run.ErrUnknownCity when there is none.
type Basemaps func(ctx context.Context, slug string) (archive []byte, digest string, err error)
