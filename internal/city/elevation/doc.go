// Package elevation reads terrain heights from a GeoTIFF: one band of heights
// in metres on a regular grid of longitude and latitude, which is what public
// terrain models (SRTM, Copernicus, national ones) come as.
//
// What is read: classic TIFF of either byte order; strips or tiles; samples of 8
// to 64 bits, signed, unsigned or floating; no compression, LZW, Deflate or
// PackBits, with predictors; the grid by ModelPixelScaleTag with one tie point
// or by ModelTransformationTag without rotation; GDAL's "no data" value. A map
// projection is refused with the command that removes it: a wrong reprojection
// would shift hills unseen.
//
// The format: TIFF 6.0 (Adobe 1992), its Technical Note 3 (predictor 3), and
// the OGC GeoTIFF Standard 1.1 (19-008r4). Only LZW comes from a library
// (golang.org/x/image), whose TIFF reader knows neither signed and floating
// samples nor where the grid lies.
//
// Hostile files cost bounded memory: dimensions and tables are checked against
// limits and against the bytes at hand before anything is allocated, and a
// decompressed block never grows beyond what the header announced.
package elevation
