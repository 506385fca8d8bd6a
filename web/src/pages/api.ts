import { mount } from 'svelte';
import Page from './Api.svelte';

mount(Page, { target: document.getElementById('app')! });
