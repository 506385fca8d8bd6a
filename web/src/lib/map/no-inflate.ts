// In place of the inflate in JavaScript that the tile reader brings along for
// browsers without DecompressionStream: those cannot run the map library either.
export function decompressSync(): never {
  throw new Error('This browser cannot unpack the basemap.');
}
