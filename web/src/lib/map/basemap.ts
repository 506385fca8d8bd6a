// The look of the basemap: our own tiles (layers and kinds of the Protomaps
// basemap schema) in a calm light and a calm dark style. Ground, water, green and
// roads stay pale, so that what a run says, drawn above in strong colours, is
// seen first. Labels use the page's own font: no second one to load.
import figtree from '@fontsource-variable/figtree/files/figtree-latin-wght-normal.woff2?url';
import type { ExpressionSpecification, FilterSpecification, LayerSpecification, StyleSpecification } from 'maplibre-gl';

export const SOURCE = 'basemap';
/** As the tiles are made: internal/city/tiles. */
export const ZOOMS = { minzoom: 8, maxzoom: 14 };
export const fontFaces: StyleSpecification['font-faces'] = { Figtree: new URL(figtree, location.href).href };
const FONT = ['Figtree'];

const light = {
  land: '#f5f2eb',
  homes: '#efebe3',
  work: '#ece6e2',
  care: '#f3ecdc',
  farm: '#f1efe0',
  grass: '#dfe9d1',
  park: '#d2e5c3',
  pitch: '#c5dfba',
  wood: '#c6dbb9',
  marsh: '#dae6dc',
  sand: '#f2e9cf',
  paved: '#f7f4ef',
  water: '#aed0e3',
  waterText: '#3b6f90',
  building: '#e3dcd0',
  buildingEdge: '#d3cabb',
  minor: '#ffffff',
  minorEdge: '#d0c6b6',
  middle: '#fffaf0',
  middleEdge: '#c4b597',
  major: '#f9e8c1',
  majorEdge: '#c7ac76',
  motorway: '#efd29d',
  motorwayEdge: '#bd9a5c',
  path: '#c3b193',
  rail: '#aeaaa3',
  tram: '#9a8fa3',
  text: '#4b5058',
  strong: '#2b3038',
  parkText: '#4c7040',
  halo: '#fbf9f5',
};
export type Palette = typeof light;

const dark: Palette = {
  land: '#1a1d22',
  homes: '#1e2127',
  work: '#202228',
  care: '#23242a',
  farm: '#1d2122',
  grass: '#1e2823',
  park: '#1f2d25',
  pitch: '#233429',
  wood: '#1b2a22',
  marsh: '#1c2829',
  sand: '#26261f',
  paved: '#22252b',
  water: '#14303f',
  waterText: '#78a9c6',
  building: '#242830',
  buildingEdge: '#2e333c',
  minor: '#3b424d',
  minorEdge: '#15171b',
  middle: '#49515d',
  middleEdge: '#131519',
  major: '#5a6371',
  majorEdge: '#111317',
  motorway: '#727a87',
  motorwayEdge: '#0f1114',
  path: '#444a53',
  rail: '#5a5f69',
  tram: '#9386a6',
  text: '#b4b9c1',
  strong: '#dcdfe4',
  parkText: '#8db38e',
  halo: '#15181c',
};

/** Under results the roads step back and keep only their shape. */
const quietLight: Partial<Palette> = { homes: '#f2efe7', work: '#f1ede6', building: '#ebe6dc', buildingEdge: '#e2dbcf', minor: '#fbf9f5', minorEdge: '#e5dfd4', middle: '#fbf9f5', middleEdge: '#ded6c8', major: '#f9f5ec', majorEdge: '#d9cfbd', motorway: '#f3ebdb', motorwayEdge: '#d3c6af', path: '#ddd4c5', rail: '#c9c4bc', tram: '#c4bdca' };
const quietDark: Partial<Palette> = { building: '#20242a', buildingEdge: '#262a31', minor: '#272b32', middle: '#2b3038', major: '#31363f', motorway: '#393f49', path: '#2b3037', rail: '#3c4149', tram: '#454150' };

export function palette(isDark: boolean, quiet: boolean): Palette {
  return { ...(isDark ? dark : light), ...(quiet ? (isDark ? quietDark : quietLight) : {}) };
}

const kind: ExpressionSpecification = ['get', 'kind'];
const detail: ExpressionSpecification = ['get', 'kind_detail'];
const among = (what: ExpressionSpecification, ...names: string[]): FilterSpecification => ['match', what, names, true, false] as FilterSpecification;
const all = (...f: (FilterSpecification | boolean)[]): FilterSpecification => ['all', ...f] as FilterSpecification;
const no = (flag: string): FilterSpecification => ['!', ['has', flag]];
const zoomed = (base: number, ...stops: (number | ExpressionSpecification)[]): ExpressionSpecification => ['interpolate', ['exponential', base], ['zoom'], ...stops] as ExpressionSpecification;

