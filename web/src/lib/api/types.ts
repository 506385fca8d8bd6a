// The JSON contract as the pages use it: a hand-kept mirror of the Go package
// `spec` (same field names) plus the two map artifacts. test/unit/contract.test.ts
// reads the Go sources and fails when a field here or there is missing.
import type { FeatureCollection, LineString, Point } from 'geojson';

export type State = 'queued' | 'running' | 'complete' | 'failed' | 'cancelled';
export type Mode = 'car' | 'bike' | 'walk' | 'transit';
export type Verdict = 'clear_increase' | 'clear_decrease' | 'no_clear_change';
export type Interval = [lo: number, hi: number];

export interface Window {
  from: string;
  to: string;
}

export interface ModeShare {
  car: number;
  bike: number;
  walk: number;
  transit: number;
}

export interface CityFacts {
  population: number | null;
  area_km2: number | null;
  density_km2: number | null;
  source: string;
  assumed: boolean;
}

export interface CityInfo {
  slug: string;
  name: string;
  enabled: boolean;
  facts: CityFacts;
  /** west, south, east, north */
  bounds: [number, number, number, number];
  /** The basemap, a PMTiles archive; absent where a city was compiled without one. */
  tiles_url?: string;
  modes: string[];
  service_date: string;
  service_window: Window;
  attribution: string;
  digest: string;
  uncalibrated: boolean;
  /** what of the data nobody observed, a few words each */
  assumed: string[] | null;
}

export interface Stop {
  id: string;
  name: string;
  lon: number;
  lat: number;
  modes: string[] | null;
  group: number;
}

export interface Default {
  name: string;
  stops: string[];
  /** what changes beside the line, as the config of a run has it */
  also: Modification[] | null;
}

export interface ReportRow {
  part: string;
  what: string;
  count: number;
  unit: string;
  detail?: string;
}

export type FigureKind = 'mode_share' | 'trip_rate' | 'trip_length' | 'travel_time' | 'count';

/** Where and when vehicles are counted. */
export interface Spot extends Window {
  /** of OpenStreetMap */
  way: number;
  /** of the street, "" where it has none */
  name: string;
  /** where they drive; "" for both directions together */
  heading: string;
  lon: number;
  lat: number;
}

export interface Figure {
  kind: FigureKind;
  mode: string;
  value: number;
  /** of a count; observation and model tell the same one */
  spot?: Spot;
}

export interface Observation {
  what: string;
  value: string;
  source: string;
  year?: number;
  figures: Figure[] | null;
}

/** The model's city without any change. */
export interface Baseline {
  date: string;
  window: Window;
  traffic_level: string;
  model_version: string;
  persons: number;
  converged: boolean;
  relative_gap: number;
  figures: Figure[] | null;
  /** where the morning jams; null or missing in what an earlier version kept */
  full_demand?: FullDemand | null;
}

export interface FullDemand {
  vehicles: number;
  delay_h: number;
  until: string;
  unfinished: number;
  ring_turns: number;
  rings: JamRing[] | null;
  standing: JamRing[] | null;
  queues: JamQueue[] | null;
  jams: Jam[] | null;
}

/** One direction of a piece of street. */
export interface JamStreet {
  way: number;
  name: string;
  class: string;
  heading: string;
  lon: number;
  lat: number;
  lanes: number;
  capacity_h: number;
  demand_h: number;
  volume_capacity: number;
}

/** A street on which cars lose time. */
export interface Jam extends JamStreet {
  delay_h: number;
  reason: string;
  cause: JamStreet;
  over_min: number;
  why: string;
}

/** A street that a queue begins before. */
export interface JamQueue extends JamStreet {
  delay_h: number;
  streets: number;
  reason: string;
  over_min: number;
  why: string;
}

export interface JamRing {
  at: string;
  streets: JamStreet[] | null;
}

export interface Limits {
  max_agents: number;
  max_replications: number;
  max_modifications: number;
  max_body_bytes: number;
  max_window_hours: number;
  /** requests of one client, such as "10/m"; "" when nobody counts */
  rate_submit?: string;
  rate_read?: string;
}

export interface CityDetail extends CityInfo {
  stops: Stop[];
  default: Default;
  mode_share: ModeShare;
  mode_share_source: string;
  mode_share_assumed: boolean;
  streets_url: string;
  sources: string[] | null;
  report: ReportRow[] | null;
  observed: Observation[] | null;
  /** null until the default morning was settled */
  baseline: Baseline | null;
  limits: Limits;
}

/** A run request: the short form, and the parts of the full form that an earlier run may bring along. */
export interface RunRequest {
  city: string;
  tram_start?: string;
  tram_end?: string;
  num_agents?: number;
  agent_distribution?: Record<string, number>;
  traffic_level?: string;
  sim_date?: string;
  sim_time?: string;
  window?: Window;
  replications?: number;
  seed?: number;
  iterations?: number;
  average_last?: number;
  modifications?: Modification[];
}

export interface StopRef {
  id?: string;
  name?: string;
  lon?: number;
  lat?: number;
  /** added by the model between the requested ends */
  chosen?: boolean;
}

export interface Headway extends Window {
  every_min: number;
}

/** The fields that the pages look at; the others pass through unseen. */
export interface Modification {
  type: string;
  id?: string;
  name?: string;
  mode?: string;
  stops?: (string | StopRef)[];
  lane?: string;
  headways?: Headway[];
  speed_kmh?: number;
  dwell_s?: number;
  capacity?: number;
  bidirectional?: boolean;
}

