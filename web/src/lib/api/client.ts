// The one gateway to the service: every request of the pages goes through here,
// so that addresses, errors and limits are treated in one place.
import type { Access, CityDetail, CityInfo, Insights, JobAnswer, JobList, Links, Problem, ProblemDocument, RunRequest, SiteConfig, Status, Submitted, Summary } from './types';

/** A request that did not give an answer. `status` is 0 when the service could not be reached. */
export class ApiError extends Error {
  readonly status: number;
  readonly title: string;
  readonly problems: Problem[];
  constructor(status: number, title: string, detail: string, problems: Problem[] = []) {
    super(detail || title);
    this.status = status;
    this.title = title;
    this.problems = problems;
  }
}

/** Reads an error answer: problem+json where there is one, plain words for the rest. */
export function toApiError(status: number, contentType: string, body: string): ApiError {
  if (contentType.includes('json')) {
    try {
      const doc = JSON.parse(body) as ProblemDocument;
      const problems = (Array.isArray(doc.errors) ? doc.errors : []).map((p) => ({ path: String(p.path ?? ''), message: String(p.message ?? ''), valid: Array.isArray(p.valid) ? p.valid.map(String) : [] }));
      return new ApiError(status, doc.title || titleOf(status), doc.detail ?? '', problems);
    } catch {
      // Not JSON after all: fall through to the words by status.
    }
  }
  return new ApiError(status, titleOf(status), '');
}

function titleOf(status: number): string {
  if (status === 404) return 'There is nothing at this address.';
  if (status === 401 || status === 403) return 'This is not open to you.';
  if (status === 429) return 'Too many requests. Please wait a little.';
  if (status >= 500) return 'The service has a problem. Please try again.';
  return `The service refused the request (${status}).`;
}

/** Base addresses with no trailing slash and no trailing /v1; "" is this origin. */
export function normaliseBase(url: string): string {
  return url.trim().replace(/\/+$/, '').replace(/\/v1$/, '');
}

let site: Promise<SiteConfig> | undefined;

/** The site configuration; a missing file means "all from this origin". */
export function siteConfig(): Promise<SiteConfig> {
  site ??= fetch('/web/config/site.json')
    .then((r) => (r.ok ? (r.json() as Promise<Partial<SiteConfig>>) : {}))
    .catch(() => ({}))
    .then((c: Partial<SiteConfig>) => ({
      apiBaseUrl: normaliseBase(c.apiBaseUrl ?? ''),
      filesBaseUrl: (c.filesBaseUrl || '/files').trim().replace(/\/+$/, ''),
      featureFlags: c.featureFlags ?? {},
      rum: c.rum ?? null,
      version: c.version ?? '',
    }));
  return site;
}

async function request(url: string, init?: RequestInit): Promise<Response> {
  let response: Response;
  try {
    response = await fetch(url, init);
  } catch (e) {
    if (init?.signal?.aborted) throw e;
    throw new ApiError(0, 'The service cannot be reached.', 'Check the connection, or whether the service is running, and try again.');
  }
  if (!response.ok) throw toApiError(response.status, response.headers.get('content-type') ?? '', await response.text());
  return response;
}

async function json<T>(url: string, init?: RequestInit): Promise<T> {
  const response = await request(url, init);
  try {
    return (await response.json()) as T;
  } catch {
    throw new ApiError(response.status, 'The answer of the service could not be read.', '');
  }
}

async function api(path: string): Promise<string> {
  return (await siteConfig()).apiBaseUrl + path;
}

/** Absolute addresses: the map reads them in its own worker, where relative ones mean nothing. */
const absolute = (url: string): string => new URL(url, location.href).href;

const post = (body?: unknown): RequestInit =>
  body === undefined ? { method: 'POST' } : { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) };

const id = encodeURIComponent;

export const client = {
  cities: async () => json<CityInfo[]>(await api('/v1/cities')),
  city: async (slug: string) => json<CityDetail>(await api(`/v1/cities/${id(slug)}`)),
  /** Absolute address of the drawable streets; the map reads it in its own worker. */
  /** The basemap lies beside the files of jobs; a city compiled without one has none. */
  tilesUrl: async (city: CityInfo) => (city.tiles_url ? new URL(city.tiles_url, new URL((await siteConfig()).filesBaseUrl, location.href)).href : undefined),
  streetsUrl: async (city: CityDetail) => absolute(/^https?:/i.test(city.streets_url) ? city.streets_url : await api(`/${city.streets_url.replace(/^\/+/, '')}`)),
  submit: async (body: RunRequest) => json<Submitted>(await api('/v1/submit'), post(body)),
  status: async (job: string, signal?: AbortSignal) => json<Status>(await api(`/v1/status/${id(job)}`), { cache: 'no-cache', ...(signal ? { signal } : {}) }),
  cancel: async (job: string) => void (await request(await api(`/v1/jobs/${id(job)}/cancel`), post())),
  jobs: async () => {
    const list = await json<JobList | Status[]>(await api('/v1/jobs'));
    return (Array.isArray(list) ? list : list.jobs) ?? [];
  },
  insights: async (job: string) => json<Insights>(await api(`/v1/insights/${id(job)}`), post()),
  ask: async (job: string, query: string) => json<JobAnswer>(await api(`/v1/insights/${id(job)}/chat`), post({ query })),
  /** Signs this browser in to a private deployment; the token stays in a cookie that no script can read. */
  signIn: async (token: string) => void (await request(await api('/v1/session'), { method: 'POST', headers: { authorization: `Bearer ${token}` } })),
  openapi: async () => json<Record<string, unknown>>(await api('/openapi.json')),
  artifactUrl: async (job: string, name: string) => absolute(`${(await siteConfig()).filesBaseUrl}/jobs/${id(job)}/${id(name)}`),
  summary: async (job: string) => json<Summary>(await client.artifactUrl(job, 'summary.json')),
  links: async (job: string) => json<Links>(await client.artifactUrl(job, 'links.geojson')),
  access: async (job: string) => json<Access>(await client.artifactUrl(job, 'access.geojson')),
  text: async (job: string, name: string) => (await request(await client.artifactUrl(job, name))).text(),
};
