// What the API page shows of an OpenAPI 3.1 document: operations by tag, with
// schemas turned into a short type text and an example.

type Node = Record<string, unknown>;

export interface Operation {
  id: string;
  verb: string;
  path: string;
  summary: string;
  description: string;
  parameters: { name: string; where: string; required: boolean; type: string; description: string }[];
  body?: { type: string; example: string };
  responses: { status: string; description: string; type: string }[];
}
export interface Group {
  name: string;
  description: string;
  operations: Operation[];
}

const VERBS = ['get', 'post', 'put', 'patch', 'delete'];
const isNode = (v: unknown): v is Node => typeof v === 'object' && v !== null && !Array.isArray(v);
const text = (v: unknown): string => (typeof v === 'string' ? v : '');

/** Follows local references; a loop or a missing target gives an empty node. */
export function follow(doc: Node, node: unknown, depth = 0): Node {
  if (!isNode(node)) return {};
  if (typeof node.$ref !== 'string') return node;
  if (depth > 8 || !node.$ref.startsWith('#/')) return {};
  let at: unknown = doc;
  for (const part of node.$ref.slice(2).split('/')) at = isNode(at) ? at[decodeURIComponent(part).replace(/~1/g, '/').replace(/~0/g, '~')] : undefined;
  return follow(doc, at, depth + 1);
}

const nameOf = (node: unknown): string => (isNode(node) && typeof node.$ref === 'string' ? (node.$ref.split('/').pop() ?? '') : '');

export function typeText(doc: Node, schema: unknown): string {
  const name = nameOf(schema);
  if (name) return name;
  if (!isNode(schema)) return 'any';
  const types = (Array.isArray(schema.type) ? schema.type : [schema.type]).filter((t): t is string => typeof t === 'string');
  if (Array.isArray(schema.enum)) return schema.enum.map((v) => JSON.stringify(v)).join(' | ');
  if (Array.isArray(schema.oneOf)) return schema.oneOf.map((s) => typeText(doc, s)).join(' | ');
  return (types.length ? types : ['any']).map((t) => (t === 'array' ? `${typeText(doc, schema.items)}[]` : t)).join(' | ');
}

/** An example value: the document's own where it has one. */
export function example(doc: Node, schema: unknown, depth = 0): unknown {
  const s = follow(doc, schema);
  if (Array.isArray(s.examples) && s.examples.length) return s.examples[0];
  if ('example' in s) return s.example;
  if ('default' in s) return s.default;
  if (Array.isArray(s.enum)) return s.enum[0];
  if (Array.isArray(s.oneOf)) return example(doc, s.oneOf[0], depth + 1);
  const type = Array.isArray(s.type) ? s.type.find((t) => t !== 'null') : s.type;
  if (type === 'array') return depth > 4 ? [] : [example(doc, s.items, depth + 1)];
  if (type === 'object' || isNode(s.properties)) {
    if (depth > 4) return {};
    return Object.fromEntries(Object.entries(isNode(s.properties) ? s.properties : {}).filter(([k]) => k !== '$schema').map(([k, v]) => [k, example(doc, v, depth + 1)]));
  }
  if (type === 'integer' || type === 'number') return 0;
  if (type === 'boolean') return false;
  return type === 'string' ? '' : null;
}

function content(node: Node): unknown {
  const media = isNode(node.content) ? Object.values(node.content)[0] : undefined;
  return isNode(media) ? media.schema : undefined;
}

export function readOpenApi(doc: Node): Group[] {
  const groups = new Map<string, Group>();
  for (const tag of Array.isArray(doc.tags) ? doc.tags : []) if (isNode(tag)) groups.set(text(tag.name), { name: text(tag.name), description: text(tag.description), operations: [] });
  for (const [path, item] of Object.entries(isNode(doc.paths) ? doc.paths : {})) {
    if (!isNode(item)) continue;
    for (const verb of VERBS) {
      const op = item[verb];
      if (!isNode(op)) continue;
      const tag = Array.isArray(op.tags) && typeof op.tags[0] === 'string' ? op.tags[0] : 'Calls';
      const group = groups.get(tag) ?? { name: tag, description: '', operations: [] };
      groups.set(tag, group);
      const params = [...(Array.isArray(item.parameters) ? item.parameters : []), ...(Array.isArray(op.parameters) ? op.parameters : [])].map((p) => follow(doc, p));
      const schema = content(follow(doc, op.requestBody));
      group.operations.push({
        id: `${verb}-${path}`.replace(/[^a-z0-9]+/gi, '-').toLowerCase(),
        verb: verb.toUpperCase(),
        path,
        summary: text(op.summary),
        description: text(op.description),
        parameters: params.map((p) => ({ name: text(p.name), where: text(p.in), required: p.required === true, type: typeText(doc, p.schema), description: text(p.description) })),
        ...(schema === undefined ? {} : { body: { type: typeText(doc, schema), example: JSON.stringify(example(doc, schema), null, 2) } }),
        responses: Object.entries(isNode(op.responses) ? op.responses : {}).map(([status, r]) => {
          const answer = follow(doc, r);
          const s = content(answer);
          return { status, description: text(answer.description), type: s === undefined ? '' : typeText(doc, s) };
        }),
      });
    }
  }
  return [...groups.values()].filter((g) => g.operations.length > 0);
}
