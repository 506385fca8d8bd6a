import { mount } from 'svelte';
import Page from './Jobs.svelte';

mount(Page, { target: document.getElementById('app')! });