// Pixels by class: motorway, trunk, primary, secondary, tertiary, minor, service.
const CLASSES = ['motorway', 'trunk', 'primary', 'secondary', 'tertiary', 'service', 'track'];
const WIDTHS: [number, number[]][] = [
  [8, [1.2, 0.9, 0.6, 0.4, 0, 0, 0, 0]],
  [11, [2.2, 1.9, 1.6, 1.2, 0.9, 0, 0, 0.35]],
  [12.5, [3.6, 3.2, 2.7, 2.2, 1.7, 0.4, 0.3, 0.9]],
  [14, [6, 5.6, 5, 4.2, 3.4, 1.2, 0.8, 2.3]],
  [16, [14, 13, 12, 10.5, 9.5, 4, 2.5, 7.5]],
  [18, [32, 30, 28, 26, 24, 11, 7, 20]],
];
/** Width of a road by zoom; `more` is added on both sides, for its edge. */
function width(more: (zoom: number) => number): ExpressionSpecification {
  return zoomed(1.5, ...WIDTHS.flatMap(([z, w]) => {
    const of = (px: number): ExpressionSpecification => ['case', ['has', 'is_link'], Math.max(px * 0.6, Math.min(px, 0.6)) + 2 * more(z), px + 2 * more(z)];
    return [z, ['match', detail, ...CLASSES.flatMap((c, i) => [c, of(w[i]!)]), of(w[7]!)] as ExpressionSpecification];
  }));
}
const roadWidth = width(() => 0);
const edgeWidth = width((z) => (z <= 8 ? 0.3 : z <= 11 ? 0.5 : z <= 14 ? 0.8 : 1.1));

const byClass = (p: Palette, edge: boolean): ExpressionSpecification =>
  ['match', detail, 'motorway', edge ? p.motorwayEdge : p.motorway, ['trunk', 'primary'], edge ? p.majorEdge : p.major, ['secondary', 'tertiary'], edge ? p.middleEdge : p.middle, edge ? p.minorEdge : p.minor] as ExpressionSpecification;

const round = { 'line-cap': 'round', 'line-join': 'round' } as const;
const butt = { 'line-cap': 'butt', 'line-join': 'round' } as const;

