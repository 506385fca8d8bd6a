import { mount } from 'svelte';
import Page from './Results.svelte';

mount(Page, { target: document.getElementById('app')! });
