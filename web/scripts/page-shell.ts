import { existsSync, readFileSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import type { Plugin } from 'vite';

/** The pages of the site. `nav` is the label in the navigation; pages without one are reached from a run. */
export const pages: { file: string; title: string; nav?: string; description: string }[] = [
  { file: 'index.html', title: 'What would change if we built this?', nav: 'Home', description: 'Pick a real city, draw a tram line, and see who gains, by how much, and how sure we are.' },
  { file: 'city.html', title: 'City', description: 'What is known of one city, where it comes from, and how the model compares with what was observed.' },
  { file: 'plan.html', title: 'Plan a change', nav: 'Plan', description: 'Choose where a new tram line starts and ends, and run it on a real city.' },
  { file: 'results.html', title: 'Results', description: 'What the change does, with the range of every number.' },
  { file: 'jobs.html', title: 'Runs', nav: 'Runs', description: 'Runs started from this browser.' },
  { file: 'api.html', title: 'API', nav: 'API', description: 'The HTTP interface of CityFlow, from its OpenAPI document.' },
  { file: 'about.html', title: 'About the data and the model', nav: 'About', description: 'Where the data comes from, what the model does, and what it cannot say.' },
];

const escape = (s: string) => s.replace(/&/g, '&amp;').replace(/</g, '&lt;').replace(/"/g, '&quot;');

function header(current: string): string {
  const links = pages
    .filter((p) => p.nav)
    .map((p) => `<li><a href="/web/${p.file}"${p.file === current ? ' aria-current="page"' : ''}>${p.nav}</a></li>`)
    .join('');
  return `<a class="skip" href="#main">Skip to content</a>
    <header class="site"><div class="wrap">
      <a class="brand" href="/web/index.html"><svg viewBox="0 0 32 20" width="32" height="20" aria-hidden="true" focusable="false"><path d="M4 16 C11 16 10 4 17 4 H28" fill="none" stroke="currentColor" stroke-width="3.2" stroke-linecap="round"/><circle cx="4" cy="16" r="3.4" class="dot"/><circle cx="28" cy="4" r="3.4" class="dot"/></svg>CityFlow</a>
      <nav aria-label="Pages"><ul>${links}</ul></nav>
    </div></header>`;
}

const footer = `<footer class="site"><div class="wrap">
      <p>CityFlow is open source (MIT). A model, not a forecast: read <a href="/web/about.html">what it can and cannot say</a>.</p>
      <p>Streets © OpenStreetMap contributors (ODbL). Each city names its sources on its results.</p>
    </div></footer>`;

/** Packages under the Apache License 2.0 that do not carry its text. */
const apacheWithoutText = ['@aws-rum/web-core', '@aws-rum/web-slim'];

/** Writes head, navigation and footer into the delivered HTML of every page, and empties dist except `.keep`. */
export function pageShell(): Plugin {
  return {
    name: 'cityflow-page-shell',
    buildStart() {
      const dist = join(import.meta.dirname, '..', 'dist');
      if (this.environment?.mode === 'dev') return;
      for (const name of readdirSync(dist)) if (name !== '.keep') rmSync(join(dist, name), { recursive: true });
    },
    // The licences of what is delivered travel with it.
    generateBundle(_options, bundle) {
      const modules = join(import.meta.dirname, '..', 'node_modules');
      const packages = new Set(['@fontsource-variable/figtree']);
      for (const chunk of Object.values(bundle)) {
        if (chunk.type !== 'chunk') continue;
        for (const id of chunk.moduleIds) {
          const name = /node_modules\/((?:@[^/]+\/)?[^/]+)\//.exec(id)?.[1];
          if (name) packages.add(name);
        }
      }
      // One text for all that share it.
      const texts = new Map<string, string[]>();
      for (const name of [...packages].sort()) {
        const folder = join(modules, apacheWithoutText.includes(name) ? '@smithy/signature-v4' : name);
        // A package without a text has the one of its repository here.
        const kept = join(import.meta.dirname, 'licences', `${name}.txt`);
        const file = readdirSync(folder).find((f) => /^licen[cs]e(\.(md|txt))?$/i.test(f));
        if (!file && !existsSync(kept)) throw new Error(`${name} is delivered without a licence text`);
        const text = readFileSync(file ? join(folder, file) : kept, 'utf8').trim();
        texts.set(text, [...(texts.get(text) ?? []), name]);
      }
      const source = [...texts].map(([text, names]) => `${names.join(', ')}\n${'='.repeat(72)}\n\n${text}\n`).join('\n\n');
      this.emitFile({ type: 'asset', fileName: 'licences.txt', source });
    },
    transformIndexHtml: {
      order: 'pre',
      handler(html, ctx) {
        const file = ctx.path.replace(/^\//, '') || 'index.html';
        const page = pages.find((p) => p.file === file);
        if (!page) throw new Error(`${file} is not in the list of pages`);
        const head = `<meta charset="utf-8">
    <meta name="viewport" content="width=device-width, initial-scale=1">
    <title>${escape(page.title)} · CityFlow</title>
    <meta name="description" content="${escape(page.description)}">
    <meta name="color-scheme" content="light dark">
    <link rel="icon" type="image/svg+xml" href="/favicon.svg">
    <link rel="preload" as="font" type="font/woff2" crossorigin href="/node_modules/@fontsource-variable/figtree/files/figtree-latin-wght-normal.woff2">
    <link rel="preload" as="fetch" crossorigin href="/web/config/site.json">
    <link rel="stylesheet" href="/src/styles/main.css">`;
        return html.replace('<!-- head -->', () => head).replace('<!-- header -->', () => header(file)).replace('<!-- footer -->', () => footer);
      },
    },
  };
}
