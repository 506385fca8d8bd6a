import { svelte } from '@sveltejs/vite-plugin-svelte';
import { resolve } from 'node:path';
import type { Plugin } from 'vite';
import { defineConfig } from 'vitest/config';
import { pageShell, pages } from './scripts/page-shell.ts';

// The reader of tiles brings an inflate for browsers that the map cannot run in
// anyway; others that use the same library keep it.
const noInflate: Plugin = {
  name: 'cityflow-no-inflate',
  enforce: 'pre',
  resolveId: (source, importer) => (source === 'fflate' && importer && /node_modules[\\/]pmtiles[\\/]/.test(importer) ? resolve(import.meta.dirname, 'src/lib/map/no-inflate.ts') : null),
};

// Plain pages under /web/: each has its own HTML with the navigation in it, so
// that a reader (or a crawler) without JavaScript still finds every page.
export default defineConfig({
  base: '/web/',
  plugins: [pageShell(), svelte(), noInflate],
  build: {
    target: 'es2022',
    // `dist/.keep` is committed so that the Go embed always has a folder.
    emptyOutDir: false,
    modulePreload: { polyfill: false },
    // Inlined data: URLs would need a wider content security policy.
    assetsInlineLimit: 0,
    // The map is one big chunk on purpose: it loads only when it is looked at.
    chunkSizeWarningLimit: 1200,
    rolldownOptions: {
      input: Object.fromEntries(pages.map((p) => [p.file.replace('.html', ''), resolve(import.meta.dirname, p.file)])),
    },
  },
  worker: { format: 'es' },
  server: { proxy: Object.fromEntries(['/v1', '/files', '/openapi.json'].map((p) => [p, process.env.CITYFLOW_API ?? 'http://127.0.0.1:8080'])) },
  test: { include: ['test/unit/**/*.test.ts'] },
});
