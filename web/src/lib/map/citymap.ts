// The map of one city: our own tiles, nothing from anybody else. Loaded only
// when a map is about to be seen. Colours come from the page's own custom
// properties, so map, legend and tables cannot disagree, and both themes work.
import 'maplibre-gl/dist/maplibre-gl.css';
import workerUrl from 'maplibre-gl/dist/maplibre-gl-worker.mjs?worker&url';
import { LngLatBounds, Map as GLMap, Marker, NavigationControl, Popup, ScaleControl, setWorkerUrl, type ExpressionSpecification, type GeoJSONSource, type LayerSpecification, type MapGeoJSONFeature, type StyleSpecification } from 'maplibre-gl';
import type { FeatureCollection, Geometry } from 'geojson';
import type { Access, Links } from '../api/types';
import { number, percent, signed } from '../format';
import type { StopOption } from '../stops';
import { DOT, SOURCE, ZOOMS, dot, fontFaces, ground, names, palette, type Palette } from './basemap';
import { minutesStep, timeLimits, volumeStep } from './scale';

export { openTiles } from './pmtiles';

setWorkerUrl(workerUrl);

export type View = 'volumes' | 'access_before' | 'access_after' | 'access_change';
type Place = { lon: number; lat: number; name: string };

export interface Options {
  container: HTMLElement;
  /** west, south, east, north */
  bounds: [number, number, number, number];
  /** The basemap, opened by openTiles; without it the streets alone are drawn. */
  tiles?: string;
  streets: string;
  label: string;
  onError?: (message: string) => void;
}

const empty: FeatureCollection = { type: 'FeatureCollection', features: [] };
const MAJOR = ['motorway', 'motorway_link', 'trunk', 'trunk_link', 'primary', 'primary_link', 'secondary', 'secondary_link'];
const MIDDLE = ['tertiary', 'tertiary_link', 'unclassified', 'busway'];
const zoomed = (...stops: number[]): ExpressionSpecification => ['interpolate', ['exponential', 1.5], ['zoom'], ...stops];

export class CityMap {
  readonly map: GLMap;
  private readonly popup = new Popup({ closeButton: false, closeOnClick: false, maxWidth: '280px', offset: 10 });
  private readonly dark = matchMedia('(prefers-color-scheme: dark)');
  private readonly repaint = () => this.paint();
  private readonly observer: ResizeObserver;
  private markers: Marker[] = [];
  private view: View = 'volumes';
  private steps = { volume: 1, minutes: 1, times: [10, 20, 30, 40] as [number, number, number, number] };
  private loaded: Promise<void>;
  private plain = false;
  /** The colours of the basemap as it is drawn now; for tests. */
  colours: Palette = palette(false, false);

  constructor(private readonly options: Options) {
    const still = matchMedia('(prefers-reduced-motion: reduce)').matches;
    this.map = new GLMap({
      container: options.container,
      style: this.style(),
      bounds: options.bounds,
      fitBoundsOptions: { padding: 12 },
      // Nobody gets lost, and a zoomed-out view still has the city in it.
      maxBounds: [options.bounds[0] - 0.25, options.bounds[1] - 0.15, options.bounds[2] + 0.25, options.bounds[3] + 0.15],
      attributionControl: false,
      dragRotate: false,
      pitchWithRotate: false,
      touchPitch: false,
      fadeDuration: still ? 0 : 200,
      cooperativeGestures: false,
      locale: { 'Map.Title': options.label },
    });
    this.map.once('style.load', () => this.map.addImage(DOT, dot(), { sdf: true, pixelRatio: 2 }));
    this.map.touchZoomRotate.disableRotation();
    this.map.keyboard.disableRotation();
    this.map.addControl(new NavigationControl({ showCompass: false }), 'top-right');
    this.map.addControl(new ScaleControl({ maxWidth: 110 }), 'bottom-left');
    this.map.on('error', (e) => options.onError?.(e.error?.message ?? 'The map could not be drawn.'));
    this.loaded = new Promise((done) => this.map.once('load', () => done()));
    // Tells a waiting reader (and a test) that what is seen is all there is.
    this.map.on('idle', () => (options.container.dataset.state = 'idle'));
    this.map.on('dataloading', () => (options.container.dataset.state = 'loading'));
    // The instance on the element: for the console and for browser tests.
    Object.assign(options.container, { cityMap: this });
    this.dark.addEventListener('change', this.repaint);
    this.observer = new ResizeObserver(() => this.map.resize());
    this.observer.observe(options.container);
  }

