import { mount } from 'svelte';
import Page from './Home.svelte';

mount(Page, { target: document.getElementById('app')! });
