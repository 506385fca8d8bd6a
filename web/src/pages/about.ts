import Page from './About.svelte';
import { show } from './show';

show(Page);
