import Page from './Plan.svelte';
import { show } from './show';

show(Page);
