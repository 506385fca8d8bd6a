import { mount, type Component } from 'svelte';
import { siteConfig } from '../lib/api/client';
import { offer } from '../lib/consent';

/** Every page begins here: the page first, then what the operator configured about visits. */
export function show(page: Component): void {
  mount(page, { target: document.getElementById('app')! });
  void siteConfig().then((site) => offer(site.rum, site.version));
}