  destroy(): void {
    this.dark.removeEventListener('change', this.repaint);
    this.observer.disconnect();
    this.map.remove();
  }

  /** Stops to pick from: a click on or near one answers with its option. */
  async pickStops(stops: StopOption[], onPick: (stop: StopOption) => void): Promise<void> {
    await this.loaded;
    const byId = new Map(stops.map((s) => [s.id, s]));
    this.data('stops', { type: 'FeatureCollection', features: stops.map((s) => ({ type: 'Feature', properties: { id: s.id, label: s.label }, geometry: { type: 'Point', coordinates: [s.lon, s.lat] } })) });
    const near = (point: { x: number; y: number }) => this.nearest(['stops'], point, 14);
    this.map.on('mousemove', (e) => {
      const hit = near(e.point);
      this.map.getCanvas().style.cursor = hit ? 'pointer' : '';
      if (hit) this.say(e.lngLat, [String(hit.properties.label)]);
      else this.popup.remove();
    });
    this.map.on('mouseout', () => this.popup.remove());
    this.map.on('click', (e) => {
      const stop = byId.get(String(near(e.point)?.properties.id));
      if (stop) onPick(stop);
    });
  }

  /** Looks at the two ends with their surroundings, as the first view of a plan. */
  async look(...places: { lon: number; lat: number }[]): Promise<void> {
    await this.loaded;
    const box = new LngLatBounds();
    for (const p of places) box.extend([p.lon, p.lat]);
    this.fit(box);
  }

  /** The two ends of the line being planned; the dashed line only says which two belong together. */
  async ends(start: StopOption | undefined, end: StopOption | undefined): Promise<void> {
    await this.loaded;
    this.clearMarkers();
    for (const [stop, letter] of [[start, 'A'], [end, 'B']] as const) if (stop) this.mark(stop, letter, 'pin', 'center');
    this.data('draft', start && end ? { type: 'FeatureCollection', features: [{ type: 'Feature', properties: {}, geometry: { type: 'LineString', coordinates: [[start.lon, start.lat], [end.lon, end.lat]] } }] } : empty);
  }

  /** Quiet streets, so that the results stand out. */
  async results(links: Links | undefined, access: Access | undefined, replications: number): Promise<void> {
    this.plain = true;
    await this.loaded;
    if (links) {
      this.steps.volume = volumeStep(links.features.flatMap((f) => (f.properties.kind === 'link' ? [f.properties] : [])));
      this.data('links', links);
      this.frame(links);
      const stops = links.features.flatMap((f) => (f.properties.kind === 'stop' && f.geometry.type === 'Point' ? [{ lon: f.geometry.coordinates[0]!, lat: f.geometry.coordinates[1]!, name: f.properties.name }] : []));
      const [first, last] = [stops[0], stops.at(-1)];
      this.clearMarkers();
      // Names stand outside the line: beside its ends, or above and below them where there is little room.
      const small = this.options.container.clientWidth < 560;
      if (first && last)
        for (const [place, other] of [[first, last], [last, first]] as [Place, Place][]) {
          if (small) this.mark(place, place.name, 'place', place.lat >= other.lat ? 'bottom' : 'top', [0, place.lat >= other.lat ? -12 : 12]);
          else this.mark(place, place.name, 'place', place.lon <= other.lon ? 'right' : 'left', [place.lon <= other.lon ? -12 : 12, 0]);
        }
    }
    if (access) {
      this.steps.minutes = minutesStep(access.features.map((f) => f.properties.diff_min));
      this.steps.times = timeLimits(access.features.flatMap((f) => [f.properties.baseline_min, f.properties.scenario_min]));
      this.data('access', access);
    }
    this.paint();
    const tell = (e: { point: { x: number; y: number }; lngLat: { lng: number; lat: number } }) => {
      const hit = this.nearest(this.view === 'volumes' ? ['line-stops', 'links-clear', 'links-same'] : ['line-stops', 'access'], e.point, 6);
      if (!hit) return void this.popup.remove();
      this.say(e.lngLat, this.view !== 'volumes' && hit.layer.id === 'access' ? accessWords(hit.properties) : linkWords(hit.properties, replications));
    };
    this.map.on('mousemove', tell);
    this.map.on('click', tell);
    this.map.on('mouseout', () => this.popup.remove());
  }

