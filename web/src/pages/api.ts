import Page from './Api.svelte';
import { show } from './show';

show(Page);
