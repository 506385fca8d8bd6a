// Amazon CloudWatch RUM's own client, in its small build: page views, errors and
// web vitals of visitors who agreed. A chunk of its own, loaded after the yes.
import { AwsRum } from '@aws-rum/web-slim';
import { BeaconHttpHandler } from '@aws-rum/web-core/dispatch/BeaconHttpHandler';
import { DataPlaneClient } from '@aws-rum/web-core/dispatch/DataPlaneClient';
import type { PutRumEventsRequest } from '@aws-rum/web-core/dispatch/dataplane';
import type { ClientBuilder } from '@aws-rum/web-core/dispatch/Dispatch';
import { EnhancedAuthentication } from '@aws-rum/web-core/dispatch/EnhancedAuthentication';
import { FetchHttpHandler } from '@aws-rum/web-core/dispatch/FetchHttpHandler';
import { RetryHttpHandler } from '@aws-rum/web-core/dispatch/RetryHttpHandler';
import { createSigningConfig } from '@aws-rum/web-core/dispatch/signing';
import { JsErrorPlugin } from '@aws-rum/web-core/plugins/event-plugins/JsErrorPlugin';
import { WebVitalsPlugin } from '@aws-rum/web-core/plugins/event-plugins/WebVitalsPlugin';
import type { RumConfig } from './api/types';
import { scrub } from './scrub';

class Visit extends AwsRum {
  /** Drawn once a session, and kept with it. */
  get sampled(): boolean {
    return this.eventCache.isSessionSampled();
  }
}

const RETRIES = 2;

/** Nothing leaves without its addresses and ids taken out. */
const clean = (r: PutRumEventsRequest): PutRumEventsRequest => ({
  ...r,
  RumEvents: r.RumEvents.map((e) => ({ ...e, details: scrub(e.details), ...(e.metadata === undefined ? {} : { metadata: scrub(e.metadata) }) })),
});

const cleanClient: ClientBuilder = (endpoint, region, credentials, compressionStrategy) => {
  const client = new DataPlaneClient(
    {
      fetchRequestHandler: new RetryHttpHandler(new FetchHttpHandler({ fetchFunction: (...a) => globalThis.fetch.call(globalThis, ...a) }), RETRIES),
      beaconRequestHandler: new BeaconHttpHandler(),
      endpoint,
      region,
      credentials,
      ...(compressionStrategy ? { compressionStrategy } : {}),
    },
    credentials ? createSigningConfig(credentials, region) : undefined,
  );
  const { sendFetch, sendBeacon } = client;
  client.sendFetch = (r) => sendFetch(clean(r));
  client.sendBeacon = (r) => sendBeacon(clean(r));
  return client;
};

/** Starts measuring this visit, if its session is drawn into the sample. */
export function measure(config: RumConfig, version: string): { stop: () => void } {
  const cookieAttributes = { unique: false, domain: location.hostname, path: '/', sameSite: 'Strict', secure: location.protocol === 'https:' };
  const visit = new Visit(config.app_monitor_id, version || 'unknown', config.region, {
    allowCookies: true,
    cookieAttributes,
    sessionSampleRate: config.sample_rate,
    endpoint: config.endpoint,
    // Without an identity pool the monitor's own policy lets everybody report.
    signing: config.identity_pool_id !== null,
    clientBuilder: cleanClient,
    eventPluginsToLoad: [new JsErrorPlugin({}), new WebVitalsPlugin({})],
    disableAutoPageView: true,
    enableXRay: false,
  });
  if (config.identity_pool_id !== null && visit.sampled) {
    const guest = new EnhancedAuthentication({ identityPoolId: config.identity_pool_id, cookieAttributes }, config.app_monitor_id).ChainAnonymousCredentialsProvider;
    guest().then(
      () => visit.setAwsCredentials(guest),
      () => visit.disable(),
    );
  }
  // The title of a result holds what somebody asked: the path is the page.
  visit.recordPageView({ pageId: location.pathname, pageAttributes: { title: location.pathname } });
  return {
    stop() {
      visit.allowCookies(false);
      visit.disable();
    },
  };
}
