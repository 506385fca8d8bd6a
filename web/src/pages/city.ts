import Page from './City.svelte';
import { show } from './show';

show(Page);