/** The map without names, from the ground up. */
export function ground(p: Palette): LayerSpecification[] {
  const line = (id: string, filter: FilterSpecification, layout: object, paint: object, minzoom = 0): LayerSpecification => ({ id: `base-${id}`, type: 'line', source: SOURCE, 'source-layer': 'roads', minzoom, filter, layout, paint }) as LayerSpecification;
  const wheels = among(kind, 'highway', 'major_road', 'minor_road');
  const level = no('is_tunnel');
  const flat = all(level, no('is_bridge'));
  const road = (where: string, filter: FilterSpecification, opacity = 1): LayerSpecification[] => [
    line(`${where}-edge`, all(wheels, filter), where === 'road' ? round : butt, { 'line-color': byClass(p, true), 'line-width': edgeWidth, 'line-opacity': opacity }),
    line(where, all(wheels, filter), where === 'road' ? round : { ...butt, 'line-cap': 'round' }, { 'line-color': byClass(p, false), 'line-width': roadWidth }),
  ];
  const path = (where: string, filter: FilterSpecification): LayerSpecification =>
    line(`path${where}`, all(among(kind, 'path'), ['!=', detail, 'pedestrian'], filter), butt, { 'line-color': p.path, 'line-width': zoomed(1.5, 12, 0.4, 13, 0.55, 15, 1.1, 18, 3), 'line-dasharray': [3, 1.4], 'line-opacity': zoomed(1, 12, 0.5, 15, 1) }, 12);
  const walk = (where: string, filter: FilterSpecification): LayerSpecification =>
    line(`walk${where}`, all(['==', detail, 'pedestrian'], filter), round, { 'line-color': p.paved, 'line-width': zoomed(1.5, 13, 0.8, 15, 3.5, 18, 13) }, 13);
  const heavy = ['in', detail, ['literal', ['rail', 'narrow_gauge', 'monorail', 'funicular']]] as FilterSpecification;
  const light_ = ['in', detail, ['literal', ['tram', 'light_rail']]] as FilterSpecification;
  const track = (where: string, filter: FilterSpecification): LayerSpecification[] => [
    line(`yard${where}`, all(['==', kind, 'rail'], ['in', detail, ['literal', ['service', 'miniature']]], filter), butt, { 'line-color': p.rail, 'line-width': zoomed(1.5, 13, 0.5, 16, 1.2, 18, 2.5), 'line-opacity': 0.6 }, 13),
    line(`tram${where}`, all(light_, filter), butt, { 'line-color': p.tram, 'line-width': zoomed(1.5, 11, 0.7, 14, 1.3, 18, 3.2) }),
    line(`rail${where}`, all(heavy, filter), butt, { 'line-color': p.rail, 'line-width': zoomed(1.5, 9, 0.7, 13, 1.8, 16, 3.4, 18, 6) }),
    line(`sleepers${where}`, all(heavy, filter), butt, { 'line-color': p.land, 'line-width': zoomed(1.5, 13, 0.9, 16, 1.9, 18, 4), 'line-dasharray': [4, 4] }, 13),
  ];
  return [
    { id: 'land', type: 'background', paint: { 'background-color': p.land } },
    {
      id: 'base-ground',
      type: 'fill',
      source: SOURCE,
      'source-layer': 'landuse',
      paint: {
        'fill-color': [
          'match', kind,
          ['residential'], p.homes,
          ['commercial', 'industrial', 'railway', 'military', 'brownfield', 'quarry', 'aerodrome'], p.work,
          ['school', 'college', 'university', 'hospital'], p.care,
          ['farmland', 'farmyard', 'orchard', 'vineyard', 'plant_nursery'], p.farm,
          ['grass', 'meadow', 'grassland', 'village_green', 'allotments', 'cemetery', 'scrub', 'nature_reserve'], p.grass,
          ['park', 'garden', 'recreation_ground', 'golf_course'], p.park,
          ['pitch', 'playground', 'stadium'], p.pitch,
          ['wood', 'forest'], p.wood,
          ['wetland'], p.marsh,
          ['beach', 'sand', 'bare_rock'], p.sand,
          ['pedestrian', 'platform', 'pier', 'parking', 'runway'], p.paved,
          p.homes,
        ] as ExpressionSpecification,
      },
    },
    { id: 'base-water-line', type: 'line', source: SOURCE, 'source-layer': 'water', filter: ['==', ['geometry-type'], 'LineString'], layout: round, paint: { 'line-color': p.water, 'line-width': zoomed(1.5, 9, ['match', kind, 'river', 1, 0.4], 14, ['match', kind, 'river', 4, 'canal', 3, 'stream', 1.3, 0.7], 18, ['match', kind, 'river', 24, 'canal', 18, 'stream', 6, 3]) } },
    { id: 'base-water', type: 'fill', source: SOURCE, 'source-layer': 'water', filter: ['==', ['geometry-type'], 'Polygon'], paint: { 'fill-color': p.water } },
    // What runs below the ground is seen through it.
    line('subway', ['==', detail, 'subway'], butt, { 'line-color': p.tram, 'line-width': zoomed(1.5, 11, 0.7, 14, 1.6, 18, 3), 'line-dasharray': [2, 1.6], 'line-opacity': 0.7 }),
    line('tunnel-edge', all(wheels, ['has', 'is_tunnel']), butt, { 'line-color': byClass(p, true), 'line-width': edgeWidth, 'line-dasharray': [1.2, 0.8], 'line-opacity': 0.5 }, 12),
    line('tunnel', all(wheels, ['has', 'is_tunnel']), butt, { 'line-color': byClass(p, false), 'line-width': roadWidth, 'line-opacity': 0.55 }, 12),
    line('rail-tunnel', all(['==', kind, 'rail'], ['!=', detail, 'subway'], ['has', 'is_tunnel']), butt, { 'line-color': p.rail, 'line-width': zoomed(1.5, 12, 0.8, 16, 2), 'line-dasharray': [3, 2], 'line-opacity': 0.6 }, 9),
    { id: 'base-building', type: 'fill', source: SOURCE, 'source-layer': 'buildings', minzoom: 14, paint: { 'fill-color': p.building, 'fill-outline-color': p.buildingEdge, 'fill-opacity': zoomed(1, 14, 0.35, 15, 1) } },
    walk('', flat),
    path('', flat),
    ...road('road', flat),
    ...track('', flat),
    walk('-bridge', ['has', 'is_bridge']),
    path('-bridge', ['has', 'is_bridge']),
    ...road('bridge', ['has', 'is_bridge']),
    ...track('-bridge', ['has', 'is_bridge']),
  ];
}