export interface Config {
  schema: number;
  model_version: string;
  city_digest: string;
  city: string;
  date: string;
  window: Window;
  agents: number;
  mode_share: ModeShare;
  mode_share_non_walk: boolean;
  mode_share_source: string;
  traffic_level: string;
  replications: number;
  seed: number;
  iterations: number;
  average_last: number;
  modifications: Modification[] | null;
}

export interface Submitted {
  job_id: string;
  status: State;
  submitted_at: string;
  cached: boolean;
}

export interface Reference {
  name: string;
  url: string;
  content_type: string;
  bytes: number;
}

export interface Status {
  job_id: string;
  status: State;
  stage: string;
  progress: number;
  eta_sec: number | null;
  attempt: number;
  message: string;
  submitted_at: string;
  started_at: string | null;
  finished_at: string | null;
  config: Config | null;
  run_key: string;
  artifacts: Reference[] | null;
}

export interface KPI {
  id: string;
  name: string;
  unit: string;
  headline: boolean;
  baseline: number;
  scenario: number;
  diff: number;
  ci95: Interval;
  verdict: Verdict;
  better: string;
}

export interface ModeRow {
  mode: string;
  baseline_trips: number;
  scenario_trips: number;
  diff_trips: number;
  ci95: Interval;
  baseline_share: number;
  scenario_share: number;
  baseline_min: number;
  scenario_min: number;
}

export interface AreaRow {
  area: string;
  residents: number;
  baseline_min: number;
  scenario_min: number;
  diff_min: number;
  ci95: Interval;
  /** percent of all jobs within 30 minutes by transit or on foot */
  baseline_jobs_30: number;
  scenario_jobs_30: number;
}

export interface Breakdown {
  mode: ModeRow[] | null;
  area: AreaRow[] | null;
  /** expected trips by baseline mode (row) and scenario mode (column): car, bike, walk, transit; rows sum to the trips before, columns to those after */
  mode_shift: number[][];
}

export interface LineStop {
  id: string;
  name: string;
  lon: number;
  lat: number;
  chosen: boolean;
}

export interface LineResult {
  id: string;
  name: string;
  length_km: number;
  run_min: number;
  vehicles: number;
  stops: LineStop[] | null;
  boardings: number;
  ci95: Interval;
  max_load: number;
}

/** A line of the timetable that runs differently, or no longer. */
export interface ChangedLine {
  id: string;
  name: string;
  what: string;
  baseline_departures: number;
  scenario_departures: number;
  baseline_boardings: number;
  scenario_boardings: number;
  diff_boardings: number;
  ci95: Interval;
}

export interface Correlation {
  kpi: string;
  correlation: number;
  variance_ratio: number;
}

export interface Summary {
  schema: number;
  city: string;
  city_name: string;
  title: string;
  date: string;
  window: Window;
  /** what the timetable holds */
  service_window: Window;
  /** what of the city's data nobody observed; absent in results of older versions */
  assumed: string[] | null;
  traffic_level: string;
  population: number;
  agents: number;
  replications: number;
  iterations: number;
  converged: boolean;
  relative_gap: number;
  uncalibrated: boolean;
  assumptions: string[] | null;
  warnings: string[] | null;
  verdict: string[] | null;
  kpis: KPI[] | null;
  by: Breakdown;
  lines: LineResult[] | null;
  changed_lines?: ChangedLine[];
  correlation: Correlation[] | null;
  attribution: string;
}

export interface Problem {
  path: string;
  message: string;
  valid?: string[];
}

/** RFC 9457 problem+json with every invalid field. */
export interface ProblemDocument {
  type?: string;
  title?: string;
  status?: number;
  detail?: string;
  errors?: Problem[];
}

export interface Insights {
  summary_md: string;
  cached: boolean;
}

/** POST /v1/insights/{job_id}/chat */
export interface JobAnswer {
  reply_md: string;
  source: 'rules' | 'model';
  note?: string;
}

/** GET /v1/jobs */
export interface JobList {
  jobs: Status[] | null;
}

/** links.geojson: the new line, its stops and the changed links. Volumes are vehicles in the window. */
export interface LineProps {
  kind: 'line';
  name: string;
}
export interface StopProps {
  kind: 'stop';
  name: string;
}
export interface LinkProps {
  kind: 'link';
  way: number;
  name: string;
  baseline: number;
  scenario: number;
  diff: number;
  ci_lo: number;
  ci_hi: number;
  /** whether the change of this link stands out: p below 0.001 in its own paired test */
  clear: boolean;
}
export type Links = FeatureCollection<LineString | Point, LineProps | StopProps | LinkProps>;

/** access.geojson: one point per cluster of homes. */
export interface AccessProps {
  residents: number;
  area: string;
  /** mean minutes to the city's jobs by transit or on foot */
  baseline_min: number;
  scenario_min: number;
  diff_min: number;
  /** percent of all jobs within 30 minutes by transit or on foot */
  jobs30_baseline: number;
  jobs30_scenario: number;
  jobs30_diff: number;
  /** some of the city's lines run to no published timetable */
  service_assumed?: boolean;
}
export type Access = FeatureCollection<Point, AccessProps>;

/** /web/config/site.json: where this copy of the pages finds its service. */
export interface SiteConfig {
  apiBaseUrl: string;
  /** the address of GET /files: same origin "/files" unless another host keeps them */
  filesBaseUrl: string;
  featureFlags: Record<string, boolean>;
  /** as the operator wrote it; lib/consent.ts reads it */
  rum: unknown;
  version: string;
}

/** `rum` of site.json: where visits are reported to, of those who agree. */
export interface RumConfig {
  app_monitor_id: string;
  /** Cognito pool whose guests may report; null where the monitor's own policy lets everybody */
  identity_pool_id: string | null;
  region: string;
  /** share of sessions, 0 to 1 */
  sample_rate: number;
  endpoint: string;
}
