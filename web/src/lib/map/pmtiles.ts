// The tiles of one city out of one file, read by byte ranges.
import { addProtocol } from 'maplibre-gl';
import { PMTiles } from 'pmtiles';

const archives = new Map<string, PMTiles>();

/** Opens a basemap and makes it known to maps; false when it cannot be read. */
export async function openTiles(url: string): Promise<boolean> {
  if (archives.size === 0) {
    addProtocol('pmtiles', async ({ url: tile }, { signal }) => {
      const [, archive, z, x, y] = /^pmtiles:\/\/(.+)\/(\d+)\/(\d+)\/(\d+)$/.exec(tile) ?? [];
      const found = await archives.get(archive ?? '')?.getZxy(Number(z), Number(x), Number(y), signal);
      signal.throwIfAborted();
      // No tile is an empty one: there is nothing to draw, and nothing is wrong.
      return { data: found?.data ?? new ArrayBuffer(0) };
    });
  }
  try {
    const archive = archives.get(url) ?? new PMTiles(url);
    await archive.getHeader();
    archives.set(url, archive);
    return true;
  } catch (e) {
    console.warn('basemap:', e);
    return false;
  }
}
