import Page from './Home.svelte';
import { show } from './show';

show(Page);
