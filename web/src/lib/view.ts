// Where the reader looks: centre and zoom of a map in the address of the page,
// so that a link shows what its sender saw.
import type { Map as GLMap } from 'maplibre-gl';

export interface View {
  lon: number;
  lat: number;
  zoom: number;
}

/** "-2.9871,51.5842,13.2"; undefined when that is no place on a map. */
export function readView(text: string | null): View | undefined {
  const n = /^(-?\d{1,3}(?:\.\d+)?),(-?\d{1,2}(?:\.\d+)?),(\d{1,2}(?:\.\d+)?)$/.exec(text ?? '')?.slice(1).map(Number);
  if (!n || Math.abs(n[0]!) > 180 || Math.abs(n[1]!) > 85 || n[2]! > 24) return undefined;
  return { lon: n[0]!, lat: n[1]!, zoom: n[2]! };
}

/** About ten metres and a tenth of a zoom step: more would only make the link longer. */
export const writeView = (v: View): string => `${v.lon.toFixed(4)},${v.lat.toFixed(4)},${v.zoom.toFixed(1)}`;

/** Looks where the address says, and writes there what the reader moves to. */
export function followAddress(map: GLMap): void {
  const wanted = readView(new URLSearchParams(location.search).get('at'));
  if (wanted) map.jumpTo({ center: [wanted.lon, wanted.lat], zoom: wanted.zoom });
  map.on('moveend', (e) => {
    // The map's own first look is no choice of the reader.
    if (!('originalEvent' in e) || !e.originalEvent) return;
    const { lng, lat } = map.getCenter();
    const url = new URL(location.href);
    url.searchParams.set('at', writeView({ lon: lng, lat, zoom: map.getZoom() }));
    history.replaceState(null, '', url.href.replace(/%2C/g, ','));
  });
}
