import { describe, expect, it } from 'vitest';
import { inlines, parseMarkdown, safeHref } from '../../src/lib/markdown';

describe('markdown', () => {
  it('reads the blocks that insights use', () => {
    const tree = parseMarkdown('# Title #\n\nA line\nthat goes on.\n\n- one\n  goes on\n- **two**\n\n1. first\n2. second\n\n> said\n\n---\n\n```\ncode <b>\n```\n\n| A | B |\n|---|--:|\n| x | 1 |\n');
    expect(tree.map((b) => b.t)).toEqual(['heading', 'paragraph', 'list', 'list', 'quote', 'rule', 'code', 'table']);
    expect(tree[1]).toEqual({ t: 'paragraph', children: [{ t: 'text', text: 'A line that goes on.' }] });
    expect(tree[2]).toMatchObject({ ordered: false, items: [{ children: [{ text: 'one goes on' }] }, { children: [{ t: 'strong' }] }] });
    expect(tree[3]).toMatchObject({ ordered: true, items: [{}, {}] });
    expect(tree[6]).toEqual({ t: 'code', text: 'code <b>' });
    expect(tree[7]).toMatchObject({ align: ['left', 'right'], rows: [[[{ text: 'x' }], [{ text: '1' }]]] });
  });
  it('nests lists', () => {
    expect(parseMarkdown('- a\n  - b\n  - c\n- d')).toMatchObject([{ t: 'list', items: [{ blocks: [{ t: 'list', items: [{}, {}] }] }, { blocks: [] }] }]);
  });
  it('keeps markup as text: there is no node for HTML', () => {
    expect(parseMarkdown('<script>alert(1)</script>')).toEqual([{ t: 'paragraph', children: [{ t: 'text', text: '<script>alert(1)</script>' }] }]);
    expect(inlines('<img src=x onerror=alert(1)>')).toEqual([{ t: 'text', text: '<img src=x onerror=alert(1)>' }]);
  });
  it('links only to safe addresses', () => {
    expect(safeHref('https://example.org/a')).toBe('https://example.org/a');
    expect(safeHref('/web/about.html')).toBe('/web/about.html');
    for (const bad of ['javascript:alert(1)', ' JavaScript:alert(1)', 'data:text/html,x', '//evil.example', 'vbscript:x', 'java\tscript:x']) expect(safeHref(bad), bad).toBeUndefined();
    expect(inlines('[x](javascript:alert)')).toEqual([{ t: 'text', text: 'x' }]);
  });
  it('reads emphasis, code and escapes, and leaves sums and names alone', () => {
    expect(inlines('a **b** *c* `d*e*` \\*f\\*').map((n) => n.t)).toEqual(['text', 'strong', 'text', 'em', 'text', 'code', 'text']);
    expect(inlines('2 * 3 * 4 and worker_lost_twice')).toEqual([{ t: 'text', text: '2 * 3 * 4 and worker_lost_twice' }]);
    expect(inlines('**never closed')).toEqual([{ t: 'text', text: '**never closed' }]);
  });
  it('ends on hostile input', () => {
    expect(parseMarkdown('> '.repeat(5000) + 'x').length).toBe(1);
    expect(parseMarkdown('**'.repeat(3000)).length).toBe(1);
    expect(parseMarkdown('['.repeat(3000) + '](x'.repeat(300)).length).toBe(1);
    expect(parseMarkdown('- '.repeat(2000)).length).toBe(1);
  });
});