  async show(view: View): Promise<void> {
    await this.loaded;
    this.view = view;
    this.popup.remove();
    this.paint();
  }

  /** Puts one street of the table into view. */
  async focusLink(way: number, name: string): Promise<void> {
    await this.loaded;
    const features = this.map.querySourceFeatures('links', { filter: ['all', ['==', ['get', 'kind'], 'link'], ['==', ['get', 'way'], way], ['==', ['get', 'name'], name]] });
    const box = boundsOf(features.map((f) => f.geometry));
    if (box) this.map.fitBounds(box, { padding: 80, maxZoom: 15.5, animate: !matchMedia('(prefers-reduced-motion: reduce)').matches });
  }

  /** The line with its surroundings; without a line, the clear changes. */
  private frame(links: Links): void {
    const of = (kind: string) => boundsOf(links.features.filter((f) => f.properties.kind === kind && (f.properties.kind !== 'link' || f.properties.clear)).map((f) => f.geometry));
    this.fit(of('line') ?? of('link'));
  }

  private fit(box: LngLatBounds | undefined): void {
    if (!box || box.isEmpty()) return;
    const { clientWidth: w, clientHeight: h } = this.options.container;
    this.map.fitBounds(box, { padding: { left: Math.max(w / 6, Math.min(80, w / 4)), right: Math.max(w / 6, Math.min(80, w / 4)), top: h / 5, bottom: h / 5 }, maxZoom: 14, animate: false });
  }

  private nearest(layers: string[], point: { x: number; y: number }, reach: number): MapGeoJSONFeature | undefined {
    const found = this.map.queryRenderedFeatures([[point.x - reach, point.y - reach], [point.x + reach, point.y + reach]], { layers: layers.filter((l) => this.map.getLayer(l)) });
    const away = (f: MapGeoJSONFeature) => {
      if (f.geometry.type !== 'Point') return reach;
      const at = this.map.project(f.geometry.coordinates as [number, number]);
      return Math.hypot(at.x - point.x, at.y - point.y);
    };
    return found.sort((a, b) => away(a) - away(b))[0];
  }

  /** Text nodes only: names come from files and are never markup. */
  private say(at: { lng: number; lat: number }, lines: string[]): void {
    const box = document.createElement('div');
    lines.forEach((text, i) => {
      const el = document.createElement(i === 0 ? 'b' : 'div');
      el.textContent = text;
      box.append(el);
    });
    this.popup.setLngLat(at).setDOMContent(box).addTo(this.map);
  }

  private mark(place: Place, text: string, className: string, anchor: 'center' | 'left' | 'right' | 'top' | 'bottom', offset: [number, number] = [0, 0]): void {
    const element = document.createElement('div');
    element.className = className;
    element.textContent = text;
    // The same names stand in the form or in the tables.
    const marker = new Marker({ element, anchor, offset }).setLngLat([place.lon, place.lat]).addTo(this.map);
    element.setAttribute('aria-hidden', 'true');
    element.removeAttribute('role');
    element.removeAttribute('aria-label');
    element.removeAttribute('tabindex');
    this.markers.push(marker);
  }

  private clearMarkers(): void {
    for (const m of this.markers) m.remove();
    this.markers = [];
  }

  private data(source: string, data: FeatureCollection): void {
    this.map.getSource<GeoJSONSource>(source)?.setData(data);
  }

  private paint(): void {
    const style = this.style();
    for (const layer of style.layers) {
      if (!this.map.getLayer(layer.id)) continue;
      for (const [k, v] of Object.entries(layer.paint ?? {})) this.map.setPaintProperty(layer.id, k as never, v as never);
      for (const [k, v] of Object.entries(layer.layout ?? {})) this.map.setLayoutProperty(layer.id, k as never, v as never);
    }
  }

