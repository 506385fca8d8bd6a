import Page from './Jobs.svelte';
import { show } from './show';

show(Page);