/** The dot of a station: a distance field, as the map library takes icons that it colours. */
export const DOT = 'dot';
export function dot(): { width: number; height: number; data: Uint8ClampedArray } {
  const size = 32;
  const data = new Uint8ClampedArray(size * size * 4);
  for (let i = 0; i < size * size; i++) {
    const from = Math.hypot((i % size) - size / 2 + 0.5, Math.floor(i / size) - size / 2 + 0.5);
    // A ring of radius 9 with a hole of radius 4; 8 pixels of distance, three quarters inside.
    const out = Math.max(from - 9, 4 - from);
    data[4 * i + 3] = 255 * (0.75 - out / 8);
  }
  return { width: size, height: size, data };
}

/** Names, above the lines of a run. */
export function names(p: Palette, quiet: boolean): LayerSpecification[] {
  const symbol = (id: string, layer: string, minzoom: number, filter: FilterSpecification, layout: object, color: string | ExpressionSpecification, halo = 1.4, maxzoom = 24): LayerSpecification =>
    ({ id: `name-${id}`, type: 'symbol', source: SOURCE, 'source-layer': layer, minzoom, maxzoom, filter: all(['has', id === 'ref' ? 'ref' : 'name'], filter), layout: { 'text-font': FONT, 'text-field': ['get', id === 'ref' ? 'ref' : 'name'], 'text-max-width': 8, ...layout }, paint: { 'text-color': color, 'text-halo-color': p.halo, 'text-halo-width': halo, 'icon-color': p.strong, 'icon-halo-color': p.halo, 'icon-halo-width': 1.5 } }) as LayerSpecification;
  const along = { 'symbol-placement': 'line', 'text-rotation-alignment': 'map', 'text-pitch-alignment': 'viewport', 'symbol-spacing': 320, 'text-padding': 4, 'text-max-angle': 35 };
  const small = quiet ? 1 : 0; // fewer names under results
  return [
    symbol('stream', 'water', 13, ['==', ['geometry-type'], 'LineString'], { ...along, 'text-size': 11.5, 'text-letter-spacing': 0.08 }, p.waterText),
    symbol('lane', 'roads', 15 + small, all(among(kind, 'minor_road', 'path')), { ...along, 'text-size': zoomed(1, 15, 10.5, 18, 13) }, p.text),
    symbol('street', 'roads', 13 + small, all(among(kind, 'major_road', 'highway')), { ...along, 'text-size': zoomed(1, 13, 10.5, 18, 14) }, p.text),
    symbol('ref', 'roads', 10, among(detail, 'motorway', 'trunk', 'primary'), { ...along, 'symbol-spacing': 420, 'text-rotation-alignment': 'viewport', 'text-size': 10.5, 'text-padding': 12 }, p.text, 2.2),
    symbol('lake', 'water', 12, ['==', ['geometry-type'], 'Point'], { 'text-size': 11.5, 'text-letter-spacing': 0.05 }, p.waterText),
    symbol('thing', 'pois', 15.5 + small, ['!', ['in', kind, ['literal', ['station', 'park', 'forest', 'cemetery', 'hospital', 'aerodrome', 'stadium']]]] as FilterSpecification, { 'text-size': 10.5, 'text-padding': 6 }, p.text),
    symbol('green', 'pois', 12.5 + small, among(kind, 'park', 'forest', 'cemetery'), { 'text-size': zoomed(1, 12, 10.5, 17, 12.5), 'text-padding': 6 }, p.parkText),
    symbol('care', 'pois', 13.5 + small, among(kind, 'hospital', 'stadium'), { 'text-size': 11, 'text-padding': 6 }, p.text),
    symbol('quarter', 'places', 11.5, among(detail, 'quarter', 'neighbourhood', 'hamlet', 'island', 'square'), { 'text-size': zoomed(1, 12, 11, 16, 13), 'text-letter-spacing': 0.02, 'text-padding': 8 }, p.text),
    symbol('station', 'pois', 11.5, ['==', kind, 'station'], { 'icon-image': DOT, 'icon-size': zoomed(1, 11.5, 0.65, 16, 1.1), 'text-size': zoomed(1, 12, 10.5, 16, 13), 'text-offset': [0, 0.75], 'text-anchor': 'top', 'text-padding': 6, 'text-optional': false }, p.strong, 1.6),
    symbol('suburb', 'places', 10.5, among(detail, 'suburb', 'borough', 'village'), { 'text-size': zoomed(1, 11, 11.5, 15, 15), 'text-letter-spacing': 0.06, 'text-padding': 8 }, p.text, 1.6),
    symbol('town', 'places', 8, among(detail, 'city', 'town'), { 'text-size': zoomed(1, 8, 13, 14, 21), 'text-padding': 10 }, p.strong, 1.8, 14.2),
  ];
}
