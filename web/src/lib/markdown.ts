// A small Markdown reader for the insights. It gives a tree of known nodes, which
// Markdown.svelte draws as elements; there is no way to HTML in between, so text
// from a model or a file can never become markup. Links keep only safe addresses.

export type Inline =
  | { t: 'text'; text: string }
  | { t: 'strong'; children: Inline[] }
  | { t: 'em'; children: Inline[] }
  | { t: 'code'; text: string }
  | { t: 'link'; href: string; children: Inline[] };

export type Block =
  | { t: 'heading'; level: number; children: Inline[] }
  | { t: 'paragraph'; children: Inline[] }
  | { t: 'list'; ordered: boolean; items: { children: Inline[]; blocks: Block[] }[] }
  | { t: 'quote'; blocks: Block[] }
  | { t: 'code'; text: string }
  | { t: 'table'; head: Inline[][]; rows: Inline[][][]; align: ('left' | 'right' | 'center')[] }
  | { t: 'rule' };

const DEEPEST = 8;

export function parseMarkdown(source: string): Block[] {
  return blocks(source.replace(/\r\n?/g, '\n').replace(/\t/g, '    ').split('\n'), 0);
}

const listMark = /^( *)([-*+]|\d{1,9}[.)]) +(.*)$/;
const divider = /^ *\|?( *:?-+:? *\|)*( *:?-+:? *)\|? *$/;

