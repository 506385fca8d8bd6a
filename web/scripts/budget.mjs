// Weighs what a reader downloads, compressed with brotli as a server sends it, and
// fails when a page is over its budget. Kilobytes are 1000 bytes.
import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { brotliCompressSync, constants } from 'node:zlib';

const dist = join(dirname(fileURLToPath(import.meta.url)), '..', 'dist');
const weigh = (bytes) => brotliCompressSync(bytes, { params: { [constants.BROTLI_PARAM_QUALITY]: 11 } }).length;
const assets = new Map(readdirSync(join(dist, 'assets')).map((f) => [f, readFileSync(join(dist, 'assets', f))]));
const isFont = (f) => f.endsWith('.woff2');
// A font is compressed already and goes over the wire as it is.
const size = (f) => (isFont(f) ? assets.get(f).length : weigh(assets.get(f)));
const isMap = (f) => /^(citymap|maplibre)/.test(f);

/** Everything an asset pulls in by a static import. */
function closure(start) {
  const seen = new Set();
  const todo = [...start];
  while (todo.length) {
    const f = todo.pop();
    if (seen.has(f) || !assets.has(f)) continue;
    seen.add(f);
    if (f.endsWith('.js')) for (const m of assets.get(f).toString().matchAll(/(?:from|import)\s*["']\.\/([^"']+)["']/g)) todo.push(m[1]);
  }
  return seen;
}

const rows = [];
const app = new Set();
for (const page of readdirSync(dist).filter((f) => f.endsWith('.html'))) {
  const html = readFileSync(join(dist, page));
  const linked = closure([...html.toString().matchAll(/\/web\/assets\/([^"']+)/g)].map((m) => m[1]));
  const mine = [...linked].filter((f) => !isMap(f) && !isFont(f));
  mine.forEach((f) => app.add(f));
  rows.push([`${page} before its map`, weigh(html) + mine.reduce((n, f) => n + size(f), 0), 60_000]);
}
const total = (names) => names.reduce((n, f) => n + size(f), 0);
rows.push(['app code of all pages', total([...app]), 80_000]);
rows.push(['map chunk (library, worker, style)', total([...assets.keys()].filter(isMap)), 380_000]);
rows.push(['measuring of visits, after a yes', total([...closure([...assets.keys()].filter((f) => /^visits-.*\.js$/.test(f)))].filter((f) => !app.has(f))), 40_000]);
rows.push(['fonts', total([...assets.keys()].filter(isFont)), 30_000]);

let over = 0;
for (const [what, bytes, limit] of rows) {
  if (bytes > limit) over++;
  console.log(`${bytes > limit ? 'OVER' : 'ok  '}  ${what.padEnd(36)} ${(bytes / 1000).toFixed(1).padStart(7)} kB of ${limit / 1000} kB`);
}
process.exit(over ? 1 : 0);
