import { mount } from 'svelte';
import Page from './Plan.svelte';

mount(Page, { target: document.getElementById('app')! });