  private style(): StyleSpecification {
    const css = getComputedStyle(document.documentElement);
    const c = (name: string) => css.getPropertyValue(`--${name}`).trim();
    const visible = (on: boolean) => ({ visibility: on ? ('visible' as const) : ('none' as const) });
    const is = (kind: string): ExpressionSpecification => ['==', ['get', 'kind'], kind];
    const road = (id: string, classes: string[] | null, color: string, width: ExpressionSpecification): LayerSpecification => ({
      id,
      type: 'line',
      source: 'streets',
      filter: classes ? ['in', ['get', 'class'], ['literal', classes]] : ['!', ['in', ['get', 'class'], ['literal', [...MAJOR, ...MIDDLE]]]],
      layout: { 'line-cap': 'round', 'line-join': 'round' },
      paint: { 'line-color': color, 'line-width': width },
    });
    const s = this.steps.volume;
    const m = this.steps.minutes;
    const t = this.steps.times;
    const signed = (key: string, step: number, zero: number): ExpressionSpecification => ['step', ['get', key], c('less-3'), -2 * step, c('less-2'), -step, c('less-1'), -zero, c('same'), zero, c('more-1'), step, c('more-2'), 2 * step, c('more-3')];
    const timed = (key: string): ExpressionSpecification => ['step', ['get', key], c('seq-1'), t[0], c('seq-2'), t[1], c('seq-3'), t[2], c('seq-4'), t[3], c('seq-5')];
    const volume: ExpressionSpecification = ['sqrt', ['max', 1, ['get', 'baseline'], ['get', 'scenario']]];
    const wide = (factor: number): ExpressionSpecification => ['interpolate', ['linear'], ['zoom'], 10, ['max', 1.2, ['*', 0.05 * factor, volume]], 14, ['max', 2, ['*', 0.15 * factor, volume]], 17, ['max', 4, ['*', 0.4 * factor, volume]]];
    // A street has one link each way: they stand side by side, not on top of each other.
    const volumes = this.view === 'volumes';
    const quiet = this.plain ? c('map-quiet') : undefined;
    const { tiles, bounds } = this.options;
    const p = (this.colours = palette(this.dark.matches, this.plain));
    const below: LayerSpecification[] = tiles
      ? ground(p)
      : [
          { id: 'land', type: 'background', paint: { 'background-color': c('map-land') } },
          road('minor', null, quiet ?? c('map-minor'), zoomed(10, 0.4, 13, 1.1, 15, 3.5, 18, 14)),
          road('middle', MIDDLE, quiet ?? c('map-middle'), zoomed(10, 0.7, 13, 2, 15, 5.5, 18, 18)),
          road('major', MAJOR, quiet ?? c('map-major'), zoomed(10, 1.4, 13, 3.4, 15, 8, 18, 24)),
        ];
    const margin = [(bounds[2] - bounds[0]) / 20, (bounds[3] - bounds[1]) / 20] as const;
    return {
      version: 8,
      'font-faces': fontFaces,
      // Colours change at once with the theme: a half-way colour means nothing.
      transition: { duration: 0, delay: 0 },
      sources: {
        ...(tiles
          ? { [SOURCE]: { type: 'vector' as const, tiles: [`pmtiles://${tiles}/{z}/{x}/{y}`], ...ZOOMS, bounds: [bounds[0] - margin[0], bounds[1] - margin[1], bounds[2] + margin[0], bounds[3] + margin[1]] } }
          : { streets: { type: 'geojson' as const, data: this.options.streets, maxzoom: 15, tolerance: 0.4 } }),
        stops: { type: 'geojson', data: empty },
        draft: { type: 'geojson', data: empty },
        links: { type: 'geojson', data: empty, tolerance: 0.2 },
        access: { type: 'geojson', data: empty },
      },
      layers: [
        ...below,
        { id: 'links-same', type: 'line', source: 'links', filter: ['all', is('link'), ['!', ['get', 'clear']]], layout: { 'line-cap': 'round', ...visible(volumes) }, paint: { 'line-color': c('same'), 'line-width': zoomed(10, 0.8, 14, 1.6, 17, 3) } },
        { id: 'links-clear', type: 'line', source: 'links', filter: ['all', is('link'), ['get', 'clear']], layout: { 'line-cap': 'round', 'line-join': 'round', 'line-sort-key': ['abs', ['get', 'diff']], ...visible(volumes) }, paint: { 'line-color': signed('diff', s, s / 1000), 'line-width': wide(1), 'line-offset': wide(0.5) } },
        {
          id: 'access',
          type: 'circle',
          source: 'access',
          layout: visible(!volumes),
          paint: {
            'circle-radius': ['interpolate', ['linear'], ['zoom'], 10, ['*', 0.16, ['sqrt', ['max', 1, ['get', 'residents']]]], 15, ['*', 0.75, ['sqrt', ['max', 1, ['get', 'residents']]]]],
            'circle-color': this.view === 'access_before' ? timed('baseline_min') : this.view === 'access_after' ? timed('scenario_min') : signed('diff_min', m, Math.min(0.1, m / 2)),
            'circle-stroke-color': c('map-halo'),
            'circle-stroke-width': 0.75,
            'circle-opacity': 0.95,
          },
        },
        { id: 'draft-halo', type: 'line', source: 'draft', layout: { 'line-cap': 'round' }, paint: { 'line-color': c('map-halo'), 'line-width': 6, 'line-opacity': 0.8 } },
        { id: 'draft', type: 'line', source: 'draft', layout: { 'line-cap': 'round' }, paint: { 'line-color': c('line'), 'line-width': 3, 'line-dasharray': [1, 2] } },
        { id: 'line-halo', type: 'line', source: 'links', filter: is('line'), layout: { 'line-cap': 'round', 'line-join': 'round' }, paint: { 'line-color': c('map-halo'), 'line-width': zoomed(10, 5, 14, 9, 17, 14) } },
        { id: 'line', type: 'line', source: 'links', filter: is('line'), layout: { 'line-cap': 'round', 'line-join': 'round' }, paint: { 'line-color': c('line'), 'line-width': zoomed(10, 3, 14, 5.5, 17, 9) } },
        ...(tiles ? names(p, this.plain) : []),
        { id: 'line-stops', type: 'circle', source: 'links', filter: is('stop'), paint: { 'circle-radius': zoomed(10, 3, 14, 5.5, 17, 8), 'circle-color': c('map-halo'), 'circle-stroke-color': c('line'), 'circle-stroke-width': 2.5 } },
        { id: 'stops', type: 'circle', source: 'stops', paint: { 'circle-radius': zoomed(10, 1.6, 13, 3.6, 16, 8), 'circle-color': c('map-halo'), 'circle-stroke-color': c('map-stop'), 'circle-stroke-width': zoomed(10, 0.8, 13, 1.4, 16, 2.5) } },
      ],
    };
  }
}