function blocks(lines: string[], depth: number): Block[] {
  const out: Block[] = [];
  if (depth > DEEPEST) return [{ t: 'paragraph', children: [{ t: 'text', text: lines.join(' ') }] }];
  let i = 0;
  while (i < lines.length) {
    const line = lines[i]!;
    if (line.trim() === '') {
      i++;
      continue;
    }
    const fence = /^ {0,3}(```+|~~~+)/.exec(line);
    if (fence) {
      const body: string[] = [];
      for (i++; i < lines.length && !lines[i]!.trim().startsWith(fence[1]!); i++) body.push(lines[i]!);
      i++;
      out.push({ t: 'code', text: body.join('\n') });
      continue;
    }
    const heading = /^ {0,3}(#{1,6}) +(.*?) *#* *$/.exec(line);
    if (heading) {
      out.push({ t: 'heading', level: heading[1]!.length, children: inlines(heading[2]!) });
      i++;
      continue;
    }
    if (/^ {0,3}([-*_])( *\1){2,} *$/.test(line)) {
      out.push({ t: 'rule' });
      i++;
      continue;
    }
    if (/^ {0,3}>/.test(line)) {
      const body: string[] = [];
      for (; i < lines.length && /^ {0,3}>/.test(lines[i]!); i++) body.push(lines[i]!.replace(/^ {0,3}> ?/, ''));
      out.push({ t: 'quote', blocks: blocks(body, depth + 1) });
      continue;
    }
    if (listMark.test(line)) {
      const [list, next] = readList(lines, i, depth);
      out.push(list);
      i = next;
      continue;
    }
    if (line.includes('|') && i + 1 < lines.length && divider.test(lines[i + 1]!) && lines[i + 1]!.includes('-')) {
      const head = cells(line);
      const align = cells(lines[i + 1]!).map((c) => (/^:-+:$/.test(c) ? 'center' : /-:$/.test(c) ? 'right' : 'left')) as ('left' | 'right' | 'center')[];
      const rows: Inline[][][] = [];
      for (i += 2; i < lines.length && lines[i]!.includes('|'); i++) {
        const row = cells(lines[i]!);
        rows.push(head.map((_, c) => inlines(row[c] ?? '')));
      }
      out.push({ t: 'table', head: head.map(inlines), rows, align });
      continue;
    }
    const body: string[] = [];
    for (; i < lines.length && lines[i]!.trim() !== '' && (body.length === 0 || !startsBlock(lines[i]!)); i++) body.push(lines[i]!.trim());
    out.push({ t: 'paragraph', children: inlines(body.join(' ')) });
  }
  return out;
}

const startsBlock = (line: string): boolean => /^ {0,3}(#{1,6} |>|```|~~~)/.test(line) || listMark.test(line);

function readList(lines: string[], start: number, depth: number): [Block, number] {
  const first = listMark.exec(lines[start]!)!;
  const indent = first[1]!.length;
  const ordered = /\d/.test(first[2]!);
  const items: { children: Inline[]; blocks: Block[] }[] = [];
  let i = start;
  while (i < lines.length) {
    const mark = listMark.exec(lines[i]!);
    if (!mark || mark[1]!.length > indent + 3 || mark[1]!.length < indent || /\d/.test(mark[2]!) !== ordered) break;
    const text = [mark[3]!];
    const inner: string[] = [];
    for (i++; i < lines.length; i++) {
      const line = lines[i]!;
      const deeper = line.startsWith(' '.repeat(indent + 2));
      if (line.trim() === '') {
        // A blank line belongs to the item only when something deeper follows.
        if (lines[i + 1]?.startsWith(' '.repeat(indent + 2))) inner.push('');
        else break;
      } else if (deeper) inner.push(line.slice(indent + 2));
      else if (listMark.test(line) || startsBlock(line)) break;
      else if (inner.length === 0) text.push(line.trim());
      else break;
    }
    // Indented plain lines straight after the mark continue its sentence.
    while (inner.length > 0 && inner[0]!.trim() !== '' && !startsBlock(inner[0]!.trimStart())) text.push(inner.shift()!.trim());
    items.push({ children: inlines(text.join(' ')), blocks: blocks(inner, depth + 1) });
    while (i < lines.length && lines[i]!.trim() === '' && listMark.test(lines[i + 1] ?? '')) i++;
  }
  return [{ t: 'list', ordered, items }, i];
}

function cells(line: string): string[] {
  return line.trim().replace(/^\|/, '').replace(/\|$/, '').split(/(?<!\\)\|/).map((c) => c.trim().replace(/\\\|/g, '|'));
}

/** Addresses a reader may be sent to; anything else stays text. */
export function safeHref(href: string): string | undefined {
  const h = href.trim();
  if (/^(https?:\/\/|mailto:)/i.test(h) || /^(#|\/(?!\/)|\.\.?\/)/.test(h)) return h;
  return undefined;
}

export function inlines(text: string, depth = 0): Inline[] {
  const out: Inline[] = [];
  let plain = '';
  const flush = () => {
    if (plain) out.push({ t: 'text', text: plain });
    plain = '';
  };
  let i = 0;
  while (i < text.length) {
    const rest = text.slice(i);
    if (rest[0] === '\\' && /^\\[\\`*_{}[\]()#+\-.!|<>~]/.test(rest)) {
      plain += rest[1];
      i += 2;
      continue;
    }
    const code = /^(`+)(.+?)\1(?!`)/.exec(rest);
    if (code) {
      flush();
      out.push({ t: 'code', text: code[2]!.trim() });
      i += code[0].length;
      continue;
    }
    if (depth < DEEPEST) {
      const strong = /^(\*\*|__)(?=\S)(.+?\S?)\1/.exec(rest);
      if (strong && (strong[1] === '**' || !/\w/.test(text[i - 1] ?? ''))) {
        flush();
        out.push({ t: 'strong', children: inlines(strong[2]!, depth + 1) });
        i += strong[0].length;
        continue;
      }
      const em = /^([*_])(?=[^\s*_])(.*?[^\s*_])\1(?![\w*])/.exec(rest);
      if (em && !/\w/.test(text[i - 1] ?? '')) {
        flush();
        out.push({ t: 'em', children: inlines(em[2]!, depth + 1) });
        i += em[0].length;
        continue;
      }
      const link = /^\[([^\]]*)\]\(([^()\s]*)(?: +"[^"]*")?\)/.exec(rest);
      if (link) {
        flush();
        const children = inlines(link[1]!, depth + 1);
        const href = safeHref(link[2]!);
        if (href) out.push({ t: 'link', href, children });
        else out.push(...children);
        i += link[0].length;
        continue;
      }
    }
    plain += text[i];
    i++;
  }
  flush();
  return out;
}
