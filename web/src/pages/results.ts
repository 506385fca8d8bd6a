import Page from './Results.svelte';
import { show } from './show';

show(Page);
