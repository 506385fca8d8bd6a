import { mount, unmount } from 'svelte';
import Consent from '../components/Consent.svelte';
import type { RumConfig } from './api/types';

/** Puts the question below the page, where it covers nothing and moves nothing. */
export function ask(rum: RumConfig, version: string): void {
  const bar = mount(Consent, { target: document.body, props: { rum, version, onanswered: () => void unmount(bar) } });
}
