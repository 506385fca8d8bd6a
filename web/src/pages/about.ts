import { mount } from 'svelte';
import Page from './About.svelte';

mount(Page, { target: document.getElementById('app')! });