/** The box around some geometries, read without trusting their kind. */
function boundsOf(geometries: Geometry[]): LngLatBounds | undefined {
  const box = new LngLatBounds();
  const walk = (c: unknown): void => {
    if (!Array.isArray(c)) return;
    if (typeof c[0] === 'number' && typeof c[1] === 'number') box.extend([c[0], c[1]]);
    else c.forEach(walk);
  };
  for (const g of geometries) if ('coordinates' in g) walk(g.coordinates);
  return box.isEmpty() ? undefined : box;
}

// A missing figure must not become a zero.
const figure = (v: unknown): number | null => (typeof v === 'number' ? v : null);

const words = {
  share: (v: unknown) => percent(figure(v)),
  whole: (v: unknown) => number(figure(v), 0),
  signedWhole: (v: unknown) => signed(figure(v), 0),
  minutes: (v: unknown) => `${number(figure(v), 1)} min`,
  signedMinutes: (v: unknown) => `${signed(figure(v), 1)} min`,
};

function accessWords(p: Record<string, unknown>): string[] {
  return [
    String(p.area || 'Homes'),
    `${words.whole(p.residents)} residents`,
    `${words.minutes(p.baseline_min)} before, ${words.minutes(p.scenario_min)} after (${words.signedMinutes(p.diff_min)})`,
    `Jobs within 30 min: ${words.share(p.jobs30_baseline)} before, ${words.share(p.jobs30_scenario)} after`,
  ];
}

function linkWords(p: Record<string, unknown>, replications: number): string[] {
  if (p.kind !== 'link') return [String(p.name || 'Stop')];
  const range = `${words.signedWhole(p.diff)} (${words.signedWhole(p.ci_lo)} to ${words.signedWhole(p.ci_hi)}), ${replications} runs`;
  return [String(p.name || `Street without a name (way ${String(p.way)})`), p.clear ? `${range}` : `Does not stand out: ${range}`, `${words.whole(p.baseline)} vehicles before, ${words.whole(p.scenario)} after`];
}
